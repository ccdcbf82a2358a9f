"""What one task of a stage does, the same under every engine: take rows, decide, write a part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import pyarrow as pa

from curation.notes import listening
from pipelines.routing import Routed, cut, gather, partition_of
from pipelines.stages import LinkStage, MapStage, ShuffleStage, SinkStage, SourceStage, apply_or_quarantine
from pipelines.store import StageStore, part_name


def read_part(stage: SourceStage, place: StageStore, rank: int, world: int) -> None:
    """Write part `rank` of a source stage."""
    pieces = ((piece.outcome, piece.rows_in) for piece in stage.read(rank, world))
    place.write_all(part_name(rank, world), pieces)


def map_part(stage: MapStage, place: StageStore, rank: int, world: int, batches: Iterable[pa.Table]) -> None:
    """Write part `rank` of a map stage, one batch in memory at a time."""
    pieces = ((apply_or_quarantine(stage, batch), batch.num_rows) for batch in batches)
    place.write_all(part_name(rank, world), pieces)


def reduce_part(
    stage: ShuffleStage,
    place: StageStore,
    rank: int,
    world: int,
    pieces: Sequence[pa.Table],
    tallies: Sequence[pa.Table] | None,
) -> tuple[pa.Table, pa.Table | None]:
    """Write part `rank` of a shuffle stage.

    Args:
        stage: the stage.
        place: where its results go.
        rank: the partition.
        world: number of partitions.
        pieces: the partition's rows, in any order.
        tallies: those of the stage that `stage.side` names, in any order; None if it names none.

    Returns:
        The records that go on, and the part's tally if the stage keeps one.
    """
    records = gather(pieces)
    side = None if tallies is None else stage.merge_side(list(tallies))
    with listening(partial(place.write_note, part_name(rank, world))):
        outcome = stage.reduce(records, side)
    if isinstance(stage, SinkStage):
        tally: pa.Table | None = stage.write(records, side, place.files_path)
    else:
        tally = stage.tally(outcome.records)
    place.write(part_name(rank, world), outcome, records.num_rows, tally)
    return outcome.records, tally


def route_part(stage: ShuffleStage, records: pa.Table, rank: int, world: int) -> Iterator[Routed]:
    """Cut the records of one partition by the keys of a shuffle stage."""
    return cut(records, partition_of(stage.keys(records), world), world, always=rank)


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
    stage: LinkStage, place: StageStore, rank: int, world: int, rows: Sequence[pa.Table], records: pa.Table
) -> tuple[pa.Table, pa.Table | None]:
    """Write part `rank` of a link stage from the rows of its last round; see `reduce_part` for what is returned."""
    outcome = stage.finish(records.combine_chunks(), pa.concat_tables(rows).combine_chunks())
    tally = stage.tally(outcome.records)
    place.write(part_name(rank, world), outcome, records.num_rows, tally)
    return outcome.records, tally


def _sent(rows: pa.Table, rank: int, world: int) -> Iterator[Routed]:
    return cut(rows, rows.column("to").to_numpy(), world, always=rank)
