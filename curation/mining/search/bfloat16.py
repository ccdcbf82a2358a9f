"""Tiles in bfloat16: on a CPU with instructions for it (AVX512_BF16, AMX), or on a GPU through torch.

With q' and p' the rounded vectors, |q.p - q'.p'| <= |q - q'| |p| + |q'| |p - p'| by the inequality of Cauchy and
Schwarz; the lengths of the differences are measured, not estimated. The product itself is summed in single precision.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from curation.mining.ragged import Rows
from curation.mining.search.candidates import Vectors
from curation.mining.search.corpus import Corpus
from curation.mining.search.tiles import (
    Float64s,
    Hits,
    NumpyTiles,
    Pairs,
    Queries,
    Tile,
    bounded,
    finite_rows,
    greatest_finite,
    pairs_inside,
    summation_error,
)

_SLACK = 1.001
# Matrix units of GPUs cut off what they do not keep, where a CPU rounds to nearest, and keep a bit or two less.
_CARELESS = 4.0
_SIGN = np.uint16(0x8000)
# The bits of -infinity, and a number that bfloat16 can still go below.
_LOWEST = np.uint16(0xFF80).view(np.int16)
_LEAST = -3.3e38
# Scores that are compared together on a device.
_DEVICE_SCORES = 1 << 24


class Bfloat16Engine(NumpyTiles):
    """Half the bytes and, where the CPU multiplies them natively, twice the speed of single precision."""

    name = "bfloat16"
    query_rows = 1024
    passage_rows = 2048
    lowest = _LOWEST
    # Eight bits of precision: half the distance of two numbers is at most this share of the smaller one.
    rounding = _SLACK * 2.0**-8
    table = (np.arange(1 << 16, dtype=np.uint32) << np.uint32(16)).view(np.float32)

    def __init__(self) -> None:
        import torch

        super().__init__()
        self._torch = torch
        self._product = torch.empty(0, dtype=torch.bfloat16)

    def load(self, queries: Vectors) -> Queries:
        """Prepare a block of queries."""
        values, norms, spreads, _ = _rounded(queries, "cpu")
        return Queries(values, norms, spreads)

    def tiles(self, passages: Corpus, start: int, stop: int) -> Iterator[Tile]:
        """Prepare rows start..stop-1."""
        yield _tile(passages, start, stop, "cpu")

    def product(self, queries: Queries, part: slice, tile: Tile) -> npt.NDArray[np.int16]:
        """Return the bits of the scores."""
        left = queries.values[part]
        size = len(left) * tile.count
        if self._product.numel() < size:
            self._product = self._torch.empty(size, dtype=self._torch.bfloat16)
        out = self._product[:size].view(len(left), tile.count)
        self._torch.mm(left, tile.values.T, out=out)
        bits: npt.NDArray[np.int16] = out.view(self._torch.int16).numpy()
        return bits

    def errors(self, queries: Queries, part: slice, tile: Tile) -> Float64s:
        """Return the bound of the error before the result is rounded."""
        return _errors(queries, part, tile)

    def above(
        self, scores: npt.NDArray[np.int16], wanted: Float64s, unit: Float64s, mask: npt.NDArray[np.bool_]
    ) -> None:
        """Compare bits: those of numbers >= 0 order like integers, and those of negative numbers the other way round.

        A result that was rounded to nearest cannot be below a threshold that was rounded down, if it was not so
        before.
        """
        bits = _bits_below(np.maximum(wanted, _LEAST))
        np.greater_equal(scores, bits.view(np.int16)[:, None], out=mask)
        negative = np.flatnonzero(bits & _SIGN)
        if len(negative):
            mask[negative] = scores[negative].view(np.uint16) <= bits[negative, None]


class DeviceEngine:
    """The same product on any device of torch, summed and compared there in single precision.

    Attributes:
        device: its name, such as `cuda`; `cpu` runs the same code.
    """

    name = "device"

    def __init__(self, device: str) -> None:
        self.device = device
        self.query_rows, self.passage_rows = (1024, 4096) if device == "cpu" else (4096, 32_768)

    def load(self, queries: Vectors) -> Queries:
        """Prepare a block of queries."""
        values, norms, spreads, _ = _rounded(queries, self.device)
        return Queries(values, norms, spreads)

    def tiles(self, passages: Corpus, start: int, stop: int) -> Iterator[Tile]:
        """Prepare rows start..stop-1."""
        yield _tile(passages, start, stop, self.device)

    def hits(self, queries: Queries, part: slice, tile: Tile, floors: Vectors, barred: Pairs) -> Iterator[Hits]:
        """Score some queries with a tile; see `curation.mining.search.tiles.Engine.hits`."""
        torch = _torch()
        scores = _product(queries.values[part], tile.values)
        owners, columns = (torch.from_numpy(side).to(self.device) for side in pairs_inside(barred, part, tile))
        scores[owners, columns] = -torch.inf
        scores[:, torch.from_numpy(tile.dead).to(self.device)] = -torch.inf
        errors = _errors(queries, part, tile)
        wanted = np.maximum(floors[part] - errors, _LEAST).astype(np.float32)
        least = torch.from_numpy(wanted).to(self.device)[:, None]
        step = max(1, _DEVICE_SCORES // tile.count)
        for begin in range(0, len(scores), step):
            some = scores[begin : begin + step]
            found = torch.nonzero(some >= least[begin : begin + step])
            values = some[found[:, 0], found[:, 1]].cpu().numpy().astype(np.float64)
            owners, columns = np.ascontiguousarray(found.cpu().numpy().T)
            owners += begin
            yield bounded(owners + part.start, columns + tile.start, values, errors[owners])


@functools.cache
def _torch() -> Any:
    import torch

    return torch


def _rounded(vectors: Vectors, device: str) -> tuple[Any, Float64s, Float64s, Rows]:
    """Return vectors in bfloat16 on a device, their lengths, what rounding changed, and which are not finite."""
    torch = _torch()
    vectors, norms, dead = finite_rows(vectors)
    with warnings.catch_warnings():
        # Memory that is mapped from a file must not be written, and nothing here does.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        exact = torch.from_numpy(vectors).to(device)
    values = exact.to(torch.bfloat16)
    spreads = torch.linalg.vector_norm(exact - values.float(), dim=1).cpu().numpy().astype(np.float64)
    return values, norms, spreads, dead


def _tile(passages: Corpus, start: int, stop: int, device: str) -> Tile:
    values, norms, spreads, dead = _rounded(passages.read(start, stop), device)
    return Tile(start, stop - start, values, greatest_finite(norms), greatest_finite(spreads), dead)


def _errors(queries: Queries, part: slice, tile: Tile) -> Float64s:
    norms, spreads = queries.norms[part], queries.spreads[part]
    norms = np.where(np.isfinite(norms), norms, 0.0)
    dimensions = tile.values.shape[1]
    # What is measured is itself rounded: by less than the sum of as many terms.
    slack = _SLACK + dimensions * 2.0**-23
    error = slack * (spreads * tile.norm + (norms + spreads) * tile.spread)
    sizes = _CARELESS * slack * (norms + spreads) * (tile.norm + tile.spread)
    return np.asarray(error + summation_error(dimensions, sizes))


def _bits_below(values: Float64s) -> npt.NDArray[np.uint16]:
    """Return the bits of the greatest bfloat16 that is not above each value."""
    nearest = values.astype(np.float32)
    nearest = np.where(nearest > values, np.nextafter(nearest, np.float32(-np.inf)), nearest)
    bits = np.ascontiguousarray(nearest).view(np.uint32)
    # Cutting bits off goes towards zero: down for what is positive. There are no bits but the sign for -0.
    up = (bits >> np.uint32(31)).astype(bool) & ((bits & np.uint32(0xFFFF)) > 0)
    bits = np.where(nearest == 0, np.uint32(0x80000000), bits)
    return ((bits >> np.uint32(16)) + up).astype(np.uint16)


def _product(left: Any, right: Any) -> Any:
    """Return the product of two bfloat16 matrices, float32, summed in float32."""
    torch = _torch()
    if left.device.type == "cpu":
        return torch.mm(left.float(), right.float().T)
    return torch.mm(left, right.T, out_dtype=torch.float32)
