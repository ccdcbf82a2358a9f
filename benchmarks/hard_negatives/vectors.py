"""Vectors for the benchmarks: made, but with the structure that embeddings have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_CLUSTERS, _LATENT = 2_000, 48
_CHUNK = 10_000
# Coprime to the number of windows, so that no two of so many rows are the same window.
_STRIDE = 0x9E3779B1


def clustered(count: int, dimensions: int, seed: int) -> npt.NDArray[np.float32]:
    """Return unit vectors from 2,000 clusters in 48 dimensions, lifted to `dimensions` with noise, float32.

    Vectors of different seeds come from the same clusters. Without such structure all pairs are about equally far
    apart, which no embedder's are.
    """
    shared, own = np.random.default_rng(0), np.random.default_rng([1, seed])
    centres = shared.standard_normal((_CLUSTERS, _LATENT))
    lift = shared.standard_normal((_LATENT, dimensions)) / np.sqrt(_LATENT)
    vectors = np.empty((count, dimensions), dtype=np.float32)
    for start in range(0, count, _CHUNK):
        part = vectors[start : start + _CHUNK]
        latent = centres[own.integers(0, _CLUSTERS, len(part))] + 0.6 * own.standard_normal((len(part), _LATENT))
        part[:] = latent @ lift + 0.3 * own.standard_normal(part.shape)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return vectors


@dataclass(frozen=True, slots=True)
class GeneratedCorpus:
    """8-bit codes that are made when they are read: a corpus of any size in no memory.

    Attributes:
        shape: rows and dimensions.
        windows: int8, shape (2^24, dimensions): all windows of one random sequence; each row is one of them.
        piece: rows of a piece.
    """

    shape: tuple[int, int]
    windows: npt.NDArray[np.int8]
    piece: int = 4096

    @classmethod
    def of(cls, rows: int, dimensions: int) -> GeneratedCorpus:
        """Return a corpus of at most 2^24 rows."""
        sequence = np.random.default_rng(0).integers(-127, 128, (1 << 24) + dimensions - 1, dtype=np.int8)
        return cls((rows, dimensions), np.lib.stride_tricks.sliding_window_view(sequence, dimensions))

    @property
    def scale(self) -> float:
        """The scale of all codes: vectors are about of unit length."""
        return float(np.float32(1.0 / (73.3 * np.sqrt(self.shape[1]))))

    def codes(self, start: int, stop: int) -> Iterator[tuple[int, npt.NDArray[np.int8], float]]:
        """Return rows start..stop-1 in pieces."""
        for first in range(start, stop, self.piece):
            yield first, self._codes(np.arange(first, min(first + self.piece, stop))), self.scale

    def read(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Return rows start..stop-1, decoded."""
        return self.take(np.arange(start, stop))

    def take(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return the given rows, decoded."""
        return self._codes(rows).astype(np.float32) * np.float32(self.scale)

    def _codes(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
        return self.windows[(rows * _STRIDE) & ((1 << 24) - 1)]
