"""Embedding what is not there yet: the part that is the same on disk and in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.errors import CurationError
from curation.mining.embeddings.encoding import StoredDtype, encode, int8_scales
from curation.mining.embeddings.shelf import Block, Shelf, Stored
from curation.mining.keys import Keys
from curation.mining.ragged import Rows
from curation.mining.search.candidates import Vectors
from curation.mining.teachers.base import Role, Teacher, has_direction
from curation.text import NORMALISER_VERSION

NORM_TOLERANCE = 1e-3
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an embedding is.

    Attributes:
        done: distinct texts that have a vector, those of earlier runs included.
        total: distinct texts that need one.
        rows_per_second: of the texts embedded in this call; 0.0 before the first block is done.
    """

    done: int
    total: int
    rows_per_second: float


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Who embeds what in which role, and how the vectors are kept."""

    teacher: Teacher
    role: Role
    dtype: StoredDtype

    def describe(self) -> dict[str, object]:
        """Return all that the stored bytes depend on, besides the texts."""
        return {
            "format": _FORMAT,
            "teacher": dict(self.teacher.identity(self.role)),
            "dimensions": self.teacher.dimensions,
            "dtype": self.dtype,
            "normaliser": NORMALISER_VERSION,
        }


@dataclass(frozen=True, slots=True)
class Job:
    """Texts that need vectors.

    Attributes:
        recipe: who embeds, and how vectors are kept.
        texts: Arrow strings, shape (n,).
        keys: their keys, shape (n,).
        block_rows: texts in a block.
        on_progress: is told how far the embedding is, or None.
    """

    recipe: Recipe
    texts: pa.Array
    keys: Keys
    block_rows: int
    on_progress: OnProgress | None


def fill(shelf: Shelf, keep: Callable[[Block], Block], job: Job) -> Stored:
    """Embed the texts that are not on a shelf yet, and return the vectors of all.

    Args:
        shelf: what is there already; gets the new blocks.
        keep: stores a block and returns it with a name.
        job: the texts.

    Raises:
        CurationError: if the teacher fails or returns what it must not, or `keep` fails. What was kept, is kept.
    """
    rows = shelf.find(job.keys)
    missing = _missing(job.keys, rows)
    # Ordered as a whole: what a killed run has left over then falls into the blocks that it would have made.
    ordered = missing[job.recipe.teacher.order(job.keys[missing], job.recipe.role)]
    total, began = len(np.unique(rows[rows >= 0])) + len(missing), time.monotonic()
    _report(job, Progress(total - len(ordered), total, 0.0))
    for start in range(0, len(ordered), job.block_rows):
        positions = ordered[start : start + job.block_rows]
        for block in _embed(job, positions):
            shelf.add(keep(block))
        embedded = start + len(positions)
        rate = embedded / max(time.monotonic() - began, 1e-9)
        _report(job, Progress(total - len(ordered) + embedded, total, rate))
    return shelf.stored(job.keys)


def _missing(keys: Keys, rows: Rows) -> Rows:
    """Return the first position of each distinct key that has no row, ascending, int64."""
    absent = np.flatnonzero(rows < 0)
    _, firsts = np.unique(keys[absent], return_index=True)
    return absent[np.sort(firsts)]


def _report(job: Job, progress: Progress) -> None:
    if job.on_progress is not None:
        job.on_progress(progress)


def _embed(job: Job, positions: Rows) -> Iterator[Block]:
    """Embed some texts, and yield a block for each scale that their vectors are stored at: mostly one."""
    texts: list[str] = job.texts.take(pa.array(positions)).to_pylist()
    vectors = job.recipe.teacher.embed(texts, job.recipe.role)
    _check(job.recipe, vectors, len(texts))
    valid = has_direction(vectors)
    sound, dtype = np.where(valid[:, None], vectors, np.float32(0.0)), job.recipe.dtype
    scales = int8_scales(sound) if dtype == "int8" else np.ones(len(sound), dtype=np.float32)
    for scale in np.unique(scales).tolist():
        rows = np.flatnonzero(scales == np.float32(scale))
        values = encode(sound[rows], dtype, scale)
        yield Block("", job.keys[positions[rows]], partial(_kept, values), dtype, scale, valid[rows])


def _kept(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return values


def _check(recipe: Recipe, vectors: Vectors, count: int) -> None:
    expected = (count, recipe.teacher.dimensions)
    if vectors.dtype != np.float32 or vectors.shape != expected:
        raise _broken(recipe, f"{vectors.dtype} vectors of shape {vectors.shape} instead of float32, {expected}")
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    wrong = np.flatnonzero(has_direction(vectors) & ~(np.abs(norms - 1.0) <= NORM_TOLERANCE))
    if len(wrong):
        raise _broken(recipe, f"a vector of length {norms[wrong[0]]:.6g} (and {len(wrong) - 1} more)")


def _broken(recipe: Recipe, what: str) -> CurationError:
    return CurationError(
        f"the teacher {recipe.teacher.name!r} breaks its promise",
        where=f"embeddings of {recipe.role} texts",
        why=f"it returned {what}",
        hint="this is a fault of the program: please report it with the config",
    )
