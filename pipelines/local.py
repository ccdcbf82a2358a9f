"""The datatrove adapter: an executor for each phase of a stage, over files in the run's work folder.

datatrove's completion markers know nothing of config or input, so each stage's logging folder lies inside the
stage's own content-addressed one, under a name that holds the number of partitions.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from loguru import logger

from pipelines.engine import NO_CHECKS, Checks, Observer
from pipelines.phases import Phase, Places, phases_of
from pipelines.progress import watching
from pipelines.stages import Graph, Stage
from pipelines.store import StageStore, Store, part_name
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
            done = place.done()
            reused = done is not None
            if done is None:
                observer.started(stage.name, self.partitions)
                with watching([place], observer):
                    self._run_stage(stage, above, stages, places)
                done = place.finish([place.counts(part_name(rank, self.partitions)) for rank in range(self.partitions)])
            observer.finished(stage.name, done, reused=reused)
            if stage.name in checks:
                checks[stage.name](place)
            above = place

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
        log = f"{place.folder}/log/{phase.name}-{self.partitions}"
        workers = min(self.workers, self.partitions)
        if workers > 1:
            _preload()
        executor = _QuietExecutor([PhaseStep(phase)], tasks=self.partitions, workers=workers, logging_dir=log)
        with _quiet():
            executor.run()


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
