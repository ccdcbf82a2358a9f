"""Where callers get vectors from: a store on disk, or one in memory, with one interface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from curation.files import to_json
from curation.hashing import content_id
from curation.mining.embeddings.disk import DiskShelf, ShelfSize, shelf_sizes
from curation.mining.embeddings.encoding import StoredDtype
from curation.mining.embeddings.fill import Job, OnProgress, Recipe, fill
from curation.mining.embeddings.shelf import Shelf, Stored
from curation.mining.keys import text_keys
from curation.mining.teachers.base import Role, Teacher
from curation.text import as_arrow

BLOCK_ROWS = 8192


class Store(Protocol):
    """Gives each text its vector, made once."""

    def embed(
        self,
        teacher: Teacher,
        texts: Sequence[str] | pa.Array | pa.ChunkedArray,
        role: Role,
        *,
        dtype: StoredDtype = "float32",
        progress: OnProgress | None = None,
    ) -> Stored:
        """Return the vectors of texts, embedding those that are not stored yet.

        Args:
            teacher: what embeds.
            texts: strings, shape (n,); as Arrow they are not copied.
            role: what the texts are.
            dtype: how vectors are stored: bfloat16 takes half of the space, int8 a quarter.
            progress: is told how far the embedding is, once at the beginning and after each block.

        Raises:
            CurationError: if a text is null, if the teacher fails, or if the store cannot be read or written. What
                was embedded until then is kept.
        """


class EmbeddingStore:
    """Vectors on disk.

    Args:
        folder: where they lie; made when something is embedded.
        block_rows: texts that are embedded and written at a time, and lost at most when a run is killed.
    """

    def __init__(self, folder: Path, *, block_rows: int = BLOCK_ROWS) -> None:
        self._folder = folder
        self._block_rows = block_rows
        self._shelves: dict[str, DiskShelf] = {}

    def embed(
        self,
        teacher: Teacher,
        texts: Sequence[str] | pa.Array | pa.ChunkedArray,
        role: Role,
        *,
        dtype: StoredDtype = "float32",
        progress: OnProgress | None = None,
    ) -> Stored:
        """Return the vectors of texts, embedding those that are not stored yet. See `Store.embed`."""
        job = _job(Recipe(teacher, role, dtype), texts, self._block_rows, progress)
        shelf = self._shelf(job.recipe)
        shelf.refresh(job.keys)
        return fill(shelf.shelf, job, shelf.write)

    def sizes(self) -> list[ShelfSize]:
        """Return what the store holds, the largest shelf first: to see what may be deleted."""
        return shelf_sizes(self._folder)

    def _shelf(self, recipe: Recipe) -> DiskShelf:
        description = recipe.describe()
        name = content_id(to_json(description))
        if name not in self._shelves:
            shelf = Shelf(recipe.teacher.dimensions, recipe.dtype)
            self._shelves[name] = DiskShelf(self._folder / name, {"called": recipe.teacher.name, **description}, shelf)
        return self._shelves[name]


class MemoryStore:
    """Vectors in memory, kept as long as the store is: for engines whose workers share no disk.

    Args:
        block_rows: texts that are embedded at a time.
    """

    def __init__(self, *, block_rows: int = BLOCK_ROWS) -> None:
        self._block_rows = block_rows
        self._shelves: dict[str, Shelf] = {}

    def embed(
        self,
        teacher: Teacher,
        texts: Sequence[str] | pa.Array | pa.ChunkedArray,
        role: Role,
        *,
        dtype: StoredDtype = "float32",
        progress: OnProgress | None = None,
    ) -> Stored:
        """Return the vectors of texts, embedding those that are not kept yet. See `Store.embed`."""
        job = _job(Recipe(teacher, role, dtype), texts, self._block_rows, progress)
        name = content_id(to_json(job.recipe.describe()))
        shelf = self._shelves.setdefault(name, Shelf(teacher.dimensions, dtype))
        return fill(shelf, job, lambda block: replace(block, name=f"{len(shelf.names):06d}"))


def _job(
    recipe: Recipe, texts: Sequence[str] | pa.Array | pa.ChunkedArray, block_rows: int, progress: OnProgress | None
) -> Job:
    array = as_arrow(texts)
    return Job(recipe, array, text_keys(array), block_rows, progress)
