"""A stage as phases over files: every task of one before any of the next, in any process on any machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from pipelines.exchange import receive, send
from pipelines.stages import LinkStage, MapStage, ShuffleStage, SourceStage, Stage
from pipelines.store import StageStore
from pipelines.tasks import link_part, link_round, map_part, read_part, reduce_part, route_part, start_links

Work = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Phase:
    """Tasks that may run at the same time.

    Attributes:
        name: what they do.
        work: does the task of a rank, of so many in all; to do it again does no harm. It can be pickled.
    """

    name: str
    work: Work


@dataclass(frozen=True, slots=True)
class Places:
    """Where a stage's tasks read and write.

    Attributes:
        here: the stage's own place; its side table is there, if it has one.
        above: the place of the stage before, None for the first.
        batch_rows: rows of a map stage's batches.
        has_side: whether there is a side table.
    """

    here: StageStore
    above: StageStore | None
    batch_rows: int
    has_side: bool

    def records(self, rank: int, world: int) -> pa.Table:
        """Return the records that fall to a task."""
        assert self.above is not None
        return self.above.share(rank, world)

    def batches(self, rank: int, world: int) -> Iterator[pa.Table]:
        """Yield them batch by batch."""
        assert self.above is not None
        return self.above.share_batches(rank, world, self.batch_rows)

    def side(self) -> pa.Table | None:
        """Return the side table."""
        return self.here.side() if self.has_side else None


def phases_of(stage: Stage, places: Places, partitions: int) -> list[Phase]:
    """Return the phases of a stage in their order."""
    if isinstance(stage, SourceStage):
        return [Phase("read", partial(read_part, stage, places.here))]
    if isinstance(stage, MapStage):
        return [Phase("map", partial(_map, stage, places))]
    if isinstance(stage, LinkStage):
        rounds = stage.rounds(0, partitions)
        middle = [Phase(each.name, partial(_round, stage, places, number)) for number, each in enumerate(rounds)]
        finish = Phase("finish", partial(_finish, stage, places, len(rounds)))
        return [Phase("start", partial(_start, stage, places)), *middle, finish]
    if isinstance(stage, ShuffleStage):
        return [Phase("route", partial(_route, stage, places)), Phase("reduce", partial(_reduce, stage, places))]
    raise TypeError(f"{stage.name} is no kind of stage that an engine knows")


def _map(stage: MapStage, places: Places, rank: int, world: int) -> None:
    map_part(stage, places.here, rank, world, places.batches(rank, world), places.side())


def _route(stage: ShuffleStage, places: Places, rank: int, world: int) -> None:
    send(places.here, "rows", route_part(stage, places.records(rank, world), places.side(), rank, world), rank, world)


def _reduce(stage: ShuffleStage, places: Places, rank: int, world: int) -> None:
    reduce_part(stage, places.here, rank, world, receive(places.here, "rows", rank, world), places.side())


def _start(stage: LinkStage, places: Places, rank: int, world: int) -> None:
    send(places.here, "round-0", start_links(stage, places.records(rank, world), rank, world), rank, world)


def _round(stage: LinkStage, places: Places, number: int, rank: int, world: int) -> None:
    rows = receive(places.here, f"round-{number}", rank, world)
    looks = stage.rounds(rank, world)[number].needs_records
    records = places.records(rank, world) if looks else pa.table({})
    send(places.here, f"round-{number + 1}", link_round(stage, number, rows, records, rank, world), rank, world)


def _finish(stage: LinkStage, places: Places, rounds: int, rank: int, world: int) -> None:
    rows = receive(places.here, f"round-{rounds}", rank, world)
    link_part(stage, places.here, rank, world, rows, places.records(rank, world), places.side())
