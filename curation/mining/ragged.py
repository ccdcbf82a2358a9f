"""Lists of row numbers of unequal length, as two flat arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ragged:
    """One ascending list of distinct row numbers for each owner 0..n-1.

    Attributes:
        values: the lists end to end, int64, shape (total,).
        offsets: where each list starts, and the total, int64, shape (n + 1,).
    """

    values: Rows
    offsets: Rows

    @classmethod
    def from_pairs(cls, owners: Rows, values: Rows, count: int) -> Ragged:
        """Return the lists of `count` owners, given as (owner, value) pairs in any order, repeats allowed."""
        order = np.lexsort((values, owners))
        owners, values = owners[order], values[order]
        fresh = np.ones(len(owners), dtype=bool)
        fresh[1:] = (owners[1:] != owners[:-1]) | (values[1:] != values[:-1])
        return cls(values[fresh], np.searchsorted(owners[fresh], np.arange(count + 1)).astype(np.int64))

    @classmethod
    def one_each(cls, values: Rows) -> Ragged:
        """Return lists of exactly one value each."""
        return cls(values, np.arange(len(values) + 1, dtype=np.int64))

    def pairs(self) -> tuple[Rows, Rows]:
        """Return all lists as pairs: owner (ascending), and value."""
        return self.take(np.arange(len(self.offsets) - 1, dtype=np.int64))

    def take(self, owners: Rows) -> tuple[Rows, Rows]:
        """Return the lists of `owners` as pairs: position in `owners` (ascending), and value."""
        lengths = self.offsets[owners + 1] - self.offsets[owners]
        positions = np.repeat(np.arange(len(owners), dtype=np.int64), lengths)
        return positions, self.values[np.repeat(self.offsets[owners], lengths) + within_runs(lengths)]


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Which rows must never be found for which query.

    Rows are excluded through keys (a group, a folded query, ...): a query has keys, and a key has rows. So a group
    of a thousand records costs two thousand numbers, and not a million.

    Attributes:
        keys: the keys of each query.
        rows: the rows of each key.
    """

    keys: Ragged
    rows: Ragged

    def of_first(self, count: int) -> Exclusions:
        """Return the same for the first `count` queries alone."""
        offsets = self.keys.offsets[: count + 1]
        return Exclusions(Ragged(self.keys.values[: offsets[-1]], offsets), self.rows)

    @classmethod
    def from_rows(cls, rows: Ragged) -> Exclusions:
        """Return the exclusions where each query has a list of rows of its own."""
        return cls(Ragged.one_each(np.arange(len(rows.offsets) - 1, dtype=np.int64)), rows)

    def pairs(self, queries: Rows) -> tuple[Rows, Rows]:
        """Return what is excluded for `queries` as pairs: position in `queries` (ascending), and row."""
        positions, keys = self.keys.take(queries)
        owners, rows = self.rows.take(keys)
        return positions[owners], rows

    def select(self, queries: Rows) -> Exclusions:
        """Return the exclusions of `queries` alone, numbered by their position."""
        positions, keys = self.keys.take(queries)
        offsets = np.searchsorted(positions, np.arange(len(queries) + 1))
        return Exclusions(Ragged(keys, offsets), self.rows)

    def within(self, queries: Rows, rows: Rows) -> Exclusions:
        """Return the exclusions of `queries` among some rows, both numbered by their position.

        Args:
            queries: int64, shape (q,).
            rows: int64 ascending, shape (m,); other rows are forgotten.
        """
        positions, keys = self.keys.take(queries)
        distinct, numbers = np.unique(keys, return_inverse=True)
        owners, found = self.rows.take(distinct)
        places = np.searchsorted(rows, found)
        is_there = places < len(rows)
        is_there[is_there] = rows[places[is_there]] == found[is_there]
        offsets = np.searchsorted(positions, np.arange(len(queries) + 1))
        return Exclusions(
            Ragged(numbers.astype(np.int64), offsets),
            Ragged.from_pairs(owners[is_there], places[is_there].astype(np.int64), len(distinct)),
        )


def groups_of(keys: npt.NDArray[np.integer]) -> list[Rows]:
    """Return the positions of each distinct key, ascending, in order of the keys."""
    order = np.argsort(keys, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(keys[order])) + 1) if len(keys) else []


def within_runs(lengths: Rows) -> Rows:
    """Return 0, 1, ..., length - 1 for each length, end to end, shape (sum of lengths,)."""
    starts = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum()), dtype=np.int64) - np.repeat(starts, lengths)


def positions_in_runs(owners: Rows) -> Rows:
    """Return the position of each item within its run of equal owners, for ascending `owners` >= 0, shape (n,)."""
    return within_runs(np.bincount(owners)) if len(owners) else np.empty(0, dtype=np.int64)
