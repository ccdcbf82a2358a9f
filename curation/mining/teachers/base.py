"""The one interface of everything that embeds texts for mining."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from curation.mining.keys import Keys
from curation.mining.ragged import Rows
from curation.mining.search.candidates import Vectors

Role = Literal["query", "passage"]
ROLE_BITS: Mapping[Role, int] = {"passage": 1, "query": 2}
"""A text that is wanted in both roles has both bits."""
Identity = Mapping[str, object]
"""What JSON can say. Two teachers with equal identities for a role give a text the same vector."""

_SHORTEST = 1e-12


class Teacher(Protocol):
    """What embeds texts for mining."""

    @property
    def name(self) -> str:
        """What people know the teacher by: `ORG/MODEL@REVISION`, or a folder's name and digest."""

    @property
    def dimensions(self) -> int:
        """Length of a vector, d."""

    def identity(self, role: Role) -> Identity:
        """Return everything that the vectors of a role depend on, besides the text."""

    def order(self, keys: Keys, role: Role) -> Rows:
        """Return the order in which n texts, given by their keys, are embedded fastest.

        It is a permutation, int64, shape (n,), that keeps the order of any two texts whatever others there are.
        """

    def embed(self, texts: Sequence[str], role: Role) -> Vectors:
        """Return one unit vector for each of n texts, float32, shape (n, d).

        A text that the teacher cannot place (its vector is zero, infinite or NaN) has a row of NaN, and nothing
        else has: one such text must not end a run, and NaN cannot be mistaken for a vector.
        """


def unit_rows(vectors: npt.NDArray[np.generic]) -> Vectors:
    """Return vectors at unit length, float32, shape (n, d); those without a direction become rows of NaN."""
    wide = np.asarray(vectors, dtype=np.float64)
    # Divided by the greatest value first: squares of tiny or huge values would leave the range.
    peaks = np.abs(wide).max(axis=1, initial=0.0, keepdims=True)
    is_sound = np.isfinite(peaks) & (peaks > _SHORTEST)
    scaled = np.divide(wide, peaks, out=np.full_like(wide, np.nan), where=is_sound)
    unit: Vectors = (scaled / np.linalg.norm(scaled, axis=1, keepdims=True)).astype(np.float32)
    return unit


def has_direction(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """Tell of each row that `Teacher.embed` returned whether it is a vector, shape (n,)."""
    return np.asarray(~np.isnan(vectors).any(axis=1))
