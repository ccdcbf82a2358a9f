"""The datatrove adapter: an executor for each phase of a stage, over files in the run's work folder.

datatrove's completion markers know nothing of config or input, so each stage's logging folder lies inside the
stage's own content-addressed one, under a name that holds the number of partitions.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from loguru import logger

from curation.errors import CurationError, of_os_error
from pipelines.engine import NO_CHECKS, Checks, Observer
from pipelines.folders import LocalFolder
from pipelines.phases import Phase, Places, phases_of
from pipelines.progress import watching
from pipelines.stages import Graph, Stage
from pipelines.store import Done, StageStore, Store
from pipelines.tasks import add_up


@dataclass(frozen=True)
class DatatroveEngine:
    """Runs a graph on this machine with datatrove's executor.

    Attributes:
        workers: processes at a time; 1 runs in this process.
        partitions: parts of every stage.
        batch_rows: rows of a map stage's batches.
    """

    workers: int
    partitions: int
    batch_rows: int

    def run(self, graph: Graph, store: Store, observer: Observer, checks: Checks = NO_CHECKS) -> None:
        """Run the stages that are not finished, one after the other, and check each at once."""
        # datatrove logs through loguru, whose first handler holds the real stderr: its place is the task logs.
        logger.remove()
        places = store.places(graph.digests())
        stages = {stage.name: stage for stage in graph.stages}
        above: StageStore | None = None
        for stage in graph.stages:
            place = places[stage.name]
            done = place.settle(self.partitions)
            reused = done is not None
            if done is None:
                observer.started(stage.name, self.partitions)
                with watching([place], observer):
                    done = self._finish(stage, above, stages, places)
            observer.finished(stage.name, done, reused=reused)
            if stage.name in checks:
                checks[stage.name](place)
            above = place

    def _finish(
        self, stage: Stage, above: StageStore | None, stages: Mapping[str, Stage], places: Mapping[str, StageStore]
    ) -> Done:
        """Run a stage; once more from its beginning where tasks are marked as finished and their parts are gone."""
        place = places[stage.name]
        for _ in range(2):
            self._run_stage(stage, above, stages, places)
            done = place.settle(self.partitions)
            if done is not None:
                return done
            shutil.rmtree(_log_folder(place), ignore_errors=True)
        hint = "see that nobody else writes there, and run the same command again"
        raise CurationError(f"Parts of the stage {stage.name} are gone", where=str(place.folder), hint=hint)

    def _run_stage(
        self,
        stage: Stage,
        above: StageStore | None,
        stages: Mapping[str, Stage],
        places: Mapping[str, StageStore],
    ) -> None:
        place = places[stage.name]
        if stage.side:
            place.write_side(stage.side_table(add_up(stages[stage.side], places[stage.side].tallies())))
        for phase in phases_of(stage, Places(place, above, self.batch_rows, bool(stage.side)), self.partitions):
            self._execute(place, phase)

    def _execute(self, place: StageStore, phase: Phase) -> None:
        log = str(_log_folder(place) / f"{phase.name}-{self.partitions}")
        workers = min(self.workers, self.partitions)
        if workers > 1:
            _preload()
        executor = _QuietExecutor([PhaseStep(phase)], tasks=self.partitions, workers=workers, logging_dir=log)
        try:
            with _quiet():
                executor.run()
        except OSError as error:
            raise of_os_error(error, where=str(place.folder)) from error


def _log_folder(place: StageStore) -> Path:
    """Return where datatrove keeps its logs, and its marks of finished tasks, which hold for as long as both are there.

    Those of a stage in an object store are kept here for this run only: datatrove gives up when a store fails once.
    """
    if isinstance(place.folder, LocalFolder):
        return place.folder.path / "log"
    return Path(_logs_of_this_run()) / str(place.folder).rpartition("/")[2]


@cache
def _logs_of_this_run() -> str:
    folder = tempfile.mkdtemp(prefix="curate-logs-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class PhaseStep(PipelineStep):  # type: ignore[misc]
    """A phase as datatrove runs it."""

    type = "curation"

    def __init__(self, phase: Phase) -> None:
        super().__init__()
        self.name, self.phase = phase.name, phase

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Do the task of a rank."""
        yield from data or ()
        self.phase.work(rank, world_size)


class _QuietExecutor(LocalPipelineExecutor):  # type: ignore[misc]
    """datatrove's executor, with its console log sent to the task's log file only."""

    def _run_for_rank(self, rank: int, local_rank: int = 0, node_rank: int = -1) -> Any:
        with _quiet():
            return super()._run_for_rank(rank, local_rank, node_rank)


class _Nowhere(io.TextIOBase):
    """A text stream that swallows everything, and that loguru can go on holding."""

    def write(self, text: str) -> int:
        return len(text)


_NOWHERE = _Nowhere()


def _quiet() -> contextlib.AbstractContextManager[Any]:
    return contextlib.redirect_stderr(_NOWHERE)


def _preload() -> None:
    """Let the fork server import what every worker needs, once instead of in each."""
    import multiprocess

    multiprocess.get_context("forkserver").set_forkserver_preload(["pipelines.preload"])
