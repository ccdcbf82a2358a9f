"""`curate explain`, `curate report`, `curate verify` and `curate langs`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from curation.cli.output import columns, plain, result
from curation.errors import ConfigError, ReleaseError

_TEXT_CHARS = 160


@click.command("explain")
@click.argument("record_id")
@click.option("--run", "run", type=click.Path(path_type=Path), required=True, help="Folder of a run.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def explain_command(record_id: str, run: Path, as_json: bool) -> None:
    """Show what every stage decided about the record RECORD_ID, with score and threshold."""
    from pipelines.explain import explain

    explanation = explain(record_id, run)
    lines = [f"{explanation.id}: {explanation.outcome}"]
    lines += [f"  {name:<9} {plain(str(value))[:_TEXT_CHARS]}" for name, value in explanation.record.items()]
    for step in explanation.steps:
        lines.append(f"{step.stage}: {step.decision}{f' ({step.reason})' if step.reason else ''}")
        lines += [f"  {_detail(detail)}" for detail in step.details]
    result(asdict(explanation), "\n".join(lines), as_json=as_json)


def _detail(detail: dict[str, Any]) -> str:
    text = plain(detail["name"])[:_TEXT_CHARS]
    if detail["score"] is not None:
        text += f": {_number(detail['score'])}"
    return text if detail["threshold"] is None else f"{text} (threshold {_number(detail['threshold'])})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


@click.command("report")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def report_command(folder: Path, as_json: bool) -> None:
    """Write report.html and report.json of a run, or of a release, into FOLDER's run."""
    from curation.release import open_release
    from curation.report import write_report

    run = (folder / "release").is_dir()
    release = open_release(folder / "release" if run else folder)
    # A release is sealed: what is not in its manifest goes beside it.
    target = folder if run else folder.absolute().parent
    html, json = target / "report.html", target / "report.json"
    write_report(release, ledger=folder / "ledger" if run else None, html=html, json=json)
    result({"html": str(html), "json": str(json)}, f"{html}\n{json}", as_json=as_json)


@click.command("verify")
@click.argument("release", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def verify_command(release: Path, as_json: bool) -> int:
    """Re-check every digest of RELEASE: names each file that is missing, changed or added."""
    from curation.release.verify import verify_release

    opened, findings = verify_release(release)
    shards = [file for file in opened.files if file.rows is not None]
    sound = {"files": len(opened.files), "rows": sum(f.rows or 0 for f in shards if f.path.startswith("data/"))}
    value = {"ok": not findings, "manifest_sha256": opened.digest, **sound, "findings": [asdict(f) for f in findings]}
    if not findings:
        text = f"{release}: {sound['files']:,} files and {sound['rows']:,} rows are as the manifest says"
        result(value, f"{text}\nmanifest sha256 {opened.digest}", as_json=as_json)
        return 0
    table = columns(("file", "problem", "detail"), [(plain(f.path), f.problem, plain(f.detail)) for f in findings])
    result(value, table, as_json=as_json)
    raise ReleaseError(
        f"{len(findings)} finding(s): this release is not what its manifest says",
        where=str(release),
        hint="fetch or make it again; do not train on it",
    )


@click.command("langs")
@click.argument("code", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def langs_command(code: str | None, as_json: bool) -> None:
    """Show the language table, or what is known about the language CODE (any common code)."""
    from language_configs import UnknownLanguageError, languages, resolve

    if code is not None:
        try:
            language = resolve(code).model_dump(mode="json")
        except UnknownLanguageError as error:
            raise ConfigError(str(error), hint="curate langs shows all codes") from None
        lines = [f"{name:<12} {value}" for name, value in language.items()]
        result(language, "\n".join(lines), as_json=as_json)
        return
    known = languages()
    rows = [(language.code, language.name, " ".join(language.scripts)) for language in known.values()]
    table = columns(("code", "name", "scripts"), rows)
    result([language.model_dump(mode="json") for language in known.values()], table, as_json=as_json)
