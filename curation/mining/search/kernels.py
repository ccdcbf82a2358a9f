"""The kernels of the search: compiled where numba is installed, or numpy's. The results are the same.

`CURATION_SEARCH_KERNELS=numpy` (or `numba`) in the environment decides otherwise.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from curation.kernels import compiled_or_none
from curation.mining.ragged import Rows
from curation.mining.search import portable
from curation.mining.search.candidates import Vectors
from curation.mining.search.corpus import Codes

_VARIABLE = "CURATION_SEARCH_KERNELS"


class Kernels(Protocol):
    """What a set of kernels does; see the functions of `curation.mining.search.portable`."""

    def pair_scores(self, left: Vectors, right: Vectors, left_rows: Rows, right_rows: Rows, scores: Vectors) -> None:
        """Fill in the scores of pairs, float32 (n,)."""

    def dither(self, vectors: Vectors, first_row: int, scales: npt.NDArray[np.float64], codes: Codes) -> None:
        """Fill in 8-bit codes, int8 (m, d)."""

    def push(
        self,
        k: int,
        floors: Vectors,
        counts: Rows,
        due: Rows,
        rows: Rows,
        lowers: Vectors,
        uppers: Vectors,
        new: tuple[Rows, Rows, Vectors, Vectors],
    ) -> npt.NDArray[np.bool_]:
        """Add hits to the lists of their queries; return which found no room, bool (n,)."""

    def push_scores(
        self,
        k: int,
        floors: Vectors,
        counts: Rows,
        due: Rows,
        rows: Rows,
        lowers: Vectors,
        uppers: Vectors,
        scores: npt.NDArray[Any],
        mask: npt.NDArray[np.bool_],
        origin: tuple[int, int],
        units: npt.NDArray[np.float64],
        errors: npt.NDArray[np.float64],
        rounding: float,
        table: Vectors,
        begin: int,
        left_over: tuple[Rows, Rows],
    ) -> tuple[int, int]:
        """Add what is marked in a tile of scores; return how many hits found no room, and where to go on."""


def kernels() -> Kernels:
    """Return the kernels to use.

    Raises:
        ConfigError: if the environment asks for kernels that there are not.
    """
    return cast("Kernels", compiled_or_none(_VARIABLE, "numpy", _compiled) or portable)


@functools.cache
def _compiled() -> ModuleType | None:
    try:
        from curation.mining.search import compiled
    except (ImportError, RuntimeError):
        # Without numba, or without any folder for what it compiles.
        return None
    return compiled


def warm_up() -> None:
    """Load the kernels, or compile them where that was never done: what is forked from this process has them then."""
    used = kernels()
    vectors, rows = np.ones((1, 1), np.float32), np.zeros(1, np.int64)
    used.pair_scores(vectors, vectors, rows, rows, np.empty(1, np.float32))
    used.dither(vectors, 0, np.ones(1), np.empty((1, 1), np.int8))
    new = (rows, rows, vectors[0], vectors[0])
    lists = (vectors[0].copy(), rows.copy(), rows.copy(), rows[None].copy(), vectors.copy(), vectors.copy())
    used.push(1, *lists, new)
    mask, left_over, ones = np.zeros(16, np.bool_), (np.empty(264, np.int64), np.empty(264, np.int64)), np.ones(1)
    for kind in (np.float32, np.int16, np.int32):
        scores = vectors.astype(kind)
        used.push_scores(1, *lists, scores, mask, (0, 0), ones, ones, 0.0, vectors[0], 0, left_over)
