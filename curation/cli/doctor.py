"""`curate doctor`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from curation.cli.output import plain, result

_SIGNS = {"ok": "ok", "absent": "-", "wrong": "WRONG"}


@click.command("doctor")
@click.option("--out", type=click.Path(path_type=Path), default=Path(), help="Where runs are to be made.")
@click.option("--offline", is_flag=True, help="Do not ask the Hub who the token is.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def doctor_command(out: Path, offline: bool, as_json: bool) -> int:
    """Look at what this machine has for a run: packages, models, memory, disk, GPUs, engines, the Hub's token.

    Exits with 1 if something would keep a run from working. What is only absent matters to some runs.
    """
    from curation.doctor import look_around
    from hub_upload.doctor import look_at_hub
    from pipelines.doctor import look_at_engines

    findings = [*look_around(out), *look_at_engines(), *([] if offline else [look_at_hub()])]
    lines = []
    for finding in findings:
        lines.append(f"{_SIGNS[finding.state]:<6} {finding.subject}: {plain(finding.detail)}")
        if finding.hint and finding.state != "ok":
            lines.append(f"         next: {plain(finding.hint)}")
    wrong = sum(finding.state == "wrong" for finding in findings)
    lines.append("" if not wrong else f"\n{wrong} thing(s) would keep a run from working")
    value = {"ok": not wrong, "findings": [asdict(finding) for finding in findings]}
    result(value, "\n".join(lines).rstrip(), as_json=as_json)
    return 1 if wrong else 0
