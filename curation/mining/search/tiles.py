"""Tiles: blocks of queries times blocks of passages, scored fast and not exactly, with a bound on the error.

An engine says of each pair that it returns what its score is not below and not above; it leaves out only pairs whose
score is certainly below the floor of their query.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from curation.mining.ragged import Rows
from curation.mining.search.candidates import Vectors
from curation.mining.search.corpus import Corpus

Float64s = npt.NDArray[np.float64]
Pairs = tuple[Rows, Rows]

_UNIT_ROUNDOFF = 2.0**-24
_LEAST_NORMAL = 2.0**-126


@dataclass(frozen=True, slots=True)
class Queries:
    """A block of queries, as an engine multiplies them.

    Attributes:
        values: what is multiplied.
        norms: lengths, float64 (q,); infinite for a query that is not finite, and that finds nothing.
        spreads: how coarsely each query is rounded, in units of the engine, float64 (q,).
    """

    values: Any
    norms: Float64s
    spreads: Float64s


@dataclass(frozen=True, slots=True)
class Tile:
    """A block of passages, as an engine multiplies them.

    Attributes:
        start: row of the first.
        count: how many.
        values: what is multiplied.
        norm: the greatest length.
        spread: how coarsely they are rounded, in units of the engine.
        dead: positions of those that are not finite, and that are never found.
    """

    start: int
    count: int
    values: Any
    norm: float
    spread: float
    dead: Rows


@dataclass(frozen=True, slots=True)
class Hits:
    """Pairs that may be among the best.

    Attributes:
        queries: positions in the block of queries, ascending, int64 (n,).
        rows: rows of passages, int64 (n,).
        lowers: what the exact score, rounded to float32, is not below, float32 (n,).
        uppers: what it is not above, float32 (n,).
    """

    queries: Rows
    rows: Rows
    lowers: Vectors
    uppers: Vectors


@dataclass(frozen=True, slots=True)
class Scores:
    """A tile of scores, and which of them may be among the best; see `curation.mining.search.portable.push_scores`.

    Attributes:
        scores: in any numbers, shape (q, n).
        mask: which are hits, bool (q n + 8,), zeros at the end.
        origin: first query, as position in the block, and first row.
        units: what a score of 1 is worth, float64 (q,).
        errors: how far a score is off at most, float64 (q,).
        rounding: and by which share of its size.
        table: values by the bits of a score; empty where scores are plain numbers.
    """

    scores: npt.NDArray[Any]
    mask: npt.NDArray[np.bool_]
    origin: tuple[int, int]
    units: Float64s
    errors: Float64s
    rounding: float
    table: Vectors


class Engine(Protocol):
    """One way to score tiles.

    Attributes:
        name: what it is called.
        query_rows: queries of a tile that suit it.
        passage_rows: passages of a tile that suit it.
    """

    name: str
    query_rows: int
    passage_rows: int

    def load(self, queries: Vectors) -> Queries:
        """Prepare a block of queries, float32 (q, d)."""

    def tiles(self, passages: Corpus, start: int, stop: int) -> Iterator[Tile]:
        """Prepare rows start..stop-1: one tile, or several where they are stored in pieces."""

    def hits(
        self, queries: Queries, part: slice, tile: Tile, floors: Vectors, barred: Pairs
    ) -> Iterator[Hits | Scores]:
        """Score some queries with a tile. What is returned is to be used before the next call.

        Args:
            queries: a prepared block.
            part: which of its queries.
            tile: prepared passages.
            floors: of each query of the block, the score below which pairs are left out, float32 (q,).
            barred: pairs that are left out: position in the block, row; any that are not in the tile are ignored.
        """


class NumpyTiles:
    """What the engines share whose scores come as a numpy matrix: masks, the search for what is above the floors.

    An engine adds `product`, `errors` and `above`.

    Attributes:
        lowest: the value that stands for no score; below every threshold.
        rounding: see `Scores`.
        table: see `Scores`.
    """

    lowest: Any
    rounding = 0.0
    table: Vectors = np.empty(0, dtype=np.float32)

    def __init__(self) -> None:
        self._mask = np.empty(0, dtype=np.bool_)
        self._scores = np.empty(0, dtype=np.float32)

    def product(self, queries: Queries, part: slice, tile: Tile) -> npt.NDArray[Any]:
        """Return the scores of a tile as they are compared, shape (q, n)."""
        raise NotImplementedError

    def errors(self, queries: Queries, part: slice, tile: Tile) -> Float64s:
        """Return how far a score is at most from the exact one, float64 (q,)."""
        raise NotImplementedError

    def above(self, scores: npt.NDArray[Any], wanted: Float64s, unit: Float64s, mask: npt.NDArray[np.bool_]) -> None:
        """Mark in `mask` the scores that are, in units of `unit`, at or above what is wanted of each query."""
        raise NotImplementedError

    def units(self, queries: Queries, part: slice, tile: Tile) -> Float64s:
        """Return what a score of 1 is worth, float64 (q,)."""
        return np.ones(part.stop - part.start)

    def hits(self, queries: Queries, part: slice, tile: Tile, floors: Vectors, barred: Pairs) -> Iterator[Scores]:
        """Score some queries with a tile; see `Engine.hits`."""
        scores = self.product(queries, part, tile)
        errors, units = self.errors(queries, part, tile), self.units(queries, part, tile)
        scores[pairs_inside(barred, part, tile)] = self.lowest
        scores[:, tile.dead] = self.lowest
        self._mask = enough(self._mask, scores.size + 16)
        mask = self._mask[: (scores.size + 15) // 8 * 8]
        mask[scores.size :] = False
        self.above(scores, floors[part] - errors, units, mask[: scores.size].reshape(scores.shape))
        yield Scores(scores, mask, (part.start, tile.start), units, errors, self.rounding, self.table)

    def room(self, rows: int, columns: int) -> Vectors:
        """Return a float32 matrix to be filled, the same memory at each call."""
        self._scores = enough(self._scores, rows * columns)
        return self._scores[: rows * columns].reshape(rows, columns)


class Float32Engine(NumpyTiles):
    """Single precision, by the BLAS of numpy.

    A dot product of d terms, summed in any order, errs by at most d u / (1 - d u) times the sum of the terms' sizes,
    u = 2^-24 (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), and that sum is at most the
    product of the lengths.
    """

    name = "float32"
    query_rows = 1024
    passage_rows = 4096
    lowest = np.float32(-np.inf)

    def load(self, queries: Vectors) -> Queries:
        """Prepare a block of queries."""
        values, norms, _ = finite_rows(queries)
        return Queries(values, norms, np.zeros(len(norms)))

    def tiles(self, passages: Corpus, start: int, stop: int) -> Iterator[Tile]:
        """Prepare rows start..stop-1."""
        values, norms, dead = finite_rows(passages.read(start, stop))
        yield Tile(start, stop - start, values, greatest_finite(norms), 0.0, dead)

    def product(self, queries: Queries, part: slice, tile: Tile) -> Vectors:
        """Return scores, float32."""
        left = queries.values[part]
        return np.matmul(left, tile.values.T, out=self.room(len(left), tile.count))

    def errors(self, queries: Queries, part: slice, tile: Tile) -> Float64s:
        """Return the bound of the rounding errors."""
        return summation_error(tile.values.shape[1], queries.norms[part] * tile.norm)

    def above(self, scores: Vectors, wanted: Float64s, unit: Float64s, mask: npt.NDArray[np.bool_]) -> None:
        """Compare with what is wanted."""
        least = np.maximum(wanted, np.finfo(np.float32).min).astype(np.float32)
        np.greater_equal(scores, least[:, None], out=mask)


def listed(found: Hits | Scores) -> Hits:
    """Return hits as a list, also those that are marked in a tile."""
    if isinstance(found, Hits):
        return found
    size = found.scores.size
    owners, columns = np.divmod(np.flatnonzero(found.mask[:size]), found.scores.shape[1])
    scores = found.scores[owners, columns]
    values = found.table[scores.view(np.uint16)] if len(found.table) else scores
    values = values.astype(np.float64) * found.units[owners]
    off = found.errors[owners] + found.rounding * np.abs(values)
    return bounded(owners + found.origin[0], columns + found.origin[1], values, off)


def summation_error(dimensions: int, sizes: Float64s) -> Float64s:
    """Return how far a float32 dot product is at most from the exact one, float64, shape of `sizes`.

    Four more roundings, and one per cent, cover what is computed from the bound and the lengths. Products below the
    least normal number may be taken for zero.

    Args:
        dimensions: terms of the sum.
        sizes: products of the lengths of the two vectors.
    """
    result: Float64s = 1.01 * ((dimensions + 4) * _UNIT_ROUNDOFF * sizes + (dimensions + 4) * _LEAST_NORMAL)
    return np.where(np.isfinite(sizes), result, 0.0)


def finite_rows(vectors: Vectors) -> tuple[Vectors, Float64s, Rows]:
    """Return vectors, their lengths, and which are not finite: those become zero, with an infinite length."""
    vectors = np.ascontiguousarray(vectors)
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors)).astype(np.float64)
    dead = np.flatnonzero(~np.isfinite(norms))
    if len(dead):
        vectors = vectors.copy()
        vectors[dead] = 0.0
        norms[dead] = np.inf
    return vectors, norms, dead


def greatest_finite(norms: Float64s) -> float:
    """Return the greatest finite value; 0 if there is none."""
    return float(np.max(norms, where=np.isfinite(norms), initial=0.0))


def pairs_inside(pairs: Pairs, part: slice, tile: Tile) -> Pairs:
    """Return the pairs (query, row) of a tile, as positions in it."""
    queries, rows = pairs
    inside = (rows >= tile.start) & (rows < tile.start + tile.count) & (queries >= part.start) & (queries < part.stop)
    return queries[inside] - part.start, rows[inside] - tile.start


def bounded(queries: Rows, rows: Rows, values: Float64s, errors: Float64s) -> Hits:
    """Return pairs with the bounds of their scores; those without a finite value are left out."""
    hits = Hits(queries, rows, (values - errors).astype(np.float32), (values + errors).astype(np.float32))
    finite = np.isfinite(values)
    if finite.all():
        return hits
    return Hits(hits.queries[finite], hits.rows[finite], hits.lowers[finite], hits.uppers[finite])


def enough(buffer: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """Return the buffer, or a new one if it is smaller than `size`: memory that is in use already costs no faults."""
    return buffer if len(buffer) >= size else np.empty((size + 7) // 8 * 8, dtype=buffer.dtype)
