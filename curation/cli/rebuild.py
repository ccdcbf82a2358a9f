"""`curate rebuild`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from curation.cli.output import result, say
from curation.config import load_config
from curation.release import open_release


@click.command("rebuild")
@click.argument("release", type=click.Path(path_type=Path))
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder in which data/ is made.")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Replace a setting: --set sources.0.path=x"
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def rebuild_command(release: Path, config: Path, out: Path, overrides: tuple[str, ...], as_json: bool) -> int:
    """Make the rows that RELEASE holds without texts again from their sources, which CONFIG names.

    Exits with 1 if some could not be made.
    """
    from pipelines.rebuild import rebuild

    made = rebuild(open_release(release), load_config(config, overrides), config.absolute().parent, out)
    text = f"{made.written:,} of {made.rows:,} rows were made again in {out}"
    result(asdict(made) | {"out": str(out)}, text, as_json=as_json)
    reasons = {
        "missing": "rows are not in the sources",
        "changed": "rows have other texts in the sources",
        "negatives": "rows lack a negative in the sources",
    }
    for name, number in made.failed.items():
        say(f"{number:,} {reasons[name]}")
    return 1 if made.failed else 0
