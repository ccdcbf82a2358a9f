"""The texts of a pool in the eyes of a teacher: what is near to what, and how near.

A place is an anchor: entry e of the pool is place e, and the queries come after the entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from curation.config.mining import LEXICAL, TeacherModel
from curation.mining.lexical.features import Matrix, Vectoriser, count_features
from curation.mining.lexical.search import lexical_nearest, lexical_scores
from curation.mining.ragged import Exclusions, Rows
from curation.mining.rules import Bools
from curation.mining.search.candidates import Candidates, Vectors
from curation.mining.search.exact import nearest, pair_scores
from curation.mining.teachers.base import Teacher
from curation.mining.teachers.sentence_transformer import load_teacher


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
        """Return the score of each pair of place and entry, float32, shape (m,)."""

    def is_sound(self, places: Rows) -> Bools:
        """Tell which places the teacher could make something of, shape (q,)."""


@dataclass(frozen=True, slots=True)
class LexicalSpace:
    """Texts as features, weighted for the pool.

    Attributes:
        places: unit or zero vectors of entries and queries, csr, shape (P, F).
        size: number of entries.
    """

    places: Matrix
    size: int

    @classmethod
    def build(cls, texts: pa.Array, queries: pa.Array) -> LexicalSpace:
        """Return the space of entries and queries; the entries alone weigh the features."""
        counts = count_features(texts)
        vectoriser = Vectoriser.fit(counts)
        parts = [vectoriser.transform(counts), vectoriser.transform(count_features(queries))]
        return cls(sp.vstack(parts, format="csr"), len(texts))

    @property
    def teacher(self) -> str:
        """Name of the teacher."""
        return "lexical"

    def nearest(self, places: Rows, entries: Rows, k: int, excluded: Exclusions) -> Candidates:
        """See `Space`; entries that share no feature with a place are never found."""
        found = lexical_nearest(self.places[places], self.places[entries], k, excluded)
        return Candidates(_numbered(found.rows, entries), found.scores)

    def scores(self, places: Rows, entries: Rows) -> Vectors:
        """See `Space`."""
        return lexical_scores(self.places, self.places, places, entries)

    def is_sound(self, places: Rows) -> Bools:
        """See `Space`: a text without words is like no other, which is no fault."""
        return np.ones(len(places), dtype=bool)


@dataclass(frozen=True, slots=True)
class DenseSpace:
    """Texts as vectors.

    Attributes:
        places: vectors of entries and queries, shape (P, d); NaN where the teacher had none.
        name: name of the teacher.
    """

    places: Vectors
    name: str

    @classmethod
    def build(cls, teacher: Teacher, texts: pa.Array, queries: pa.Array) -> DenseSpace:
        """Return the space of entries and queries."""
        vectors = [teacher.embed(texts.to_pylist(), "passage")]
        if len(queries):
            vectors.append(teacher.embed(queries.to_pylist(), "query"))
        return cls(np.concatenate(vectors), teacher.identity)

    @property
    def teacher(self) -> str:
        """Name of the teacher."""
        return self.name

    def nearest(self, places: Rows, entries: Rows, k: int, excluded: Exclusions) -> Candidates:
        """See `Space`."""
        found = nearest(self.places[places], self.places[entries], k, excluded)
        return Candidates(_numbered(found.rows, entries), found.scores)

    def scores(self, places: Rows, entries: Rows) -> Vectors:
        """See `Space`."""
        return pair_scores(self.places, self.places, places, entries)

    def is_sound(self, places: Rows) -> Bools:
        """See `Space`."""
        return np.asarray(np.isfinite(self.places[places]).all(axis=1))


def _numbered(positions: Rows, entries: Rows) -> Rows:
    """Return the entries at some positions; -1 stays."""
    if not len(entries):
        return positions
    return np.where(positions >= 0, entries[np.maximum(positions, 0)], -1)


@dataclass(frozen=True, slots=True)
class Spaces:
    """Makes the spaces of a run's pools.

    Attributes:
        options: which teacher.
    """

    options: TeacherModel

    def build(self, teacher: str, texts: pa.Array, queries: pa.Array) -> Space:
        """Return the space of some entries and queries.

        Raises:
            CurationError: if the teacher cannot be loaded.
        """
        if teacher == LEXICAL:
            return LexicalSpace.build(texts, queries)
        return DenseSpace.build(load_teacher(self.options.model), texts, queries)
