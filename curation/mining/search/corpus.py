"""Where passages come from: anything that can read ranges of rows, and fetch single ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from curation.mining.ragged import Rows
from curation.mining.search.candidates import Vectors

Codes = npt.NDArray[np.int8]
Piece = tuple[int, Codes, float]
"""The number of the first row, codes (m, d), and their one scale, >= 0: a vector is its codes times the scale."""

# Rows between two wanted ones that are read and dropped rather than stepped over.
_GAP = 4096


@runtime_checkable
class Corpus(Protocol):
    """Vectors in rows 0..n-1. The score of two stored vectors is the dot product of what is stored, decoded."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dimensions."""

    def read(self, start: int, stop: int) -> Vectors:
        """Return rows start..stop-1, decoded, float32 (stop - start, d)."""

    def take(self, rows: Rows) -> Vectors:
        """Return the given rows in the given order, decoded, float32 (len(rows), d)."""


@runtime_checkable
class Int8Corpus(Corpus, Protocol):
    """Vectors that are stored as 8-bit codes."""

    def codes(self, start: int, stop: int) -> Iterable[Piece]:
        """Return rows start..stop-1 as pieces, ascending, each with one scale."""


@dataclass(frozen=True, slots=True)
class ArrayCorpus:
    """A matrix in memory, or mapped into it.

    Attributes:
        vectors: float32, shape (n, d).
    """

    vectors: Vectors

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dimensions."""
        return len(self.vectors), self.vectors.shape[1]

    def read(self, start: int, stop: int) -> Vectors:
        """Return rows start..stop-1; not a copy."""
        return self.vectors[start:stop]

    def take(self, rows: Rows) -> Vectors:
        """Return a copy of the given rows."""
        return self.vectors[rows]


@dataclass(frozen=True, slots=True)
class Subset:
    """Some rows of a corpus, as a corpus of their own.

    Attributes:
        corpus: what they are rows of.
        rows: their numbers, ascending, int64 (n,).
    """

    corpus: Corpus
    rows: Rows

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dimensions."""
        return len(self.rows), self.corpus.shape[1]

    def read(self, start: int, stop: int) -> Vectors:
        """Return rows start..stop-1; where the corpus has them side by side, as it reads them."""
        rows = self.rows[start:stop]
        if len(rows) and rows[-1] - rows[0] == len(rows) - 1:
            return self.corpus.read(int(rows[0]), int(rows[-1]) + 1)
        return self.corpus.take(rows)

    def take(self, rows: Rows) -> Vectors:
        """Return the given rows in the given order."""
        return self.corpus.take(self.rows[rows])


@dataclass(frozen=True, slots=True)
class Int8Subset(Subset):
    """Some rows of a corpus of 8-bit codes."""

    corpus: Int8Corpus

    def codes(self, start: int, stop: int) -> Iterator[Piece]:
        """Return rows start..stop-1 as pieces, each a part of a piece of the corpus."""
        rows = self.rows[start:stop]
        cuts = np.flatnonzero(np.diff(rows) > _GAP) + 1
        for near in np.split(rows, cuts) if len(rows) else []:
            for first, codes, scale in self.corpus.codes(int(near[0]), int(near[-1]) + 1):
                begin, end = np.searchsorted(rows, [first, first + len(codes)])
                if begin < end:
                    wanted = rows[begin:end]
                    whole = len(wanted) == len(codes)
                    yield start + int(begin), codes if whole else codes[wanted - first], scale


def as_corpus(vectors: Vectors | Corpus) -> Corpus:
    """Return a matrix as a corpus, without copying it, and a corpus as it is."""
    if isinstance(vectors, np.ndarray):
        return ArrayCorpus(vectors)
    return vectors


def subset(corpus: Corpus, rows: Rows) -> Subset:
    """Return the rows (ascending, int64) of a corpus as a corpus, of 8-bit codes if it is one."""
    return Int8Subset(corpus, rows) if isinstance(corpus, Int8Corpus) else Subset(corpus, rows)
