"""The texts of a pool in the eyes of a teacher: what is near to what, and how near.

A place is an anchor: entry e of the pool is place e, and the queries come after the entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from curation.config.mining import LEXICAL
from curation.mining.lexical.bm25 import bm25_nearest
from curation.mining.lexical.features import Vectoriser, count_features
from curation.mining.lexical.index import Matrix
from curation.mining.lexical.pairs import pair_scores
from curation.mining.lexical.search import lexical_nearest
from curation.mining.ragged import Exclusions, Rows
from curation.mining.rules import Bools
from curation.mining.search.candidates import Candidates, Vectors
from curation.mining.search.corpus import Corpus, subset
from curation.mining.search.csls import mean_similarity
from curation.mining.search.scores import score_pairs
from curation.mining.searcher import Searcher

# Places whose vectors are in memory together.
_BLOCK_PLACES = 16_384


class Space(Protocol):
    """What a teacher says about the entries of a pool and some queries."""

    @property
    def teacher(self) -> str:
        """Name of the teacher."""

    def nearest(self, places: Rows, entries: Rows, k: int, excluded: Exclusions) -> Candidates:
        """Return the k nearest of some entries to each place, ties in order of entries.

        Args:
            places: the anchors, int64, shape (q,).
            entries: where to look, int64 ascending, shape (m,).
            k: entries wanted for each place.
            excluded: entries that an anchor must not get, both numbered by their position in `places` and `entries`.

        Returns:
            Numbers of entries, and their scores.
        """

    def scores(self, places: Rows, entries: Rows) -> Vectors:
        """Return the score of each pair of place and entry, float32, shape (m,); NaN where one is not sound."""

    def is_sound(self, places: Rows) -> Bools:
        """Tell which places the teacher could make something of, shape (q,)."""


@dataclass(frozen=True, slots=True)
class LexicalSpace:
    """Texts as features, weighted for the pool.

    Attributes:
        places: unit or zero vectors of entries and queries, csr, shape (P, F).
    """

    places: Matrix

    @classmethod
    def build(cls, texts: pa.Array, queries: pa.Array) -> LexicalSpace:
        """Return the space of entries and queries; the entries alone weigh the features."""
        counts = count_features(texts)
        vectoriser = Vectoriser.fit(counts)
        parts = [vectoriser.transform(counts), vectoriser.transform(count_features(queries))]
        return cls(sp.vstack(parts, format="csr"))

    @property
    def teacher(self) -> str:
        """Name of the teacher."""
        return LEXICAL

    def nearest(self, places: Rows, entries: Rows, k: int, excluded: Exclusions) -> Candidates:
        """See `Space`; entries that share no feature with a place are never found."""
        found = lexical_nearest(self.places[places], self.places[entries], k, excluded)
        return Candidates(_numbered(found.rows, entries), found.scores)

    def scores(self, places: Rows, entries: Rows) -> Vectors:
        """See `Space`."""
        return pair_scores(self.places, self.places, places, entries)

    def is_sound(self, places: Rows) -> Bools:
        """See `Space`: a text without words is like no other, which is no fault."""
        return np.ones(len(places), dtype=bool)


@dataclass(frozen=True)
class DenseSpace:
    """Texts as vectors.

    Attributes:
        teacher: name of the teacher.
        entries: vectors of the entries, shape (E, d).
        queries: vectors of the queries, shape (m, d).
        sound: whether the teacher had a vector for each place, shape (E + m,).
        searcher: what searches.
        texts: the entries, shape (E,).
        asked: the queries, shape (m,).
    """

    teacher: str
    entries: Corpus
    queries: Corpus
    sound: Bools
    searcher: Searcher
    texts: pa.Array
    asked: pa.Array

    def nearest(self, places: Rows, entries: Rows, k: int, excluded: Exclusions) -> Candidates:
        """See `Space`."""
        picked, passages = self._pick(places), self._passages(entries)
        found = self.searcher.nearest(picked, passages, k, excluded)
        return Candidates(_numbered(found.rows, entries), found.scores)

    def scores(self, places: Rows, entries: Rows) -> Vectors:
        """See `Space`."""
        scores = np.empty(len(places), dtype=np.float32)
        order = np.argsort(places, kind="stable")
        distinct, numbers = np.unique(places[order], return_inverse=True)
        picked = self._pick(distinct)
        for start in range(0, len(distinct), _BLOCK_PLACES):
            begin, end = np.searchsorted(numbers, [start, start + _BLOCK_PLACES])
            vectors, part = picked.read(start, min(start + _BLOCK_PLACES, len(distinct))), order[begin:end]
            scores[part] = score_pairs(vectors, self.entries, numbers[begin:end] - start, entries[part])
        scores[~self.sound[entries]] = np.nan
        return scores

    def is_sound(self, places: Rows) -> Bools:
        """See `Space`."""
        return self.sound[places]

    def by_words(self, places: Rows, entries: Rows, k: int, excluded: Exclusions) -> Candidates:
        """Return the k best of some entries by the words that they share with each place (BM25), as `nearest` does."""
        found = bm25_nearest(self._counts[places], self._counts[entries], k, excluded)
        return Candidates(_numbered(found.rows, entries), found.scores)

    def spread(self, places: Rows, entries: Rows, neighbours: int) -> Vectors:
        """Return the mean score of each place with the nearest of some entries, float32, shape (q,): a part of CSLS."""
        return mean_similarity(self._pick(places), self._passages(entries), neighbours)

    def hubness(self, places: Rows, neighbours: int) -> Vectors:
        """Return the mean score of each entry with the nearest of some places, float32, shape (E,): the other part."""
        return mean_similarity(self.entries, self._pick(places), neighbours)

    @cached_property
    def _counts(self) -> Matrix:
        return sp.vstack([count_features(self.texts), count_features(self.asked)], format="csr")

    def _pick(self, places: Rows) -> Picked:
        return Picked(self.entries, self.queries, self.sound, places)

    def _passages(self, entries: Rows) -> Corpus:
        return self.entries if len(entries) == self.entries.shape[0] else subset(self.entries, entries)


@dataclass(frozen=True, slots=True)
class Picked:
    """The vectors of some places, in any order, as a corpus; NaN where the teacher had none, which is near to nothing.

    Attributes:
        entries: vectors of the entries, shape (E, d).
        queries: vectors of the queries, shape (m, d).
        sound: whether the teacher had a vector for each place, shape (E + m,).
        places: int64, shape (q,).
    """

    entries: Corpus
    queries: Corpus
    sound: Bools
    places: Rows

    @property
    def shape(self) -> tuple[int, int]:
        """Places and dimensions."""
        return len(self.places), self.entries.shape[1]

    def read(self, start: int, stop: int) -> Vectors:
        """Return places start..stop-1, float32."""
        return self.take(np.arange(start, min(stop, len(self.places)), dtype=np.int64))

    def take(self, rows: Rows) -> Vectors:
        """Return the given places in the given order, float32."""
        places, size = self.places[rows], self.entries.shape[0]
        vectors = np.empty((len(places), self.shape[1]), dtype=np.float32)
        of_query = places >= size
        vectors[~of_query] = self.entries.take(places[~of_query])
        if of_query.any():
            vectors[of_query] = self.queries.take(places[of_query] - size)
        vectors[~self.sound[places]] = np.nan
        return vectors


def _numbered(positions: Rows, entries: Rows) -> Rows:
    """Return the entries at some positions; -1 stays."""
    if not len(entries):
        return positions
    return np.where(positions >= 0, entries[np.maximum(positions, 0)], -1)
