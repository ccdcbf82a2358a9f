"""Tiles of 8-bit codes: four times the speed of single precision where the CPU multiplies them natively (VNNI).

The inequality of Cauchy and Schwarz is some thirty times too loose here, so rounding is made random, by a hash of row
and dimension (`curation.mining.search.portable.dither`): each value x becomes a code c with the expectation x / s, so
that its error e = x - s c has the mean 0 and two possible values, s apart. By Hoeffding's lemma such an error is
sub-Gaussian with parameter s / 2, and so is a sum of independent ones with the root of the sum of squares. With e_q
and e_p the errors of query and passage,

    q.p - q'.p' = q'.e_p + p.e_q

where, given the codes of the query, the first term has the parameter s_p |q'| / 2, and the second one has s_q |p| / 2.
|q'| is at most |q| + s_q sqrt(d) whatever the codes are (that holds the term e_q.e_p), so the sum has the parameter
sigma = sqrt(s_p^2 (|q| + s_q sqrt(d))^2 + s_q^2 |p|^2) / 2, and it exceeds sigma sqrt(2 ln(2 / delta)) in size with a
chance of at most delta. Delta is 1e-9 divided by the number of all pairs of the search: the chance that the bound
fails for any of them, and a neighbour might be missed, is below 1e-9. The hash is fixed, so the same search is the
same every time. Passages that are stored as codes carry no error of their own: s_p is 0 for them.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from curation.mining.ragged import Rows
from curation.mining.search.candidates import Vectors
from curation.mining.search.corpus import Codes, Corpus, Int8Corpus
from curation.mining.search.kernels import kernels
from curation.mining.search.tiles import (
    Float64s,
    NumpyTiles,
    Queries,
    Tile,
    finite_rows,
    greatest_finite,
)

CHANCE_OF_ANY_MISS = 1e-9
# A code is at most 127 in size, also when it was rounded away from zero.
_LARGEST = 126.5
# Beyond this the sum of the products of codes might not fit into 32 bits.
MOST_DIMENSIONS = 2**31 // 128**2 - 1
_SLACK = 1.01
_LOWEST = np.iinfo(np.int32).min


class Int8Engine(NumpyTiles):
    """Codes of 8 bits, one scale a query and one a tile of passages."""

    name = "int8"
    query_rows = 1024
    passage_rows = 2048
    lowest = np.int32(_LOWEST)

    def __init__(self, pairs: int) -> None:
        """Prepare for a search of so many pairs of a query and a passage in all."""
        import torch

        super().__init__()
        self._torch = torch
        self._deviation = math.sqrt(2.0 * math.log(2.0 * max(pairs, 1) / CHANCE_OF_ANY_MISS))

    def load(self, queries: Vectors) -> Queries:
        """Prepare a block of queries."""
        vectors, norms, _ = finite_rows(queries)
        scales = np.abs(vectors).max(axis=1, initial=0.0).astype(np.float64) / _LARGEST
        scales[scales == 0] = 1.0
        return Queries(self._torch.from_numpy(dithered(vectors, 0, scales)), norms, scales)

    def tiles(self, passages: Corpus, start: int, stop: int) -> Iterator[Tile]:
        """Prepare rows start..stop-1: quantised, or as they are stored."""
        if isinstance(passages, Int8Corpus):
            for first, codes, scale in passages.codes(start, stop):
                # Without a scale all are zero, whatever the codes.
                codes, scale = (codes, scale) if scale else (np.zeros_like(codes), 1.0)
                yield self._tile(first, codes, scale, _greatest_length(codes) * scale, 0.0, np.empty(0, np.int64))
            return
        vectors, norms, dead = finite_rows(passages.read(start, stop))
        scale = max(float(vectors.max(initial=0.0)), -float(vectors.min(initial=0.0))) / _LARGEST or 1.0
        # Another stream of the hash than that of the queries, which may be the same vectors.
        codes = dithered(vectors, start + (1 << 40), np.full(len(vectors), scale))
        yield self._tile(start, codes, scale, greatest_finite(norms), scale, dead)

    def _tile(self, start: int, codes: Codes, scale: float, norm: float, spread: float, dead: Rows) -> Tile:
        codes = np.ascontiguousarray(codes)
        with warnings.catch_warnings():
            # Memory that is mapped from a file must not be written, and nothing here does.
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            values = self._torch.from_numpy(codes)
        return Tile(start, len(codes), (values, scale), norm, spread, dead)

    def product(self, queries: Queries, part: slice, tile: Tile) -> npt.NDArray[np.int32]:
        """Return sums of products of codes."""
        left, (right, _) = queries.values[part], tile.values
        out: npt.NDArray[np.int32] = self.room(len(left), tile.count).view(np.int32)
        self._torch._int_mm(left, right.T, out=self._torch.from_numpy(out))
        return out

    def units(self, queries: Queries, part: slice, tile: Tile) -> Float64s:
        """Return what a product of two codes is worth."""
        scale: float = tile.values[1]
        return np.asarray(queries.spreads[part] * scale)

    def errors(self, queries: Queries, part: slice, tile: Tile) -> Float64s:
        """Return the bound that holds for all pairs of the search but for a chance of `CHANCE_OF_ANY_MISS`."""
        norms, scales = queries.norms[part], queries.spreads[part]
        lengths = np.where(np.isfinite(norms), norms, 0.0) + scales * math.sqrt(tile.values[0].shape[1])
        parameter = 0.5 * np.hypot(tile.spread * lengths, scales * tile.norm)
        return np.asarray(_SLACK * self._deviation * parameter)

    def above(
        self, scores: npt.NDArray[np.int32], wanted: Float64s, unit: Float64s, mask: npt.NDArray[np.bool_]
    ) -> None:
        """Compare with what is wanted, in whole products of codes and rounded down."""
        least = np.clip(np.floor(wanted / unit) - 1, _LOWEST + 1, -(_LOWEST + 1)).astype(np.int32)
        np.greater_equal(scores, least[:, None], out=mask)


def dithered(vectors: Vectors, first_row: int, scales: Float64s) -> Codes:
    """Return the codes of vectors, int8 (m, d); see `curation.mining.search.portable.dither`."""
    codes = np.empty(vectors.shape, dtype=np.int8)
    kernels().dither(vectors, first_row, scales, codes)
    return codes


def _greatest_length(codes: Codes) -> float:
    wide = codes.astype(np.float32)
    return float(np.sqrt(np.einsum("ij,ij->i", wide, wide).max(initial=0.0)))
