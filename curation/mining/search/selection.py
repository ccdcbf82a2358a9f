"""The best hits of each query of a block, gathered tile by tile in memory that does not grow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from curation.mining.ragged import Rows
from curation.mining.search.candidates import Vectors, best_first
from curation.mining.search.corpus import Corpus
from curation.mining.search.kernels import kernels
from curation.mining.search.scores import score_pairs
from curation.mining.search.tiles import Hits

# Places of lists that are looked through together.
_SLOTS = 1 << 21


@dataclass(frozen=True, slots=True)
class Selection:
    """A list of hits for each query.

    Attributes:
        queries: float32 (Q, d).
        passages: what is searched.
        k: hits wanted a query, at least 1.
        floors: a score that k rows of each query are known to reach, float32 (Q,).
        counts: hits in each list, int64 (Q,).
        rows: the lists, int64 (Q, room).
        lowers: what each score is not below, float32 (Q, room).
        uppers: what it is not above, float32 (Q, room).
    """

    queries: Vectors
    passages: Corpus
    k: int
    floors: Vectors
    counts: Rows
    rows: Rows
    lowers: Vectors
    uppers: Vectors

    @classmethod
    def begin(cls, queries: Vectors, passages: Corpus, k: int, floors: Vectors) -> Selection:
        """Return empty lists; of each query, only rows that reach its floor will be found."""
        shape = (len(queries), room_for(k))
        lists = np.empty(shape, np.int64), np.empty(shape, np.float32), np.empty(shape, np.float32)
        return cls(queries, passages, k, floors.copy(), np.zeros(len(queries), np.int64), *lists)

    def add(self, hits: Hits) -> None:
        """Add hits; where a list is full of hits that bounds cannot tell apart, exact scores decide."""
        new = (hits.queries, hits.rows, hits.lowers, hits.uppers)
        lists = (self.rows, self.lowers, self.uppers)
        left_over = kernels().push(self.k, self.floors, self.counts, *lists, new)
        if left_over.any():
            self._settle(hits.queries[left_over], hits.rows[left_over])

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
        best = good[best_first(queries[good], rows[good], scores[good], self.k)]
        return queries[best], rows[best], scores[best]


def room_for(k: int) -> int:
    """Return how many hits a list holds: so many that it is seldom looked through."""
    return 4 * k + 64
