"""`curate quickstart`, `curate plan` and `curate run`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import click

from curation.alarms import Alarm, describe
from curation.cli.output import columns, plain, result, say
from curation.config import RunConfig, load_config, parse_config
from curation.errors import ConfigError, GateFailedError
from curation.release import Release, open_release

_Function = Callable[..., Any]
_ALARMS = 5


def _engine_options(function: _Function) -> _Function:
    options = (
        click.option("--engine", type=click.Choice(["datatrove", "beam"]), default="datatrove", show_default=True),
        click.option(
            "--workers", type=click.IntRange(1), default=2, show_default=True, help="Processes or workers (datatrove)."
        ),
        click.option("--work", default="", metavar="PLACE", help="Work folder, a path or URL; by default in --out."),
        click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Replace a setting: --set seed=7"),
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
        click.argument("engine_arguments", nargs=-1, type=click.UNPROCESSED),
    )
    for option in reversed(options):
        function = option(function)
    return function


def _licence_options(function: _Function) -> _Function:
    about = "Leave out sources whose licence forbids commercial use, or of which nobody knows."
    return click.option("--commercial-safe", is_flag=True, help=about)(function)


def _load(config: Path, overrides: tuple[str, ...], *, commercial_safe: bool) -> RunConfig:
    """Read a config, and say which sources a run does without."""
    from curation.licences.licensing import apply_licences

    loaded = load_config(config, (*overrides, *(["release.commercial_safe=true"] if commercial_safe else [])))
    for each in apply_licences(loaded).left_out:
        say(f"Left out: {plain(each.source)} ({plain(each.licence)}): {each.why}")
    return loaded


@click.command("quickstart")
@click.option("--out", type=click.Path(path_type=Path), default=Path("quickstart"), show_default=True)
@_engine_options
def quickstart_command(out: Path, as_json: bool, overrides: tuple[str, ...], **engine: Any) -> int:
    """Make a gated release of Django's translations, offline, in minutes.

    The text is real: the message catalogues in 99 locales that Django's wheel holds.
    """
    _need_django()
    text = resources.files("curation").joinpath("quickstart.yml").read_text(encoding="utf-8")
    config = parse_config(text, origin="quickstart.yml", overrides=overrides)
    return _run(config, Path.cwd(), out, engine, as_json=as_json)


@click.command("run")
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the run.")
@_licence_options
@_engine_options
def run_command(
    config: Path, out: Path, as_json: bool, overrides: tuple[str, ...], commercial_safe: bool, **engine: Any
) -> int:
    """Run CONFIG: sources to a gated release in the folder of --out.

    Options after `--` go to the engine: to datatrove's launcher, as in

        curate run c.yml --out d -- --launcher slurm --slurm-partition cpu --workers 50

    or to the Beam runner, as in

        curate run c.yml --out d --engine beam -- --runner FlinkRunner --parallelism 8
    """
    loaded = _load(config, overrides, commercial_safe=commercial_safe)
    return _run(loaded, config.absolute().parent, out, engine, as_json=as_json)


@click.command("plan")
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run; plan.json is written there.")
@click.option("--repo", metavar="ORG/NAME", help="Show, too, what publishing the release in --out would change there.")
@_licence_options
@_engine_options
def plan_command(
    config: Path,
    out: Path | None,
    repo: str | None,
    as_json: bool,
    overrides: tuple[str, ...],
    commercial_safe: bool,
    **engine: Any,
) -> None:
    """Show the inputs and stages of CONFIG, and which stages are finished already. Runs nothing."""
    from curation.files import write_json
    from pipelines.run import plan_run

    loaded = _load(config, overrides, commercial_safe=commercial_safe)
    plan = plan_run(loaded, config.absolute().parent, out, _options(engine))
    if out:
        write_json(out / "plan.json", plan)
    inputs = [(name, len(files), sum(file["bytes"] for file in files)) for name, files in plan["inputs"].items()]
    stages = [(stage["stage"], "finished" if stage["cached"] else "to do") for stage in plan["stages"]]
    tables = (columns(("source", "files", "bytes"), inputs), columns(("stage", "state"), stages))
    parts = [*tables, *_estimate(plan["estimate"]), f"licence  {plan['licence']['release'] or 'of each row'}"]
    if repo is not None:
        if out is None or not (out / "release").is_dir():
            raise click.UsageError("--repo needs --out with a finished release: what it holds is not known before")
        publication, text = _publication(out / "release", repo)
        plan, parts = {**plan, "publish": publication}, [*parts, text]
    result(plan, "\n\n".join(parts), as_json=as_json)


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


def _estimate(found: dict[str, Any] | None) -> list[str]:
    """Say what a plan takes, if it is known; to two digits, since it can be wrong by the factor that stands with it."""
    if found is None:
        return ["estimate  none: how much there is to read is known when it is read"]
    workers, factors = found["workers"], (found["cost_factor"], found["records_factor"])
    core_hours, hours, dollars = (_about(found[name]) for name in ("core_hours", "hours", "dataflow_usd"))
    lines = [
        f"estimate, right within a factor of {factors[0]:g}; records within {factors[1]:g}",
        f"  {_about(found['records'])} records, {core_hours} core hours, {hours} hours with {workers} worker(s)",
        f"  {_about(found['shuffled_gb'])} GB shuffled, {_about(found['stored_gb'])} GB in work/",
        f"  on Dataflow {dollars} US dollars",
    ]
    if found["unmeasured"]:
        lines.append(f"  without {', '.join(found['unmeasured'])}, of which no rate is known")
    return ["\n".join(lines)]


def _about(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.15g}"


def _run(config: RunConfig, base: Path, out: Path, engine: dict[str, Any], *, as_json: bool) -> int:
    from curation.cli.progress import run_progress
    from pipelines.run import gate_and_report, run

    with run_progress() as progress:
        release_path = run(config, base, out, _options(engine), progress)
        gate_and_report(config, out, progress)
    release = open_release(release_path)
    verdict = release.verdict
    result(_summary(release, out), _closing(release, out), as_json=as_json)
    if verdict is None or verdict["status"] == "pass":
        return 0
    say(f"The gate's verdict is {verdict['status']}: see {out / 'report.html'}")
    return GateFailedError.exit_code if verdict["status"] == "fail" else 1


def _options(engine: dict[str, Any]) -> Any:
    from pipelines.run import RunOptions

    return RunOptions(engine["engine"], engine["workers"], tuple(engine["engine_arguments"]), engine["work"])


def _summary(release: Release, out: Path) -> dict[str, Any]:
    verdict = release.verdict
    return {
        "release": str(release.path),
        "report": str(out / "report.html"),
        "manifest_sha256": release.digest,
        "verdict": verdict["status"] if verdict else None,
        "alarms": release.stats["alarms"],
        "totals": release.stats["totals"],
        "funnel": release.stats["funnel"],
    }


def _closing(release: Release, out: Path) -> str:
    stats, verdict = release.stats, release.verdict
    names = ("stage", "in", "dropped", "merged", "quarantined", "out")
    languages = sum(1 for row in stats["languages"].values() if row["released"])
    name = f"{release.manifest['name']} {release.manifest['version']}"
    outcome = verdict["status"].upper() if verdict else "not gated"
    return "\n".join(
        [
            "",
            f"{name}: {stats['totals']['released']:,} pairs in {languages} languages; verdict: {outcome}",
            "",
            columns(names, [[row[name] for name in names] for row in stats["funnel"]]),
            "",
            *_warnings(release, out),
            f"release  {release.path}",
            f"report   {out / 'report.html'}",
            "",
            "Next:",
            f"  curate verify {release.path}",
            f"  curate explain {_some_id(release)} --run {out}",
            "  curate init bitext --out c.yml   # a config to begin with, for your own files",
        ]
    )


def _warnings(release: Release, out: Path) -> list[str]:
    alarms = [Alarm.from_json(alarm) for alarm in release.stats["alarms"]]
    lines = [f"alarm    {describe(alarm)}" for alarm in alarms[:_ALARMS]]
    more = [f"         and {len(alarms) - _ALARMS:,} more"] if len(alarms) > _ALARMS else []
    return [*lines, *more, f"samples  {out / 'alarms.md'}", ""] if alarms else []


def _some_id(release: Release) -> str:
    language = release.languages[0]
    rows = release.read("full", split=release.splits[0], columns=["id"], language=language)
    return str(rows["id"][0]) if rows.num_rows else "ID"


def _need_django() -> None:
    import importlib.util

    if importlib.util.find_spec("django") is None:
        hint = "pip install 'ml-embed-curation[demo]'"
        raise ConfigError("The quickstart reads Django's catalogues", why="Django is not installed", hint=hint)
