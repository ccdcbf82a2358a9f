"""Passages, arranged for the search: postings by feature, a block of passages at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curation.mining.ragged import Rows

Matrix = Any
"""A scipy.sparse.csr_array, float32, none negative, with sorted indices; scipy has no types."""
Floats = npt.NDArray[np.float32]

# Passages of a block: their numbers fit 16 bits, and their sums the second-level cache.
BLOCK_PASSAGES = 1 << 16
# Features of tier t are in at most N / 2^(TIERS - 1 - t) of N passages; the first tier has all rarer ones, too.
TIERS = 8


@dataclass(frozen=True, slots=True)
class Block:
    """Some consecutive passages, n of them.

    Attributes:
        first_row: row of the first one.
        passages: their vectors, (n, F).
        bounds: where the postings of each feature begin, int64, shape (F + 1,).
        numbers: the passage of each posting, counted from `first_row`, ascending a feature, uint16, shape (nnz,).
        weights: its weight, float32, shape (nnz,).
        tails: length of the part of each vector that lies beyond each tier, float32, shape (TIERS, n).
    """

    first_row: int
    passages: Matrix
    bounds: Rows
    numbers: npt.NDArray[np.uint16]
    weights: Floats
    tails: Floats


def tiers_of(passages: Matrix) -> npt.NDArray[np.uint8]:
    """Return the tier of each feature, by how many of the passages have it: uint8, shape (F,)."""
    frequencies = np.bincount(passages.indices, minlength=passages.shape[1])
    limits = passages.shape[0] / 2.0 ** np.arange(TIERS - 1, 0, -1)
    return np.searchsorted(limits, frequencies).astype(np.uint8)


def blocks(passages: Matrix, tiers: npt.NDArray[np.uint8], size: int = BLOCK_PASSAGES) -> Iterator[Block]:
    """Yield the passages in blocks of `size`."""
    for start in range(0, passages.shape[0], size):
        part = passages[start : start + size]
        postings = part.tocsc()
        yield Block(
            start,
            part,
            postings.indptr.astype(np.int64),
            postings.indices.astype(np.uint16),
            postings.data,
            _tails(part, tiers),
        )


def _tails(passages: Matrix, tiers: npt.NDArray[np.uint8]) -> Floats:
    """Return the length of the part of each vector that lies beyond each tier, shape (TIERS, n)."""
    count = passages.shape[0]
    owners = np.repeat(np.arange(count), np.diff(passages.indptr))
    places = tiers[passages.indices] * np.int64(count) + owners
    squares = np.bincount(places, weights=np.square(passages.data, dtype=np.float64), minlength=TIERS * count)
    upwards = np.cumsum(squares.reshape(TIERS, count)[::-1], axis=0)[::-1]
    tails = np.zeros((TIERS, count), dtype=np.float32)
    tails[:-1] = np.sqrt(upwards[1:])
    return tails
