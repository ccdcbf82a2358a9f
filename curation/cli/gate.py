"""`curate gate`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from curation.cli.output import columns, plain, result
from curation.cli.progress import run_progress
from curation.errors import ConfigError, GateFailedError


@click.command("gate")
@click.argument("release")
@click.option("--baseline", help="An earlier release to compare with, a folder or a reference.")
@click.option("--out", type=click.Path(path_type=Path), help="Write OUT/gate instead of RELEASE/gate.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def gate_command(release: str, baseline: str | None, out: Path | None, as_json: bool) -> int:
    """Check RELEASE, write its verdict to RELEASE/gate (verdict.json, report.html, junit.xml); exit 3 if it fails.

    RELEASE is a folder, or hf://datasets/ORG/NAME@REVISION, which needs --out.
    """
    from curation.gate import run_gate
    from curation.release import open_release
    from curation.report import write_gate_outputs
    from hub_upload.references import is_reference, release_folder

    if out is None and is_reference(release):
        why = "its copy on this machine is kept as it was published"
        raise ConfigError("The verdict on a release of the Hub needs a folder", release, why, "add --out DIR")
    opened = open_release(release_folder(release))
    place = opened.path if out is None else out
    with run_progress() as progress:
        progress.started("gate", opened.manifest["config"]["training"]["steps"])
        earlier = open_release(release_folder(baseline)) if baseline else None
        verdict = run_gate(opened, baseline=earlier, out=place / "gate", progress=progress.advanced)
    write_gate_outputs(opened, out=place)
    value = verdict.to_json()
    result(value, summary(value), as_json=as_json)
    return {"pass": 0, "fail": GateFailedError.exit_code}.get(value["status"], 1)


def summary(verdict: Mapping[str, Any]) -> str:
    """Return for people what a verdict says, perhaps a stranger's: its status, and each check that did not pass."""
    rows = [
        (
            plain(check["id"]),
            plain(check["language"]) or "-",
            check["status"],
            f"{check['value']}",
            f"{plain(check['op'])} {check['threshold']}",
        )
        for check in verdict["checks"]
        if check["status"] not in ("pass", "skipped")
    ]
    text = f"verdict: {verdict['status'].upper()}"
    return text + ("\n\n" + columns(("check", "language", "status", "value", "required"), rows) if rows else "")
