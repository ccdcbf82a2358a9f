"""`curate export`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from curation.cli.output import columns, plain, result, say
from curation.errors import ConfigError

if TYPE_CHECKING:
    from curation.release import Release

_VIEWS = ("sentence-transformers", "ml-embed", "flagembedding", "tevatron", "beir")
_SPLITS = ("train", "validation", "test")
_SHOWN = 20


@click.command("export")
@click.argument("release", type=click.Path(path_type=Path))
@click.option("--view", type=click.Choice(_VIEWS), required=True, help="Whose layout to write.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to make.")
@click.option(
    "--split",
    "splits",
    type=click.Choice(_SPLITS),
    multiple=True,
    help="Split to export, can be given again; train by default, and for beir the held-out ones.",
)
@click.option("--languages", default="", help="Languages, with commas between them; all by default.")
@click.option("--sources", default="", help="Sources, with commas between them; all by default.")
@click.option("--instruction-in-text", is_flag=True, help="sentence-transformers: instructions go into the anchors.")
@click.option("--max-rows", type=click.IntRange(1), help="ml-embed: greatest number of rows of a dataset; 80,000.")
@click.option("--force", is_flag=True, help="Replace an earlier export in --out.")
@click.option("--json", "as_json", is_flag=True, help="Print export.json.")
def export_command(
    release: Path,
    view: str,
    out: Path,
    splits: tuple[str, ...],
    languages: str,
    sources: str,
    instruction_in_text: bool,
    max_rows: int | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write RELEASE in the layout that another trainer or evaluator reads, see docs/export.md."""
    from curation.export import Options, export_release
    from curation.export.names import counted
    from curation.export.options import ML_EMBED_ROWS
    from curation.release import open_release

    options = Options(
        splits=tuple(dict.fromkeys(splits)),
        languages=tuple(_codes(_listed(languages), open_release(release))),
        sources=tuple(_listed(sources)),
        instruction_in_text=instruction_in_text,
        max_rows=ML_EMBED_ROWS if max_rows is None else max_rows,
    )
    export = export_release(release, view, out, options, replace=force)
    datasets = export.value["datasets"]
    for warning in export.value["warnings"]:
        say(f"Note: {plain(warning)}")
    rows = [(entry["name"], entry["split"], entry["task"], entry["rows"]) for entry in datasets[:_SHOWN]]
    text = columns(("dataset", "split", "task", "rows"), rows)
    if len(datasets) > _SHOWN:
        text += f"\nand {len(datasets) - _SHOWN} more, see export.json"
    total = sum(entry["rows"] for entry in datasets)
    text += f"\n\n{out}: {counted(total, 'row')} of {counted(len(datasets), 'dataset')}"
    text += f" in {counted(len(export.value['files']), 'file')}"
    result(export.value, text, as_json=as_json)


def _listed(text: str) -> list[str]:
    return list(dict.fromkeys(part for each in text.split(",") if (part := each.strip())))


def _codes(values: Sequence[str], release: Release) -> list[str]:
    """Return the codes of languages; one without a script stands for all scripts and variants that the release has.

    Where it has none of them all stay, so that the refusal names them.
    """
    from language_configs import UnknownLanguageError, variants

    try:
        named = [[language.code for language in variants(value)] for value in values]
    except UnknownLanguageError as error:
        raise ConfigError(str(error), hint="curate langs shows all codes") from None
    released = set(release.languages)
    found = ([code for code in codes if code in released] or codes for codes in named)
    return list(dict.fromkeys(code for codes in found for code in codes))
