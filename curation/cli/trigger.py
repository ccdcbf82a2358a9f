"""`curate trigger`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curation.cli.gate import summary
from curation.cli.output import result, say
from curation.errors import GateFailedError

if TYPE_CHECKING:
    from hub_upload.triggers import Backend, Outcome, Request

_Function = Callable[..., Any]
# Stated here as well: to import them takes too long for a help text.
_BACKENDS = ("local", "hf-jobs", "github", "command")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


class _Duration(click.ParamType[float]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"([0-9]{1,6})([smhd]?)", str(value))
        if match is None:
            self.fail(f"{value!r} is no duration: 90, 90s, 30m, 2h or 1d", param, ctx)
        return float(int(match[1]) * _UNITS[match[2]])


def _backend_options(function: _Function) -> _Function:
    options = (
        click.option("--image", help="hf-jobs: Docker image; it must hold uv."),
        click.option("--flavor", help="hf-jobs: hardware, cpu-upgrade by default."),
        click.option("--job-timeout", metavar="DURATION", help="hf-jobs: how long the job may run, 2h by default."),
        click.option("--namespace", help="hf-jobs: who pays; the owner of the token by default."),
        click.option("--package", help="hf-jobs: requirement that installs this project; '' if the image has it."),
        click.option("--secret", "secrets", multiple=True, metavar="NAME", help="hf-jobs: pass on this variable."),
        click.option("--verdict-repo", metavar="ORG/NAME", help="hf-jobs: commit verdicts there, too."),
        click.option("--watch", is_flag=True, help="hf-jobs: check each later release, too, by a webhook."),
        click.option("--github-repo", metavar="OWNER/NAME", help="github: repository with the workflow."),
        click.option("--workflow", metavar="FILE", help="github: its file, smoke-test.yml by default."),
        click.option("--event-type", help="github: what it listens to, curation-smoke-test by default."),
        click.option("--command", help="command: starts the run; see docs/triggers.md for the contract."),
        click.option("--poll-command", help="command: prints the run's state."),
        click.option("--verdict-command", help="command: prints the verdict."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.command("trigger")
@click.argument("release", metavar="RELEASE_REF")
@click.option("--backend", type=click.Choice(_BACKENDS), required=True, help="Where the gate runs.")
@click.option("--baseline", help="An earlier release to compare with, a folder or a reference.")
@click.option("--attempt", type=click.IntRange(1), default=1, show_default=True, help="2 runs it a second time.")
@click.option("--timeout", type=_Duration(), default="6h", show_default=True, help="How long to wait.")
@click.option("--no-wait", is_flag=True, help="Only start it; the same command without it waits.")
@click.option("--out", type=click.Path(path_type=Path), help="Write OUT/verdict.json.")
@click.option("--state", type=click.Path(path_type=Path), help="Where runs are remembered; in the cache by default.")
@_backend_options
@click.option("--dry-run", is_flag=True, help="Print what would be sent or run, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def trigger_command(
    release: str,
    backend: str,
    baseline: str | None,
    attempt: int,
    timeout: float,
    no_wait: bool,
    out: Path | None,
    state: Path | None,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Run the gate of a release elsewhere, wait for it, and fetch its verdict; exit 3 if it fails.

    RELEASE_REF is hf://datasets/ORG/NAME@REVISION, or a folder (local and command only).

    The same command finds the run that it started before, goes on waiting, or fetches its verdict again.

        curate trigger hf://datasets/org/name@v1.0.0 --backend hf-jobs --flavor t4-small
    """
    from hub_upload.triggers import run_trigger
    from hub_upload.triggers.backends import Options, make_backend
    from hub_upload.triggers.workplace import default_state

    chosen = Options(**options)
    place, settings = make_backend(backend, chosen, state or default_state())
    request = _request(release, backend, baseline, attempt, settings)
    if dry_run:
        return _show(place, request, chosen.secrets if chosen.watch else None)
    outcome = run_trigger(place, request, timeout=timeout, wait=not no_wait, say=say)
    webhook = _watch(place, request, outcome, chosen.secrets) if chosen.watch else None
    return _report(request, outcome, out, webhook, as_json=as_json)


def _request(release: str, backend: str, baseline: str | None, attempt: int, settings: dict[str, Any]) -> Request:
    from hub_upload.triggers import Request, Spec
    from hub_upload.triggers.targets import find_target

    earlier = find_target(baseline) if baseline else None
    spec = Spec(backend, earlier.digest if earlier else None, attempt, settings)
    return Request(find_target(release), spec, earlier)


def _show(place: Backend, request: Request, watch_secrets: tuple[str, ...] | None) -> int:
    """Print the exact payload."""
    from hub_upload.triggers.printing import without_tokens_inside
    from hub_upload.triggers.watching import webhook_payload

    payloads = [place.payload(request)]
    payloads += [webhook_payload(request, watch_secrets)] if watch_secrets is not None else []
    value = {"backend": place.name, "key": request.key, "payloads": payloads}
    # Always JSON: this is what would be sent.
    result(without_tokens_inside(value), "", as_json=True)
    return 0


def _watch(place: Backend, request: Request, outcome: Outcome, secrets: tuple[str, ...]) -> str:
    from hub_upload.triggers.hf_jobs import HfJobsBackend
    from hub_upload.triggers.watching import watch

    assert isinstance(place, HfJobsBackend), "the options of one backend are refused for another"
    return watch(place.client, request, outcome.handle, secrets)


def _report(request: Request, outcome: Outcome, out: Path | None, webhook: str | None, *, as_json: bool) -> int:
    from curation.files import write_json

    verdict, handle = outcome.verdict, outcome.handle
    if out is not None and verdict is not None:
        write_json(out / "verdict.json", verdict)
    value = {
        "backend": request.spec.backend,
        "key": request.key,
        "release": {"reference": request.release.reference, "manifest_sha256": request.release.digest},
        "run": {"id": handle.id, "url": handle.url, "found": handle.found, "state": outcome.status.state},
        "webhook": webhook,
        "verdict": verdict,
    }
    run = f"run      {handle.url or handle.id or request.tag}: {outcome.status.state}"
    lines = [run, *([f"webhook  {webhook}"] if webhook else []), *(["", summary(verdict)] if verdict else [])]
    result(value, "\n".join(lines), as_json=as_json)
    if verdict is None:
        return 0
    return {"pass": 0, "fail": GateFailedError.exit_code}.get(verdict["status"], 1)
