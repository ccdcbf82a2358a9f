"""Cutting rows into partitions, and putting a partition's rows in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.hashing import hash64

Routed = tuple[int, pa.Table]

_ORDER = [("id", "ascending"), ("file", "ascending"), ("row", "ascending")]


def partition_of(keys: pa.Array | pa.ChunkedArray, partitions: int) -> npt.NDArray[np.int64]:
    """Return the partition of each key, shape (n,): a function of the key alone."""
    encoded = pc.dictionary_encode(keys)
    chunk = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    distinct = chunk.dictionary.cast(pa.string()).to_pylist()
    buckets = (hash64(distinct) % np.uint64(partitions)).astype(np.int64)
    return buckets[chunk.indices.to_numpy(zero_copy_only=False)] if len(chunk) else np.empty(0, np.int64)


def cut(rows: pa.Table, targets: npt.NDArray[np.integer], partitions: int, *, always: int) -> Iterator[Routed]:
    """Yield (partition, rows) for the partitions that have rows, and for partition `always` in any case.

    When task i always yields partition i, every partition exists and knows its schema, even without rows.

    Args:
        rows: any table, shape (n,).
        targets: the partition of each row, shape (n,).
        partitions: how many there are.
        always: the partition that is yielded in any case.
    """
    order = np.argsort(targets, kind="stable")
    bounds = np.searchsorted(targets[order], np.arange(partitions + 1))
    ordered = rows.take(pa.array(order))
    sizes = np.diff(bounds)
    sizes[always] = max(sizes[always], 1)
    for partition in np.flatnonzero(sizes):
        start, end = bounds[partition], bounds[partition + 1]
        yield int(partition), ordered.slice(start, end - start)


def gather(tables: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of several tables in canonical order, whatever order the tables came in."""
    table = pa.concat_tables(tables)
    return table.take(pc.sort_indices(table, sort_keys=_ORDER)).combine_chunks()
