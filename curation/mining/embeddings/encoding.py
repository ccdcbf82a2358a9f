"""How vectors lie on disk: as they are, in half the space, or in a quarter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from curation.mining.search.candidates import Vectors

StoredDtype = Literal["float32", "bfloat16", "int8"]
NUMPY_DTYPES: dict[StoredDtype, np.dtype[Any]] = {
    "float32": np.dtype("<f4"),
    "bfloat16": np.dtype("<u2"),
    "int8": np.dtype("i1"),
}
_GREATEST = 127
_ROOM = 1.25
_COARSEST = 2.0


def encode(vectors: Vectors, dtype: StoredDtype, known_scales: Iterable[float] = ()) -> tuple[npt.NDArray[Any], float]:
    """Encode vectors for storing.

    The error of a value x is 0 for float32; at most |x| / 256 for bfloat16; at most scale / 2 for int8, where 127
    times the scale is at least the greatest absolute value p in `vectors`, and at most 2p (1.25p where it is new).

    Args:
        vectors: finite values, float32, shape (n, d).
        dtype: what to encode as; bfloat16 becomes the upper half of each float32, as uint16.
        known_scales: taken again if one fits, the first first. Rows that are gathered from many blocks then still
            have one scale, and a search reads them in long pieces.

    Returns:
        The encoded values, shape (n, d), and the scale: 1.0 but for int8.
    """
    if dtype == "float32":
        return vectors.astype(NUMPY_DTYPES[dtype], copy=False), 1.0
    if dtype == "bfloat16":
        return _to_bfloat16(vectors), 1.0
    scale = _scale(float(np.abs(vectors).max(initial=0.0)), known_scales)
    return np.rint(vectors / np.float32(scale)).astype(np.int8), scale


def decode(values: npt.NDArray[Any], dtype: StoredDtype, scale: float) -> Vectors:
    """Return what `encode` kept, float32, shape of `values`, as an array of its own."""
    if dtype == "float32":
        return values.astype(np.float32)
    if dtype == "bfloat16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32) * np.float32(scale)


def _to_bfloat16(vectors: Vectors) -> npt.NDArray[np.uint16]:
    bits = np.ascontiguousarray(vectors).view(np.uint32)
    # To the nearest, and to the even one of two equally near.
    return ((bits + np.uint32(0x7FFF) + ((bits >> 16) & np.uint32(1))) >> 16).astype(np.uint16)


def _scale(peak: float, known: Iterable[float]) -> float:
    """Return the first known scale that fits values up to `peak`, or else a new one."""
    exact = peak / _GREATEST
    if exact == 0.0:
        return next(iter(known), 1.0)
    # Rounded to float32, so that decoding is one product of two float32 numbers on every machine.
    new = float(np.float32(exact * _ROOM))
    return next((scale for scale in known if exact <= scale <= exact * _COARSEST), new)
