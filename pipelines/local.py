"""The datatrove adapter: one or more steps a stage, over files in the run's work folder.

datatrove's completion markers know nothing of config or input, so each stage's logging folder lies inside the
stage's own content-addressed one, under a name that holds the number of partitions.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from datatrove.pipeline.base import PipelineStep
from loguru import logger

from curation.files import atomic_path
from pipelines.engine import NO_CHECKS, Checks, Observer
from pipelines.launch.base import Launcher
from pipelines.progress import watching
from pipelines.routing import Routed
from pipelines.stages import Graph, LinkStage, MapStage, ShuffleStage, SourceStage, Stage
from pipelines.store import StageStore, Store, part_name
from pipelines.tasks import link_part, link_round, map_part, read_part, reduce_part, route_part, start_links

# Where each partition's batches begin, in the metadata of a routed file's schema.
_BOUNDS = b"bounds"
_ROUTED = pa.ipc.IpcWriteOptions(compression="lz4")


@dataclass(frozen=True)
class DatatroveEngine:
    """Runs a graph as steps of datatrove.

    Attributes:
        launcher: runs the tasks of each step.
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
        digests = graph.digests()
        places = {stage.name: store.stage(stage.name, digests[stage.name]) for stage in graph.stages}
        above: StageStore | None = None
        for stage in graph.stages:
            place = places[stage.name]
            done = place.done()
            reused = done is not None
            if done is None:
                observer.started(stage.name, self.partitions)
                with watching([place], observer):
                    self._run_stage(stage, place, above, places.get(stage.side))
                done = place.finish([place.counts(part_name(rank, self.partitions)) for rank in range(self.partitions)])
            observer.finished(stage.name, done, reused=reused)
            if stage.name in checks:
                checks[stage.name](place)
            above = place

    def _run_stage(self, stage: Stage, place: StageStore, above: StageStore | None, side: StageStore | None) -> None:
        if isinstance(stage, SourceStage):
            self._execute(place, "read", ReadTask(stage, place))
        elif above is None:
            raise TypeError(f"the graph must begin with a source, not {stage.name}")
        elif isinstance(stage, MapStage):
            self._execute(place, "map", MapTask(stage, place, above, self.batch_rows))
        elif isinstance(stage, LinkStage):
            rounds = stage.rounds(0, self.partitions)
            self._execute(place, "start", StartLinksTask(stage, place, above))
            for number, step in enumerate(rounds):
                self._execute(place, step.name, LinkRoundTask(stage, place, above, number))
            self._execute(place, "finish", LinkTask(stage, place, above, len(rounds)))
        elif isinstance(stage, ShuffleStage):
            self._execute(place, "route", RouteTask(stage, place, above))
            self._execute(place, "reduce", ReduceTask(stage, place, side))

    def _execute(self, place: StageStore, phase: str, task: PipelineStep) -> None:
        log = place.log_path / f"{phase}-{self.partitions}"
        self.launcher.launch(task, tasks=self.partitions, log=str(log))


class ReadTask(PipelineStep):  # type: ignore[misc]
    """Reads one task's share of a source stage."""

    name = "read"
    type = "curation"

    def __init__(self, stage: SourceStage, place: StageStore) -> None:
        super().__init__()
        self.stage, self.place = stage, place

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Write part `rank`."""
        yield from data or ()
        read_part(self.stage, self.place, rank, world_size)


class MapTask(PipelineStep):  # type: ignore[misc]
    """Applies a map stage to the parts of the stage above that fall to a task."""

    name = "map"
    type = "curation"

    def __init__(self, stage: MapStage, place: StageStore, above: StageStore, batch_rows: int) -> None:
        super().__init__()
        self.stage, self.place, self.above, self.batch_rows = stage, place, above, batch_rows

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Write part `rank`."""
        yield from data or ()
        batches = self.above.share_batches(rank, world_size, self.batch_rows)
        map_part(self.stage, self.place, rank, world_size, batches)


class RouteTask(PipelineStep):  # type: ignore[misc]
    """Cuts the parts of the stage above by the keys of a shuffle stage."""

    name = "route"
    type = "curation"

    def __init__(self, stage: ShuffleStage, place: StageStore, above: StageStore) -> None:
        super().__init__()
        self.stage, self.place, self.above = stage, place, above

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Send the rows of partition `rank`."""
        yield from data or ()
        pieces = route_part(self.stage, self.above.share(rank, world_size), rank, world_size)
        _send(self.place, "rows", pieces, rank, world_size)


class ReduceTask(PipelineStep):  # type: ignore[misc]
    """Reduces one partition of a shuffle stage."""

    name = "reduce"
    type = "curation"

    def __init__(self, stage: ShuffleStage, place: StageStore, side: StageStore | None) -> None:
        super().__init__()
        self.stage, self.place, self.side = stage, place, side

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Write part `rank`."""
        yield from data or ()
        pieces = _receive(self.place, "rows", rank, world_size)
        tallies = self.side.tallies() if self.side else None
        reduce_part(self.stage, self.place, rank, world_size, pieces, tallies)


class StartLinksTask(PipelineStep):  # type: ignore[misc]
    """Sends the first rows of a link stage."""

    name = "start links"
    type = "curation"

    def __init__(self, stage: LinkStage, place: StageStore, above: StageStore) -> None:
        super().__init__()
        self.stage, self.place, self.above = stage, place, above

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Send the rows of partition `rank`."""
        yield from data or ()
        pieces = start_links(self.stage, self.above.share(rank, world_size), rank, world_size)
        _send(self.place, "round-0", pieces, rank, world_size)


class LinkRoundTask(PipelineStep):  # type: ignore[misc]
    """Does one round of a link stage."""

    name = "link round"
    type = "curation"

    def __init__(self, stage: LinkStage, place: StageStore, above: StageStore, number: int) -> None:
        super().__init__()
        self.stage, self.place, self.above, self.number = stage, place, above, number

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Do the round in partition `rank`."""
        yield from data or ()
        rows = _receive(self.place, f"round-{self.number}", rank, world_size)
        looks = self.stage.rounds(rank, world_size)[self.number].needs_records
        records = self.above.share(rank, world_size) if looks else pa.table({})
        pieces = link_round(self.stage, self.number, rows, records, rank, world_size)
        _send(self.place, f"round-{self.number + 1}", pieces, rank, world_size)


class LinkTask(PipelineStep):  # type: ignore[misc]
    """Ends a link stage."""

    name = "finish links"
    type = "curation"

    def __init__(self, stage: LinkStage, place: StageStore, above: StageStore, rounds: int) -> None:
        super().__init__()
        self.stage, self.place, self.above, self.rounds = stage, place, above, rounds

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Write part `rank`."""
        yield from data or ()
        rows = _receive(self.place, f"round-{self.rounds}", rank, world_size)
        link_part(self.stage, self.place, rank, world_size, rows, self.above.share(rank, world_size))


def _send(place: StageStore, what: str, pieces: Iterator[Routed], source: int, world: int) -> None:
    """Write one file with the batches of all partitions: mostly one, several where texts exceed 2 GiB."""
    found = dict(pieces)
    nothing = found[source].slice(0, 0)
    batches = [found.get(partition, nothing).combine_chunks().to_batches() for partition in range(world)]
    bounds = np.cumsum([0, *(len(part) for part in batches)])
    schema = nothing.schema.with_metadata({_BOUNDS: ",".join(map(str, bounds))})
    with (
        atomic_path(_routed(place, what, source, world)) as path,
        pa.OSFile(str(path), "wb") as stream,
        pa.ipc.new_file(stream, schema, options=_ROUTED) as writer,
    ):
        for batch in itertools.chain.from_iterable(batches):
            writer.write_batch(batch.replace_schema_metadata(schema.metadata))


def _receive(place: StageStore, what: str, rank: int, world: int) -> list[pa.Table]:
    """Read what all partitions have sent to partition `rank`."""
    return [_read(_routed(place, what, source, world), rank) for source in range(world)]


def _routed(place: StageStore, what: str, source: int, world: int) -> Path:
    return place.shuffle_path / what / part_name(source, world)


def _read(path: Path, partition: int) -> pa.Table:
    with pa.OSFile(str(path)) as stream:
        reader = pa.ipc.open_file(stream)
        bounds = [int(bound) for bound in reader.schema.metadata[_BOUNDS].split(b",")]
        batches = [reader.get_batch(number) for number in range(*bounds[partition : partition + 2])]
        return pa.Table.from_batches(batches, reader.schema).replace_schema_metadata(None)
