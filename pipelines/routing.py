"""Cutting rows into partitions, and putting a partition's rows in order."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.hashing import hash64
from pipelines.stages import Routes

Routed = tuple[int, pa.Table]

_ORDER = [("id", "ascending"), ("file", "ascending"), ("row", "ascending")]


def by_key(keys: pa.Array | pa.ChunkedArray, partitions: int) -> Routes:
    """Send each row to the partition of its key, shape (n,): a function of the key alone."""
    texts = keys if pa.types.is_string(keys.type) else keys.cast(pa.string())
    targets = (hash64(texts) % np.uint64(partitions)).astype(np.int64)
    return Routes(np.arange(len(targets)), targets)


def by_size(sizes: Sequence[int] | npt.NDArray[np.int64], partitions: int) -> npt.NDArray[np.int64]:
    """Share out things of known sizes, shape (k,): the largest first, each to where least is yet (Graham 1969).

    The fullest partition then has at most 4/3 of what the best division would give it. Equal sizes go in their order,
    so that the result is a function of the sizes.
    """
    heap = [(0, partition) for partition in range(partitions)]
    homes = np.zeros(len(sizes), dtype=np.int64)
    for place in np.argsort(-np.asarray(sizes, dtype=np.int64), kind="stable").tolist():
        load, partition = heapq.heappop(heap)
        homes[place] = partition
        heapq.heappush(heap, (load + int(sizes[place]), partition))
    return homes


def cut(
    rows: pa.Table,
    chosen: npt.NDArray[np.int64] | None,
    targets: npt.NDArray[np.integer],
    partitions: int,
    *,
    always: int,
) -> Iterator[Routed]:
    """Yield (partition, rows) for the partitions that have rows, and for partition `always` in any case.

    When task i always yields partition i, every partition exists and knows its schema, even without rows.

    Args:
        rows: any table, shape (n,).
        chosen: int64 (m,), the rows that are sent; None for all of them, once.
        targets: the partition of each row that is sent, shape (m,).
        partitions: how many there are.
        always: the partition that is yielded in any case.
    """
    order = np.argsort(targets, kind="stable")
    bounds = np.searchsorted(targets[order], np.arange(partitions + 1))
    ordered = rows.take(pa.array(order if chosen is None else chosen[order]))
    sizes = np.diff(bounds)
    sizes[always] = max(sizes[always], 1)
    for partition in np.flatnonzero(sizes):
        start, end = bounds[partition], bounds[partition + 1]
        yield int(partition), ordered.slice(start, end - start)


def gather(tables: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of several tables in canonical order, whatever order the tables came in."""
    table = pa.concat_tables(tables)
    return table.take(pc.sort_indices(table, sort_keys=_ORDER)).combine_chunks()
