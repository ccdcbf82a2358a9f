"""Exact search for the nearest vectors, in memory that depends on neither the number of queries nor of passages.

A matrix product over tiles finds everything that can be among the k best; only that is scored again, in double
precision. BLAS sums in an order of its own, which changes with the shape of a tile and the number of threads;
the second score is a function of the two vectors alone, and so is the result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curation.mining.ragged import Exclusions, Rows, positions_in_runs
from curation.mining.search.candidates import Candidates, Vectors, best_first, empty_candidates, fill_candidates

QUERY_BLOCK = 1024
PASSAGE_BLOCK = 2048
_PAIR_VALUES = 1 << 20
_LOWEST = np.finfo(np.float32).min


@dataclass(frozen=True, slots=True)
class _Hits:
    """Pairs that may be among the k best: query (within its block), row, and score by the matrix product."""

    queries: Rows
    rows: Rows
    scores: Vectors

    def take(self, index: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> _Hits:
        return _Hits(self.queries[index], self.rows[index], self.scores[index])

    def join(self, other: _Hits) -> _Hits:
        return _Hits(
            np.concatenate([self.queries, other.queries]),
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.scores, other.scores]),
        )


def nearest(
    queries: Vectors,
    passages: Vectors,
    k: int,
    excluded: Exclusions,
    *,
    query_block: int = QUERY_BLOCK,
    passage_block: int = PASSAGE_BLOCK,
) -> Candidates:
    """Find the k passages with the greatest cosine to each query.

    Args:
        queries: unit vectors, float32, shape (Q, d).
        passages: unit vectors, float32, shape (N, d).
        k: rows wanted for each query.
        excluded: rows that are left out, as if they were not there.
        query_block: queries of a tile; changes speed and memory, never the result.
        passage_block: passages of a tile; likewise.

    Returns:
        The exact k nearest of each query.
    """
    found = empty_candidates(len(queries), k)
    for start in range(0, len(queries), query_block):
        block = np.arange(start, min(start + query_block, len(queries)))
        hits = _search_block(queries[block], passages, k, excluded.pairs(block), passage_block)
        fill_candidates(found, hits.queries + start, hits.rows, hits.scores)
    return found


def pair_scores(left: Vectors, right: Vectors, left_rows: Rows, right_rows: Rows) -> Vectors:
    """Return the cosine of each pair of rows, float32, shape (n,): the same for the same two vectors, always."""
    scores = np.empty(len(left_rows), dtype=np.float32)
    step = max(1, _PAIR_VALUES // max(1, left.shape[1]))
    for start in range(0, len(left_rows), step):
        part = slice(start, start + step)
        # The product of two float32 is exact in float64, and numpy sums the last axis in one fixed order.
        products = np.multiply(left[left_rows[part]], right[right_rows[part]], dtype=np.float64)
        scores[part] = products.sum(axis=1)
    return scores


def _search_block(
    queries: Vectors, passages: Vectors, k: int, excluded: tuple[Rows, Rows], passage_block: int
) -> _Hits:
    hits = _Hits(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    floor = np.full(len(queries), _LOWEST, dtype=np.float32)
    slack = _slack(queries.shape[1])
    for start in range(0, len(passages), passage_block):
        tile = queries @ passages[start : start + passage_block].T
        _mask(tile, start, excluded)
        if start == 0:
            floor = _first_floor(tile, k, slack)
        hits = hits.join(_tile_hits(tile, floor, start))
        if len(hits.rows) > 4 * k * len(queries):
            hits, floor = _prune(hits, floor, k, slack)
        if len(hits.rows) > 4 * k * len(queries):
            # Only masses of (nearly) equal scores come here: decide between them now, to keep memory bounded.
            hits = hits.take(_exact_best(queries, passages, hits, k)[0])
    best, scores = _exact_best(queries, passages, hits, k)
    return _Hits(hits.queries[best], hits.rows[best], scores)


def _slack(dimensions: int) -> float:
    """Return how far two scores by matrix product may be apart although the exact scores stand the other way round.

    A float32 dot product of unit vectors, summed in any order, errs by at most d u / (1 - d u) with u = 2^-24
    (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1); one error for each of the two scores, and
    one per cent for vectors that are not quite of unit length and for rounding here.
    """
    return 2.02 * (dimensions + 4) * 2.0**-24


def _mask(tile: Vectors, start: int, excluded: tuple[Rows, Rows]) -> None:
    queries, rows = excluded
    inside = (rows >= start) & (rows < start + tile.shape[1])
    tile[queries[inside], rows[inside] - start] = -np.inf


def _first_floor(tile: Vectors, k: int, slack: float) -> Vectors:
    if tile.shape[1] < k:
        return np.full(len(tile), _LOWEST, dtype=np.float32)
    kth = np.partition(tile, tile.shape[1] - k, axis=1)[:, -k]
    floor: Vectors = np.maximum(kth - np.float32(slack), _LOWEST)
    return floor


def _tile_hits(tile: Vectors, floor: Vectors, start: int) -> _Hits:
    flat = np.flatnonzero(tile >= floor[:, None])
    queries, columns = np.divmod(flat, tile.shape[1])
    return _Hits(queries, columns + start, tile.ravel()[flat])


def _prune(hits: _Hits, floor: Vectors, k: int, slack: float) -> tuple[_Hits, Vectors]:
    """Drop the hits that k others of their query certainly beat, and raise the floors to match."""
    hits = hits.take(np.argsort(_by_query_and_score(hits)))
    kth = positions_in_runs(hits.queries) == k - 1
    floor = floor.copy()
    floor[hits.queries[kth]] = np.maximum(floor[hits.queries[kth]], hits.scores[kth] - np.float32(slack))
    return hits.take(hits.scores >= floor[hits.queries]), floor


def _by_query_and_score(hits: _Hits) -> Rows:
    """Return one integer a hit that rises with the query and falls with the score: one sort in place of two."""
    bits = (-hits.scores).view(np.int32)
    # The bits of an IEEE float order like an integer, once those of the negative numbers are turned round.
    rising: Rows = (hits.queries << 32) + (bits ^ ((bits >> 31) & 0x7FFFFFFF))
    return rising


def _exact_best(queries: Vectors, passages: Vectors, hits: _Hits, k: int) -> tuple[Rows, Vectors]:
    scores = pair_scores(queries, passages, hits.queries, hits.rows)
    best = best_first(hits.queries, hits.rows, scores, k)
    return best, scores[best]
