"""What one task of a stage does, the same under every engine: take rows, decide, write a part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import pyarrow as pa

from curation.notes import listening
from curation.outcome import Outcome
from pipelines.routing import Routed, cut, gather
from pipelines.stages import (
    EmbeddingStage,
    LinkStage,
    MapStage,
    ShuffleStage,
    SinkStage,
    SourceStage,
    Stage,
    apply_or_quarantine,
)
from pipelines.store import StageStore, part_name

# So many tallies are added up at a time: there is one a partition.
_TALLIES = 64


def read_part(stage: SourceStage, place: StageStore, rank: int, world: int) -> None:
    """Write part `rank` of a source stage."""
    pieces = ((piece.outcome, piece.rows_in) for piece in stage.read(rank, world))
    place.write_all(part_name(rank, world), pieces)


def map_part(
    stage: MapStage, place: StageStore, rank: int, world: int, batches: Iterable[pa.Table], side: pa.Table | None
) -> None:
    """Write part `rank` of a map stage, one batch in memory at a time."""
    tallies: list[pa.Table] = []

    def tally() -> pa.Table | None:
        return stage.merge_tallies(tallies) if tallies else None

    outcomes = ((apply_or_quarantine(stage, batch, side), batch.num_rows) for batch in batches)
    place.write_all(part_name(rank, world), _counted(stage, outcomes, tallies), tally)


def _counted(
    stage: Stage, outcomes: Iterable[tuple[Outcome, int]], tallies: list[pa.Table]
) -> Iterator[tuple[Outcome, int]]:
    for outcome, rows_in in outcomes:
        tally = stage.tally(outcome.records)
        if tally is not None:
            tallies.append(tally)
        yield outcome, rows_in


def route_part(
    stage: ShuffleStage, records: pa.Table, side: pa.Table | None, rank: int, world: int
) -> Iterator[Routed]:
    """Cut the records of one partition for a shuffle stage; each piece comes with the partition that it goes to."""
    routes = stage.route(records, side, world)
    return cut(records, routes.rows, routes.targets, world, always=rank)


def reduce_part(
    stage: ShuffleStage, place: StageStore, rank: int, world: int, pieces: Sequence[pa.Table], side: pa.Table | None
) -> None:
    """Write part `rank` of a shuffle stage.

    Args:
        stage: the stage.
        place: where its results go.
        rank: the partition.
        world: number of partitions.
        pieces: the partition's rows, in any order.
        side: the stage's side table.
    """
    records, name = gather(pieces), part_name(rank, world)
    if isinstance(stage, SinkStage):
        with place.files_here() as folder:
            written = stage.write(records, side, folder, rank, world)
        place.write(name, written.outcome, written.outcome.records.num_rows, written.tally)
        return
    with listening(partial(place.write_note, name)):
        outcome = stage.reduce(records, side)
    place.write(name, outcome, records.num_rows, stage.tally(outcome.records))


def embedded_part(
    stage: EmbeddingStage,
    place: StageStore,
    rank: int,
    world: int,
    pieces: Sequence[pa.Table],
    side: pa.Table | None,
    vectors: Iterable[pa.Table],
    missed: Callable[[int], None],
) -> None:
    """Write part `rank` of a stage whose texts have been embedded; see `reduce_part` and `EmbeddingStage`."""
    records, name = gather(pieces), part_name(rank, world)
    with listening(partial(place.write_note, name)):
        outcome = stage.reduce_with(records, side, vectors, missed)
    place.write(name, outcome, records.num_rows, stage.tally(outcome.records))


def start_links(stage: LinkStage, records: pa.Table, rank: int, world: int) -> Iterator[Routed]:
    """Yield the first rows of partition `rank` of a link stage, each table with the partition that it goes to."""
    return _sent(stage.start(records, rank, world), rank, world)


def link_round(
    stage: LinkStage, number: int, rows: Sequence[pa.Table], records: pa.Table, rank: int, world: int
) -> Iterator[Routed]:
    """Do round `number` of a link stage in partition `rank`; see `start_links`."""
    work = stage.rounds(rank, world)[number].work
    return _sent(work(pa.concat_tables(rows).combine_chunks(), records.combine_chunks()), rank, world)


def link_part(
    stage: LinkStage,
    place: StageStore,
    rank: int,
    world: int,
    rows: Sequence[pa.Table],
    records: pa.Table,
    side: pa.Table | None,
) -> None:
    """Write part `rank` of a link stage from the rows of its last round."""
    outcome = stage.finish(records.combine_chunks(), pa.concat_tables(rows).combine_chunks(), side)
    place.write(part_name(rank, world), outcome, records.num_rows, stage.tally(outcome.records))


def add_up(stage: Stage, tallies: Iterable[pa.Table]) -> pa.Table:
    """Add up the tallies of a stage, a few at a time."""
    waiting: list[pa.Table] = []
    for tally in tallies:
        waiting.append(tally)
        if len(waiting) == _TALLIES:
            waiting = [stage.merge_tallies(waiting)]
    return stage.merge_tallies(waiting)


def _sent(rows: pa.Table, rank: int, world: int) -> Iterator[Routed]:
    return cut(rows, None, rows.column("to").to_numpy(), world, always=rank)
