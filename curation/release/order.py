"""The order of a release's rows: (copy, source, file, row) within each language and split.

What a source adds at its end is thus added at the end of its rows, and what is repeated once more at the end of all.
Ids are hashes: in their order new rows would be spread over every byte of a release.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Int64s = npt.NDArray[np.int64]

# How often a record stands in the release, where the records say so.
COPIES = "copies"
_PART = ("language", "split")
# Several records can come from one row.
_PLACE = ("source", "file", "row", "id")
ORDERED_BY = (*_PART, *_PLACE, COPIES)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a release.

    Attributes:
        records: int64 (n,), the record of each.
        copies: int64 (n,), which copy of it each is, from 0.
    """

    records: Int64s
    copies: Int64s

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, part: slice) -> Rows:
        return Rows(self.records[part], self.copies[part])


def rows_in_order(records: pa.Table) -> Iterator[tuple[str, str, Rows]]:
    """Yield each language and split, sorted, with its rows in the order of the release.

    Args:
        records: any order, shape (n,). `copies` (int32, at least 1) says how often each stands in the release; once
            where there is no such column.
    """
    keys = records.select([*_PART, *_PLACE])
    order = pc.sort_indices(keys, [(name, "ascending") for name in keys.column_names]).to_numpy().astype(np.int64)
    for start, end in itertools.pairwise(_bounds(records, order)):
        part = order[start:end]
        first = int(part[0])
        yield *(records[name][first].as_py() for name in _PART), _repeated(records, part)


def _bounds(records: pa.Table, order: Int64s) -> list[int]:
    changes = np.zeros(max(len(order) - 1, 0), dtype=bool)
    for name in _PART:
        codes = records[name].dictionary_encode().combine_chunks().indices.to_numpy()[order]
        changes |= codes[1:] != codes[:-1]
    return [0, *(np.flatnonzero(changes) + 1).tolist(), len(order)] if len(order) else []


def _repeated(records: pa.Table, part: Int64s) -> Rows:
    if COPIES not in records.column_names:
        return Rows(part, np.zeros(len(part), dtype=np.int64))
    times = records[COPIES].to_numpy().astype(np.int64)[part]
    copies = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    order = np.argsort(copies, kind="stable")
    return Rows(np.repeat(part, times)[order], copies[order])
