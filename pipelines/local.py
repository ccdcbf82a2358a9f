"""The datatrove adapter: a step for each phase of a stage, over files in the run's work folder.

datatrove's completion markers know nothing of config or input, so each stage's logging folder lies inside the
stage's own content-addressed one, under a name that holds the number of partitions.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from typing import Any

from datatrove.pipeline.base import PipelineStep
from loguru import logger

from curation.errors import CurationError, of_os_error
from pipelines.engine import NO_CHECKS, Checks, Observer
from pipelines.folders import LocalFolder, open_folder
from pipelines.launch.base import Launcher
from pipelines.phases import Phase, Places, phases_of
from pipelines.progress import watching
from pipelines.stages import Graph, Stage
from pipelines.store import Done, StageStore, Store
from pipelines.tasks import add_up


@dataclass(frozen=True)
class DatatroveEngine:
    """Runs a graph with datatrove's steps, wherever its launcher runs them.

    Attributes:
        launcher: runs the tasks of a step.
        partitions: parts of every stage.
        batch_rows: rows of a map stage's batches.
    """

    launcher: Launcher
    partitions: int
    batch_rows: int

    def run(self, graph: Graph, store: Store, observer: Observer, checks: Checks = NO_CHECKS) -> None:
        """Run the stages that are not finished, one after the other, and check each at once."""
        # datatrove logs through loguru, whose first handler holds the real stderr: its place is the task logs.
        logger.remove()
        with closing(self.launcher):
            self._run_stages(graph, store, observer, checks)

    def _run_stages(self, graph: Graph, store: Store, observer: Observer, checks: Checks) -> None:
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
            open_folder(self._logs(place)).remove("")
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
        log = f"{self._logs(place)}/{phase.name}-{self.partitions}"
        try:
            self.launcher.launch(PhaseStep(place.stage, phase), tasks=self.partitions, log=log)
        except OSError as error:
            raise of_os_error(error, where=str(place.folder)) from error

    def _logs(self, place: StageStore) -> str:
        """Return where datatrove keeps logs, and its marks of finished tasks, which hold while the stage's parts do.

        A stage in an object store has them there if its workers are elsewhere. Otherwise they are kept here and for
        this run only, for datatrove gives up when a store fails once.
        """
        if isinstance(place.folder, LocalFolder) or not self.launcher.is_here:
            return f"{place.folder}/log"
        return f"{_logs_of_this_run()}/{str(place.folder).rpartition('/')[2]}"


@cache
def _logs_of_this_run() -> str:
    folder = tempfile.mkdtemp(prefix="curate-logs-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class PhaseStep(PipelineStep):  # type: ignore[misc]
    """A phase as datatrove runs it."""

    type = "curation"

    def __init__(self, stage: str, phase: Phase) -> None:
        super().__init__()
        self.name, self.phase = f"{stage}: {phase.name}", phase

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Do the task of a rank."""
        yield from data or ()
        self.phase.work(rank, world_size)
