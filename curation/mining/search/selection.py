"""The best hits of each query of a block, gathered tile by tile in memory that does not grow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curation.mining.ragged import Rows, positions_in_runs
from curation.mining.search.candidates import Vectors, best_first
from curation.mining.search.corpus import Corpus
from curation.mining.search.kernels import kernels
from curation.mining.search.scores import score_pairs
from curation.mining.search.tiles import Hits, Scores

# Places of lists that are looked through together.
_SLOTS = 1 << 21
# Hits that find no room in their lists and are settled together.
_LEFT_OVER = 1 << 18
_LAST = np.uint64(2**64 - 1)

_Lists = tuple[int, Vectors, Rows, Rows, Rows, Vectors, Vectors]


@dataclass(frozen=True, slots=True)
class Selection:
    """A list of hits for each query.

    Attributes:
        queries: float32 (Q, d).
        passages: what is searched.
        k: hits wanted a query, at least 1.
        floors: a score that k rows of each query are known to reach, float32 (Q,).
        counts: hits in each list, int64 (Q,).
        due: with how many hits a list is next to be looked through, int64 (Q,).
        rows: the lists, int64 (Q, room).
        lowers: what each score is not below, float32 (Q, room).
        uppers: what it is not above, float32 (Q, room).
    """

    queries: Vectors
    passages: Corpus
    k: int
    floors: Vectors
    counts: Rows
    due: Rows
    rows: Rows
    lowers: Vectors
    uppers: Vectors

    @classmethod
    def begin(cls, queries: Vectors, passages: Corpus, k: int, floors: Vectors) -> Selection:
        """Return empty lists; of each query, only rows that reach its floor will be found."""
        shape = (len(queries), room_for(k))
        lists = np.empty(shape, np.int64), np.empty(shape, np.float32), np.empty(shape, np.float32)
        counts, due = np.zeros(len(queries), np.int64), np.full(len(queries), k, np.int64)
        return cls(queries, passages, k, floors.copy(), counts, due, *lists)

    def add(self, hits: Hits | Scores) -> None:
        """Add hits; where a list is full of hits that bounds cannot tell apart, exact scores decide."""
        lists = (self.k, self.floors, self.counts, self.due, self.rows, self.lowers, self.uppers)
        if isinstance(hits, Scores):
            self._add_scores(lists, hits)
            return
        left_over = kernels().push(*lists, (hits.queries, hits.rows, hits.lowers, hits.uppers))
        if left_over.any():
            self._settle(hits.queries[left_over], hits.rows[left_over])

    def _add_scores(self, lists: _Lists, new: Scores) -> None:
        push, begin, size = kernels().push_scores, 0, new.scores.size
        room = min(_LEFT_OVER, size + 264)
        queries, rows = np.empty(room, np.int64), np.empty(room, np.int64)
        tile = (new.scores, new.mask, new.origin, new.units, new.errors, new.rounding, new.table)
        while begin < size:
            left, begin = push(*lists, *tile, begin, (queries, rows))
            if left:
                self._settle(queries[:left], rows[:left])

    def best(self) -> tuple[Rows, Rows, Vectors]:
        """Return the k best hits of each query that reach the floor: queries (ascending), rows, exact scores."""
        step = max(1, _SLOTS // self.rows.shape[1])
        starts = range(0, len(self.counts), step)
        parts = [self._best_of(*self._listed(np.arange(at, min(at + step, len(self.counts))))) for at in starts]
        queries, rows, scores = (np.concatenate(column) for column in zip(*parts, strict=True))
        return queries, rows, scores

    def _settle(self, queries: Rows, rows: Rows) -> None:
        """Keep the k best of full lists and of what found no room in them."""
        full = np.unique(queries)
        listed, listed_rows = self._listed(full)
        queries, rows, scores = self._best_of(np.concatenate([listed, queries]), np.concatenate([listed_rows, rows]))
        begins = np.searchsorted(queries, full)
        self.counts[full] = np.searchsorted(queries, full, side="right") - begins
        self.due[full] = self.counts[full] + self.k
        places = np.arange(len(queries)) - np.repeat(begins, self.counts[full])
        self.rows[queries, places] = rows
        self.lowers[queries, places] = scores
        self.uppers[queries, places] = scores
        kth = places == self.k - 1
        self.floors[queries[kth]] = np.maximum(self.floors[queries[kth]], scores[kth])

    def _listed(self, queries: Rows) -> tuple[Rows, Rows]:
        """Return the hits in the lists of the given queries that may still matter: queries, rows."""
        places = np.arange(self.rows.shape[1])
        matters = (places < self.counts[queries, None]) & (self.uppers[queries] >= self.floors[queries, None])
        owners, at = np.nonzero(matters)
        return queries[owners], self.rows[queries[owners], at]

    def _best_of(self, queries: Rows, rows: Rows) -> tuple[Rows, Rows, Vectors]:
        scores = score_pairs(self.queries, self.passages, queries, rows)
        good = np.flatnonzero(scores >= self.floors[queries])
        return k_best(queries[good], rows[good], scores[good], self.k)


def k_best(queries: Rows, rows: Rows, scores: Vectors, k: int) -> tuple[Rows, Rows, Vectors]:
    """Return the k best hits of each query: by query, then score falling, then row.

    Args:
        queries: int64, shape (n,).
        rows: int64, shape (n,).
        scores: float32, shape (n,), without NaN.
        k: hits wanted a query.
    """
    # One sort of 64-bit numbers, made of the falling score and the row, is several times as fast as one by three keys.
    if len(rows) == 0 or rows.max() >= 1 << 32:
        best = best_first(queries, rows, scores, k)
        return queries[best], rows[best], scores[best]
    if (queries[1:] < queries[:-1]).any():
        order = np.argsort(queries, kind="stable")
        queries, rows, scores = queries[order], rows[order], scores[order]
    ranks = positions_in_runs(queries)
    table = np.full((queries[-1] + 1 - queries[0], ranks.max() + 1), _LAST, dtype=np.uint64)
    table[queries - queries[0], ranks] = _falling(scores) << np.uint64(32) | rows.astype(np.uint64)
    first = np.sort(table, axis=1)[:, :k]
    owners, places = np.nonzero(first < _LAST)
    packed: npt.NDArray[np.uint64] = first[owners, places].astype(np.uint64)
    found = (packed & np.uint64(0xFFFFFFFF)).astype(np.int64)
    return owners + queries[0], found, _unfold((packed >> np.uint64(32)).astype(np.uint64))


def _falling(scores: Vectors) -> npt.NDArray[np.uint64]:
    """Return numbers below 2^32 that fall as the scores rise."""
    # The bits of an IEEE float order like an integer, once those of the negative numbers are turned round; + 0 makes
    # one zero of two.
    bits = (scores + np.float32(0)).view(np.int32)
    return (~(bits ^ ((bits >> 31) | np.int32(-(2**31)))).view(np.uint32)).astype(np.uint64)


def _unfold(falling: npt.NDArray[np.uint64]) -> Vectors:
    bits = (~falling.astype(np.uint32)).view(np.int32)
    scores: Vectors = (bits ^ (~(bits >> 31) | np.int32(-(2**31)))).view(np.float32)
    return scores


def room_for(k: int) -> int:
    """Return how many hits a list holds: so many that it is seldom looked through."""
    return 4 * k + 64
