"""The ledger of a run: each stage's rows as one file, in an order that no partition or engine has a say in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.files import atomic_path
from curation.funnel import KEPT
from curation.ledger import LEDGER_SCHEMA
from pipelines.store import StageStore

_ORDER = [(name, "ascending") for name in ("id", "file", "row", "reason")]
# Rows that are put in order at a time, and those of a row group.
_SORTED_ROWS, _GROUP_ROWS = 2_000_000, 1 << 20
# Ids are looked at this often a range and part: more than needed, so that ranges are nearly even.
_SAMPLES = 64


def write_ledgers(places: Sequence[StageStore], folder: Path) -> None:
    """Write the ledger of each stage as `STAGE.parquet`, and remove those of other stages.

    However many rows there are, no more than a few million of them are in memory.
    """
    for place in places:
        with (
            atomic_path(folder / f"{place.stage}.parquet") as path,
            pq.ParquetWriter(path, LEDGER_SCHEMA, compression="zstd", write_page_index=True) as writer,
        ):
            for group in _regrouped(_in_order(place)):
                writer.write_table(group, row_group_size=_GROUP_ROWS)
    for path in folder.glob("*.parquet"):
        if path.stem not in {place.stage for place in places}:
            path.unlink()


def count_lost(places: Sequence[StageStore]) -> pa.Table:
    """Count the ledger rows of all stages: columns stage, source, language, decision, reason and rows."""
    found = []
    for place in places:
        groups = place.groups()
        lost = groups.filter(pc.not_equal(groups["decision"], KEPT))
        found.append(lost.append_column("stage", pa.repeat(pa.scalar(place.stage), lost.num_rows)))
    return pa.concat_tables(found)


def _in_order(place: StageStore) -> Iterator[pa.Table]:
    """Yield the ledger rows of a finished stage in order: by ranges of ids, each of which fits into memory."""
    done = place.done()
    assert done is not None
    for low, high in _ranges(place, -(-done.ledgered // _SORTED_ROWS)):
        parts = [_between(part, low, high) for part in place.ledger_parts()]
        yield pa.concat_tables([LEDGER_SCHEMA.empty_table(), *parts]).sort_by(_ORDER)


def _ranges(place: StageStore, count: int) -> Iterator[tuple[str | None, str | None]]:
    """Divide the ids of a stage's ledger into about so many ranges of about the same size."""
    if count <= 1:
        yield None, None
        return
    samples: list[str] = []
    for part in place.ledger_parts():
        step = max(part.num_rows // (_SAMPLES * count), 1)
        samples += part["id"].take(pa.array(np.arange(0, part.num_rows, step))).to_pylist()
    samples.sort()
    borders = sorted({samples[number * len(samples) // count] for number in range(1, count)})
    yield from zip([None, *borders], [*borders, None], strict=True)


def _between(rows: pa.Table, low: str | None, high: str | None) -> pa.Table:
    if low is not None:
        rows = rows.filter(pc.greater_equal(rows["id"], low))
    return rows if high is None else rows.filter(pc.less(rows["id"], high))


def _regrouped(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Join tables and cut them again, so that where they were cut is not seen."""
    waiting = LEDGER_SCHEMA.empty_table()
    for table in tables:
        waiting = pa.concat_tables([waiting, table])
        while waiting.num_rows >= _GROUP_ROWS:
            yield waiting.slice(0, _GROUP_ROWS).combine_chunks()
            waiting = waiting.slice(_GROUP_ROWS)
    yield waiting.combine_chunks()
