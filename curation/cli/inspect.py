"""`curate explain`, `curate status`, `curate report`, `curate verify` and `curate langs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curation.cli.output import columns, plain, result, say
from curation.errors import ConfigError, ReleaseError

if TYPE_CHECKING:
    from curation.release import Release
    from curation.release.verify import Finding
    from language_configs import Language

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


@click.command("status")
@click.option("--run", "run", type=click.Path(path_type=Path), required=True, help="Folder of a run.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def status_command(run: Path, as_json: bool) -> None:
    """Show how far a run is, whatever engine is at work on it; only its files are read."""
    from pipelines.status import run_status

    status = run_status(run)
    begun = [stage for stage in status.stages if stage.state != "waiting"]
    rows = [
        (s.stage, s.state, f"{s.parts}/{s.of}", s.rows_in, s.rows_out, s.ledgered, plain(s.note)[:_TEXT_CHARS])
        for s in begun
    ]
    head = f"{plain(status.name)} {plain(status.version)} on {plain(status.engine)}: {status.state}"
    lines = [f"{head}; verdict: {status.verdict.upper()}" if status.verdict else head, ""]
    lines += [columns(("stage", "state", "parts", "in", "out", "ledger", ""), rows)] if rows else []
    waiting = [stage.stage for stage in status.stages if stage.state == "waiting"]
    lines += ["", f"waiting: {', '.join(waiting)}"] if waiting else []
    result(asdict(status), "\n".join(lines), as_json=as_json)


@click.command("report")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--baseline", help="An earlier release to compare with, a folder or a reference.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def report_command(folder: Path, baseline: str | None, as_json: bool) -> None:
    """Write report.html and report.json of a run, or of a release, into FOLDER's run.

    Nothing is compared without --baseline; the report that `curate run` leaves compares with the parent.
    """
    from curation.release import open_release
    from curation.report import write_report
    from hub_upload.references import release_folder

    run = (folder / "release").is_dir()
    release = open_release(folder / "release" if run else folder)
    # A release is sealed: what is not in its manifest goes beside it.
    target = folder if run else folder.absolute().parent
    html, json = target / "report.html", target / "report.json"
    earlier = open_release(release_folder(baseline)) if baseline else None
    write_report(release, ledger=folder / "ledger" if run else None, html=html, json=json, baseline=earlier)
    result({"html": str(html), "json": str(json)}, f"{html}\n{json}", as_json=as_json)


@click.command("verify")
@click.argument("release")
@click.option("--deep", is_flag=True, help="Of the Hub: download everything, and hash it here.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def verify_command(release: str, deep: bool, as_json: bool) -> int:
    """Re-check every digest of RELEASE: names each file that is missing, changed or added.

    RELEASE is a folder, or hf://datasets/ORG/NAME@REVISION: of that, digests are compared as the Hub gives them, and
    only small files and the footers of shards are fetched.
    """
    from hub_upload.references import is_reference, parse_reference

    if is_reference(release):
        from hub_upload.verifying import verify_remote

        check = verify_remote(parse_reference(release), deep=deep)
        if check.yanked is not None:
            say(f"Warning: {check.yanked.version} was yanked: {plain(check.yanked.reason)}")
        facts = {"commit": check.commit, "yanked": check.yanked.reason if check.yanked else None}
        return _verified(release, check.release, check.findings, facts, as_json=as_json)
    from curation.release.verify import verify_release

    return _verified(release, *verify_release(release), {}, as_json=as_json)


def _verified(
    name: str, release: Release, findings: Sequence[Finding], facts: Mapping[str, Any], *, as_json: bool
) -> int:
    shards = [file for file in release.files if file.rows is not None]
    sound = {"files": len(release.files), "rows": sum(f.rows or 0 for f in shards if f.path.startswith("data/"))}
    value = {"ok": not findings, "manifest_sha256": release.digest, **sound, **facts}
    value["findings"] = [asdict(finding) for finding in findings]
    if not findings:
        text = f"{name}: {sound['files']:,} files and {sound['rows']:,} rows are as the manifest says"
        result(value, f"{text}\nmanifest sha256 {release.digest}", as_json=as_json)
        return 0
    table = columns(("file", "problem", "detail"), [(plain(f.path), f.problem, plain(f.detail)) for f in findings])
    result(value, table, as_json=as_json)
    raise ReleaseError(
        f"{len(findings)} finding(s): this release is not what its manifest says",
        where=name,
        hint="fetch or make it again; do not train on it",
    )


@click.command("langs")
@click.argument("code", required=False)
@click.option("--lint", "as_lint", is_flag=True, help="Check all language files; exits with 1 if anything is wrong.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def langs_command(code: str | None, as_lint: bool, as_json: bool) -> int:
    """Show the language table, or what holds for the language CODE (any common code) and which file says so.

    CURATION_LANGUAGES names a folder of language files of your own, see docs/languages.md.
    """
    if as_lint and code is not None:
        raise click.UsageError("--lint checks all languages: leave CODE out")
    if as_lint:
        return _lint(as_json=as_json)
    if code is not None:
        _language(code, as_json=as_json)
    else:
        _languages(as_json=as_json)
    return 0


def _languages(*, as_json: bool) -> None:
    from language_configs import languages

    known = languages().values()
    header = ("code", "name", "scripts", "bcp47", "flores", "glotlid", "lid.176", "mteb")
    rows = [
        (
            *(language.code, language.name, " ".join(language.scripts), language.bcp47 or "-", language.flores or "-"),
            *(" ".join(language.glotlid) or "-", " ".join(language.lid176) or "-", language.mteb or "-"),
        )
        for language in known
    ]
    result([_facts(language) for language in known], _aligned([header, *rows]), as_json=as_json)


def _language(code: str, *, as_json: bool) -> None:
    from language_configs import UnknownLanguageError, explain, resolve

    try:
        language = resolve(code)
    except UnknownLanguageError as error:
        raise ConfigError(str(error), hint="curate langs shows all codes") from None
    values = explain(language)
    rows = [(value.key, value.level, plain(value.file), plain(_shown(value.value))) for value in values]
    origins = [asdict(value) for value in values]
    result(_facts(language) | {"origins": origins}, _aligned(rows), as_json=as_json)


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return a table of words, all columns to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _facts(language: Language) -> dict[str, Any]:
    """Return a language for a program: what it holds, and the codes that follow from that."""
    derived = ("base", "script", "iso639_2", "iso639_3", "bcp47", "flores", "glotlid", "lid176", "mteb")
    return language.model_dump(mode="json") | {name: getattr(language, name) for name in derived}


def _shown(value: Any) -> str:
    if isinstance(value, tuple | list):
        return " ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_shown(item)}" for key, item in value.items() if item != "")
    return "off" if value is None else str(value)


def _lint(*, as_json: bool) -> int:
    from language_configs.lint import lint

    findings = lint()
    text = "\n".join(plain(str(finding)) for finding in findings) or "the language files are sound"
    result([asdict(finding) for finding in findings], text, as_json=as_json)
    return 1 if findings else 0
