"""`curate plan`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from curation.cli.options import engine_options, licence_options, load, run_options
from curation.cli.output import columns, plain, result
from curation.errors import GateFailedError
from curation.release import open_release

_DIGITS = 12
_MARKS = {"counted": "", "at most": "<= ", "estimated": "~ "}
_UNKNOWN = "?"


@click.command("plan")
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run; plan.json is written there.")
@click.option("--repo", metavar="ORG/NAME", help="Show, too, what publishing the release in --out would change there.")
@licence_options
@engine_options
def plan_command(
    config: Path,
    out: Path | None,
    repo: str | None,
    as_json: bool,
    overrides: tuple[str, ...],
    commercial_safe: bool,
    **engine: Any,
) -> None:
    """Show the inputs and stages of CONFIG, which stages are finished, and what the others will take. Runs nothing."""
    from curation.files import write_json
    from pipelines.run import plan_run

    loaded = load(config, overrides, commercial_safe=commercial_safe)
    plan = plan_run(loaded, config.absolute().parent, out, run_options(engine))
    if out:
        write_json(out / "plan.json", plan)
    parts = list(plan_text(plan, looked=out is not None))
    if repo is None:
        parts.append(_publish_later(config, out))
    else:
        if out is None or not (out / "release").is_dir():
            raise click.UsageError("--repo needs --out with a finished release: what it holds is not known before")
        publication, text = _publication(out / "release", repo)
        plan, parts = {**plan, "publish": publication}, [*parts, text]
    result(plan, "\n\n".join(parts), as_json=as_json)


def plan_text(plan: Mapping[str, Any], *, looked: bool) -> Iterator[str]:
    """Yield the paragraphs of a plan for people.

    Args:
        plan: as `pipelines.run.plan_run` returns it.
        looked: whether there is a folder of a run, in which finished stages were looked for.
    """
    engine, where = plan["engine"], {"local": "this machine"}
    place = f"{engine['name']} on {where.get(engine['on'], engine['on'])}"
    yield f"{plain(plan['name'])} {plan['version']}, with {place}, in {plan['partitions']:,} partition(s)"
    yield columns(("source", "files", "bytes", "rows", "sha256"), list(map(_source, plan["sources"].items())))
    legend = "~ estimated from bytes, <= at most" if looked else "~ estimated from bytes; --out finds finished stages"
    stages = columns(("stage", "state", "rows in", "core time", "stored"), list(map(_stage, plan["stages"])))
    yield f"{stages}\n{legend}"
    yield "\n".join(_estimate(plan["estimate"], engine["name"]))
    yield f"licence  {plan['licence']['release'] or 'of each row'}"


def _source(named: tuple[str, Mapping[str, Any]]) -> tuple[object, ...]:
    name, source = named
    digest = source["sha256"][:_DIGITS] if source["sha256"] else "when it is read"
    if source["revision"]:
        digest = f"none; revision {source['revision'][:_DIGITS]}"
    rows = _rows(source["rows"], "estimated")
    return plain(name), source["files"], _UNKNOWN if source["bytes"] is None else source["bytes"], rows, digest


def _stage(stage: Mapping[str, Any]) -> tuple[object, ...]:
    rows = _rows(stage["rows_in"], stage["rows_in_are"])
    if stage["cached"]:
        return stage["stage"], "finished", rows, "", ""
    seconds, stored = stage["core_seconds"], stage["stored_bytes"]
    known = (_UNKNOWN, _UNKNOWN) if seconds is None else (_time(seconds), _size(stored))
    return stage["stage"], "to do", rows, *known


def _rows(rows: int | None, known: str | None) -> str:
    if rows is None or known is None:
        return _UNKNOWN
    return _MARKS[known] + (_about(rows) if known == "estimated" else f"{rows:,}")


def _estimate(found: Mapping[str, Any] | None, engine: str) -> Iterator[str]:
    """Say what a plan takes, if it is known; to two digits, since it can be wrong by the factor that stands with it."""
    if found is None:
        yield "estimate  none: how much there is to read is known when it is read"
        return
    yield f"estimate, right within a factor of {found['cost_factor']:g}; rows within {found['records_factor']:g}"
    core = f"{_time(found['core_hours'] * 3600)} of one core"
    if found["hours"] is None:
        yield f"  {core}; how long it takes goes by the workers that there will be"
    else:
        yield f"  {_time(found['hours'] * 3600)} with {found['workers']} worker(s), {core}"
    yield f"  {_size(found['shuffled_gb'] * 1e9)} shuffled, {_size(found['stored_gb'] * 1e9)} in work/"
    if found["dataflow_usd"] is not None:
        yield f"  {_about(found['dataflow_usd'])} US dollars; list prices of {found['prices']}"
    yield f"  not in it, since nobody measured it: {', '.join(['the gate', *found['unmeasured']])}"
    longer = "; Beam takes longer on the same cores, see docs/scale.md" if engine == "beam" else ""
    yield f"  from the bytes of the inputs, and what a record took: {found['measured']}, with datatrove{longer}"


def _about(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.15g}"


def _time(seconds: float) -> str:
    for unit, length in (("h", 3600.0), ("min", 60.0)):
        if seconds >= length:
            return f"{_about(seconds / length)} {unit}"
    return f"{_about(seconds)} s"


def _size(count: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{_about(count / size)} {unit}"
    return f"{_about(count)} B"


def _publish_later(config: Path, out: Path | None) -> str:
    run = "RUN" if out is None else shlex.quote(str(out))
    when = "" if out is not None and (out / "release").is_dir() else ", once there is a release"
    command = f"curate plan {shlex.quote(str(config))} --out {run} --repo ORG/NAME"
    return f"publish  {plain(command)} shows what publishing would change{when}"


def _publication(release: Path, repo: str) -> tuple[dict[str, Any], str]:
    """Return what publishing a release would do, as JSON values and for people."""
    from dataclasses import asdict

    from curation.cli.publish import publication_text
    from hub_upload import publish

    try:
        planned = publish(release, repo, f"v{open_release(release).manifest['version']}", dry_run=True)
    except GateFailedError as error:
        return {"refused": error.what, "why": error.why}, f"publish  refused: {error.what}: {error.why}"
    return asdict(planned), publication_text(planned, dry_run=True)
