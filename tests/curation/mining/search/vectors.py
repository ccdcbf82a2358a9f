"""Vectors to search in, and the truth about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curation.mining.ragged import Exclusions, Ragged, Rows
from curation.mining.search.candidates import Candidates, Vectors, empty_candidates
from curation.mining.search.corpus import Codes, Piece


def unit(vectors: npt.NDArray[np.floating]) -> Vectors:
    result: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return result


def randomly(seed: int, count: int, dimensions: int) -> Vectors:
    return unit(np.random.default_rng(seed).standard_normal((count, dimensions)))


def on_a_grid(seed: int, count: int, dimensions: int) -> Vectors:
    """Return vectors with entries in {-1, 0, 1} before scaling: many are equal, and many cosines tie."""
    vectors = np.random.default_rng(seed).integers(-1, 2, (count, dimensions)).astype(np.float64)
    vectors[~vectors.any(axis=1), 0] = 1.0
    return unit(vectors)


def all_equal(seed: int, count: int, dimensions: int) -> Vectors:
    return np.repeat(randomly(0, 1, dimensions), count, axis=0)


def with_outliers(seed: int, count: int, dimensions: int) -> Vectors:
    """Return vectors with a few dimensions that outweigh all others, as many embedders have them."""
    vectors = np.random.default_rng(seed).standard_normal((count, dimensions))
    vectors[:, :: max(1, dimensions // 2)] *= 50.0
    return unit(vectors)


def nothing(count: int) -> Exclusions:
    empty = np.empty(0, dtype=np.int64)
    return Exclusions.from_rows(Ragged.from_pairs(empty, empty, count))


def exclude(pairs: list[tuple[int, int]], count: int) -> Exclusions:
    grid = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return Exclusions.from_rows(Ragged.from_pairs(grid[:, 0], grid[:, 1], count))


def by_brute_force(queries: Vectors, passages: Vectors, k: int, barred: set[tuple[int, int]]) -> Candidates:
    """Sort every passage by its score in double precision, rounded once, then by row."""
    exact = (queries.astype(np.float64)[:, None, :] * passages.astype(np.float64)[None]).sum(axis=2).astype(np.float32)
    found = empty_candidates(len(queries), k)
    for query, scores in enumerate(exact):
        allowed = [row for row in range(len(passages)) if (query, row) not in barred]
        best = sorted(allowed, key=lambda row: (-scores[row], row))[:k]
        found.rows[query, : len(best)] = best
        found.scores[query, : len(best)] = scores[best]
    return found


def assert_equal(found: Candidates, expected: Candidates) -> None:
    np.testing.assert_array_equal(found.rows, expected.rows)
    np.testing.assert_array_equal(found.scores, expected.scores)
    assert (found.rows.dtype, found.scores.dtype) == (np.int64, np.float32)


@dataclass(frozen=True)
class Stored:
    """8-bit codes in blocks with a scale each, as a store on disk might hold them."""

    stored: Codes
    scales: npt.NDArray[np.float32]
    block: int

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.stored), self.stored.shape[1]

    def codes(self, start: int, stop: int) -> Iterator[Piece]:
        while start < stop:
            end = min(stop, (start // self.block + 1) * self.block)
            yield start, self.stored[start:end], float(self.scales[start // self.block])
            start = end

    def take(self, rows: Rows) -> Vectors:
        return self.stored[rows].astype(np.float32) * self.scales[rows // self.block, None]

    def read(self, start: int, stop: int) -> Vectors:
        return self.take(np.arange(start, stop))


def stored(seed: int, count: int, dimensions: int, block: int = 50) -> Stored:
    vectors = randomly(seed, count, dimensions)
    blocks = [vectors[at : at + block] for at in range(0, count, block)]
    scales = np.array([np.abs(part).max() / 127 for part in blocks], dtype=np.float32)
    codes = [np.rint(part / scale).astype(np.int8) for part, scale in zip(blocks, scales, strict=True)]
    return Stored(np.concatenate(codes), scales, block)
