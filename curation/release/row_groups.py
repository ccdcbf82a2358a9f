"""Where the row groups of a shard begin: wherever their content says so.

A group that began after a fixed number of rows would move with every row that is added or withdrawn before it, and
with it each byte behind. Here a row begins a group because of its own id and size, so the groups meet again soon after
a change (as in content-defined chunking), and what lies between two changes is the same bytes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.hashing import priority

Int64s = npt.NDArray[np.int64]

# Bytes of text. Smaller groups cost less when rows are appended, and more bytes a row: see docs/shards.md.
TARGET_BYTES = 1 << 20
LEAST_BYTES = TARGET_BYTES // 4
MOST_BYTES = TARGET_BYTES * 4
# What stands beside the texts is some 600 bytes a row, however short they are.
MOST_ROWS = 50_000


def text_bytes(records: pa.RecordBatch, negatives: int) -> Int64s:
    """Return the bytes of the texts that each record brings to a shard, int64 (n,).

    Args:
        records: `query`, `positive` and `negatives`, none null, shape (n,).
        negatives: how many of its negatives count; each record has at least as many.
    """
    lists = records.column("negatives")
    lengths = pc.list_value_length(lists).to_numpy().astype(np.int64)
    starts = np.cumsum(lengths) - lengths
    ends = np.concatenate([[0], np.cumsum(_lengths(lists.flatten()))])
    sides = _lengths(records.column("query")) + _lengths(records.column("positive"))
    return np.asarray(sides + ends[starts + negatives] - ends[starts], dtype=np.int64)


def _lengths(texts: pa.Array) -> Int64s:
    return np.asarray(pc.binary_length(texts).to_numpy(), dtype=np.int64)


def begins_group(ids: pa.Array, sizes: Int64s) -> npt.NDArray[np.bool_]:
    """Say which rows would begin a group, bool (n,): one for each `TARGET_BYTES` on average.

    Args:
        ids: id of each row.
        sizes: bytes of text of each row.
    """
    drawn = priority(ids, "row group", 0).astype(np.float64) / 2.0**64
    return np.asarray(drawn < sizes / TARGET_BYTES, dtype=np.bool_)


def cut_groups(sizes: Int64s, begins: npt.NDArray[np.bool_]) -> list[int]:
    """Return where the row groups of a shard begin, and at the end the number of rows.

    A group ends before the first row that begins one once it holds `LEAST_BYTES`, and in any case before a row with
    which it would hold more than `MOST_BYTES` or `MOST_ROWS`; a row larger than that is a group of its own.

    Args:
        sizes: int64 (n,), bytes of text of each row.
        begins: bool (n,), the rows that would begin a group.
    """
    ends = np.concatenate([[0], np.cumsum(sizes)])
    candidates = np.flatnonzero(begins)
    bounds = [0]
    while bounds[-1] < len(sizes):
        start = bounds[-1]
        earliest = int(np.searchsorted(ends, ends[start] + LEAST_BYTES))
        latest = int(np.searchsorted(ends, ends[start] + MOST_BYTES, side="right")) - 1
        latest = min(max(latest, start + 1), start + MOST_ROWS, len(sizes))
        place = int(np.searchsorted(candidates, max(earliest, start + 1)))
        found = int(candidates[place]) if place < len(candidates) else latest
        bounds.append(min(found, latest))
    return bounds
