"""How far a run is, told from its files alone: whatever engine is at work on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from curation.errors import CurationError
from curation.release import Release, layout, open_release
from curation.release.assemble import stated_config
from pipelines.lock import is_locked
from pipelines.plan import Plan, read_config, read_plan
from pipelines.store import Done, StageStore

StageState = Literal["done", "at work", "cut", "waiting"]
RunState = Literal["running", "finished", "cut"]


@dataclass(frozen=True, slots=True)
class StageStatus:
    """How far one stage is.

    Attributes:
        stage: its name.
        state: `done`; `at work` or `cut`, where some of it is there and the run goes on or does not; or `waiting`.
        parts: parts that are written.
        of: parts that it will have.
        rows_in: rows that entered the written parts.
        rows_out: records that they let go on.
        ledgered: ledger rows of theirs.
        note: how far the work on a part is, empty where nobody says.
    """

    stage: str
    state: StageState
    parts: int
    of: int
    rows_in: int
    rows_out: int
    ledgered: int
    note: str


@dataclass(frozen=True, slots=True)
class RunStatus:
    """How far a run is.

    Attributes:
        name: of the release.
        version: of the release.
        engine: name of the engine.
        state: `running` while a process of this machine holds the folder; `finished` if the release of this plan is
            there; or `cut`.
        stages: in their order.
        verdict: of the gate on that release, None before.
    """

    name: str
    version: str
    engine: str
    state: RunState
    stages: tuple[StageStatus, ...]
    verdict: str | None


def run_status(run: Path) -> RunStatus:
    """Find out how far a run is.

    Args:
        run: folder of the run; nothing is written there.

    Raises:
        CurationError: if the folder holds no run, or something that no run has written.
    """
    plan = read_plan(run)
    running = is_locked(run)
    stages = tuple(_stages(plan, running=running))
    release = _release(run, plan) if all(stage.state == "done" for stage in stages) else None
    state: RunState = "running" if running else "finished" if release else "cut"
    verdict = str((release.verdict or {}).get("status") or "") if release else ""
    return RunStatus(plan.name, plan.version, plan.engine, state, stages, verdict or None)


def _stages(plan: Plan, *, running: bool) -> Iterator[StageStatus]:
    is_next = True
    for place in plan.places:
        try:
            yield (status := _stage(place, plan.partitions, running=running, is_next=is_next))
        except (KeyError, TypeError, ValueError) as error:
            hint = f"delete {place.folder} and run the same command again"
            what = f"The counts of the stage {place.stage} cannot be read"
            raise CurationError(what, where=str(place.folder), why=str(error), hint=hint) from error
        is_next &= status.state == "done"


def _stage(place: StageStore, partitions: int, *, running: bool, is_next: bool) -> StageStatus:
    done = place.done()
    if done is not None:
        count = len(done.parts)
        return StageStatus(place.stage, "done", count, count, done.rows_in, done.rows_out, done.ledgered, "")
    parts = place.written(partitions)
    state: StageState = "waiting" if not parts else "at work" if running else "cut"
    if running and is_next:
        state = "at work"
    so_far = Done(place.stage, tuple(parts))
    note = place.note() if state == "at work" else ""
    return StageStatus(
        place.stage, state, len(parts), partitions, so_far.rows_in, so_far.rows_out, so_far.ledgered, note
    )


def _release(run: Path, plan: Plan) -> Release | None:
    """Return the release that this plan has made, None where there is none, or that of an earlier plan."""
    if not (run / "release" / layout.MANIFEST).exists():
        return None
    release = open_release(run / "release")
    newer = (release.path / layout.MANIFEST).stat().st_mtime_ns >= plan.places[-1].finished_ns()
    return release if newer and release.manifest.get("config") == stated_config(read_config(run)) else None
