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
_ID = "id"
_PLACE = ("source", "file", "row", _ID)
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
    ranks = {name: _ranks(records[name]) for name in (*_PART, *_PLACE) if name != _ID}
    order = _sorted(records, list(ranks.values()))
    for start, end in itertools.pairwise(_bounds([ranks[name][order] for name in _PART])):
        part = order[start:end]
        first = int(part[0])
        yield *(records[name][first].as_py() for name in _PART), _repeated(records, part)


def _ranks(column: pa.ChunkedArray) -> Int64s:
    """Return numbers that are in the order of the values, int64 (n,); there are few different strings."""
    if pa.types.is_integer(column.type):
        numbers: Int64s = column.to_numpy().astype(np.int64)
        return numbers
    encoded = column.dictionary_encode().combine_chunks()
    ranks = np.empty(len(encoded.dictionary), dtype=np.int64)
    ranks[pc.sort_indices(encoded.dictionary).to_numpy()] = np.arange(len(ranks))
    ordered: Int64s = ranks[encoded.indices.to_numpy()]
    return ordered


def _sorted(records: pa.Table, ranks: list[Int64s]) -> Int64s:
    """Return the order of the records: by their ranks, and by id where all are equal, which is hardly ever so."""
    order: Int64s = np.lexsort(ranks[::-1])
    equal = np.ones(max(len(order) - 1, 0), dtype=bool)
    for values in ranks:
        equal &= values[order[1:]] == values[order[:-1]]
    tied = np.flatnonzero(np.append(equal, False) | np.append(False, equal)) if len(order) else order
    if len(tied):
        run = np.cumsum(np.append(True, ~equal))[tied]
        keys = pa.table({"run": run, _ID: records[_ID].take(pa.array(order[tied]))})
        by_id = pc.sort_indices(keys, [("run", "ascending"), (_ID, "ascending")]).to_numpy()
        order[tied] = order[tied][by_id]
    return order


def _bounds(codes: list[Int64s]) -> list[int]:
    count = len(codes[0])
    changes = np.zeros(max(count - 1, 0), dtype=bool)
    for values in codes:
        changes |= values[1:] != values[:-1]
    return [0, *(np.flatnonzero(changes) + 1).tolist(), count] if count else []


def _repeated(records: pa.Table, part: Int64s) -> Rows:
    if COPIES not in records.column_names:
        return Rows(part, np.zeros(len(part), dtype=np.int64))
    times = records[COPIES].to_numpy()[part].astype(np.int64)
    if (times == 1).all():
        return Rows(part, np.zeros(len(part), dtype=np.int64))
    copies = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    order = np.argsort(copies, kind="stable")
    return Rows(np.repeat(part, times)[order], copies[order])
