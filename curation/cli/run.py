"""`curate quickstart` and `curate run`."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import click

from curation.alarms import Alarm, describe
from curation.cli.options import engine_options, licence_options, load, run_options
from curation.cli.output import columns, result, say
from curation.config import RunConfig, parse_config
from curation.errors import ConfigError, GateFailedError
from curation.release import Release, open_release

_ALARMS = 5


@click.command("quickstart")
@click.option("--out", type=click.Path(path_type=Path), default=Path("quickstart"), show_default=True)
@engine_options
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
@licence_options
@engine_options
def run_command(
    config: Path, out: Path, as_json: bool, overrides: tuple[str, ...], commercial_safe: bool, **engine: Any
) -> int:
    """Run CONFIG: sources to a gated release in the folder of --out.

    Options after `--` go to the engine: to datatrove's launcher, as in

        curate run c.yml --out d -- --launcher slurm --slurm-partition cpu --workers 50

    or to the Beam runner, as in

        curate run c.yml --out d --engine beam -- --runner FlinkRunner --parallelism 8
    """
    loaded = load(config, overrides, commercial_safe=commercial_safe)
    return _run(loaded, config.absolute().parent, out, engine, as_json=as_json)


def _run(config: RunConfig, base: Path, out: Path, engine: dict[str, Any], *, as_json: bool) -> int:
    from curation.cli.progress import observed
    from pipelines.run import gate_and_report, run

    with observed(config.name, engine["engine"]) as progress:
        release_path = run(config, base, out, run_options(engine), progress)
        gate_and_report(config, base, out, progress)
    release = open_release(release_path)
    verdict = release.verdict
    result(_summary(release, out), _closing(release, out), as_json=as_json)
    if verdict is None or verdict["status"] == "pass":
        return 0
    say(f"The gate's verdict is {verdict['status']}: see {out / 'report.html'}")
    return GateFailedError.exit_code if verdict["status"] == "fail" else 1


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
