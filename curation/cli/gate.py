"""`curate train` and `curate gate`."""

from __future__ import annotations

from pathlib import Path

import click

from curation.cli.output import columns, result
from curation.cli.progress import RunProgress
from curation.errors import GateFailedError


@click.command("train")
@click.argument("release", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the model.")
@click.option("--steps", type=click.IntRange(1), help="Optimiser steps; as in the release's config by default.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def train_command(release: Path, out: Path, steps: int | None, as_json: bool) -> None:
    """Train the bundled smoke model on RELEASE."""
    from curation.config.training import Training
    from curation.release import open_release
    from curation.training import train_smoke

    opened = open_release(release)
    options = Training.model_validate(opened.manifest["config"]["training"] | ({"steps": steps} if steps else {}))
    with RunProgress() as progress:
        progress.started("train", options.steps)
        model = train_smoke(
            opened,
            options,
            seed=opened.manifest["seed"],
            cache=out / "cache",
            progress=lambda step, _, loss: progress.advanced(step, f"loss {loss:.3f}"),
        )
    model.save(out)
    value = {"model": str(out), "steps": options.steps, "first_loss": model.losses[0], "last_loss": model.losses[-1]}
    text = f"{out}: {options.steps:,} steps, loss {model.losses[0]:.3f} -> {model.losses[-1]:.3f}"
    result(value, text, as_json=as_json)


@click.command("gate")
@click.argument("release", type=click.Path(path_type=Path))
@click.option("--baseline", type=click.Path(path_type=Path), help="An earlier release to compare with.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def gate_command(release: Path, baseline: Path | None, as_json: bool) -> int:
    """Check RELEASE, write its verdict to RELEASE/gate (verdict.json, report.html, junit.xml); exit 3 if it fails."""
    from curation.gate import run_gate
    from curation.release import open_release
    from curation.report import write_gate_outputs

    opened = open_release(release)
    with RunProgress() as progress:
        progress.started("gate", opened.manifest["config"]["training"]["steps"])
        earlier = open_release(baseline) if baseline else None
        verdict = run_gate(opened, baseline=earlier, out=release / "gate", progress=progress.advanced)
    write_gate_outputs(opened)
    value = verdict.to_json()
    rows = [
        (
            check["id"],
            check["language"] or "-",
            check["status"],
            f"{check['value']}",
            f"{check['op']} {check['threshold']}",
        )
        for check in value["checks"]
        if check["status"] not in ("pass", "skipped")
    ]
    text = f"verdict: {value['status'].upper()}"
    if rows:
        text += "\n\n" + columns(("check", "language", "status", "value", "required"), rows)
    result(value, text, as_json=as_json)
    return {"pass": 0, "fail": GateFailedError.exit_code}.get(value["status"], 1)
