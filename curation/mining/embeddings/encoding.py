"""How vectors lie on disk: as they are, in half the space, or in a quarter."""

from __future__ import annotations

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
# Values of a unit vector spread evenly over d dimensions are about 1 / sqrt(d): few are above so many times that.
_USUAL = 8.0


def int8_scales(vectors: Vectors) -> npt.NDArray[np.float32]:
    """Return the scale at which each vector is stored as int8, float32, shape (n,).

    It is 8 / sqrt(d), or 1 if that is less, over 127, doubled until the greatest value fits: a function of the vector
    alone, so that what is stored does not depend on what was embedded with it; and nearly always the same, so that a
    search reads rows that are gathered from anywhere in long pieces.

    Args:
        vectors: finite values, float32, shape (n, d).
    """
    usual = min(_USUAL / np.sqrt(max(vectors.shape[1], 1)), 1.0) / _GREATEST
    peaks = np.abs(vectors).max(axis=1, initial=0.0).astype(np.float64)
    doublings = np.ceil(np.log2(np.maximum(peaks / (usual * _GREATEST), 1.0)))
    # Rounded to float32, so that decoding is one product of two float32 numbers on every machine.
    scales: npt.NDArray[np.float32] = (usual * 2.0**doublings).astype(np.float32)
    return scales


def encode(vectors: Vectors, dtype: StoredDtype, scale: float = 1.0) -> npt.NDArray[Any]:
    """Encode vectors for storing.

    The error of a value x is 0 for float32, at most |x| / 256 for bfloat16, and at most scale / 2 for int8.

    Args:
        vectors: finite values, float32, shape (n, d).
        dtype: what to encode as; bfloat16 becomes the upper half of each float32, as uint16.
        scale: the scale of all of them (see `int8_scales`); 1.0 but for int8.
    """
    if dtype == "float32":
        return vectors.astype(NUMPY_DTYPES[dtype], copy=False)
    if dtype == "bfloat16":
        return _to_bfloat16(vectors)
    codes: npt.NDArray[np.int8] = np.clip(np.rint(vectors / np.float32(scale)), -_GREATEST, _GREATEST).astype(np.int8)
    return codes


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
