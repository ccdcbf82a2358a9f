"""Where callers get vectors from: a store on disk, or one in memory, with one interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from curation.files import to_json
from curation.hashing import content_id
from curation.mining.embeddings.disk import DiskShelf, ShelfSize, shelf_sizes
from curation.mining.embeddings.encoding import StoredDtype
from curation.mining.embeddings.fill import Job, OnProgress, Recipe, fill
from curation.mining.embeddings.shelf import Block, Shelf, Stored
from curation.mining.keys import text_keys
from curation.mining.teachers.base import Role, Teacher
from curation.text import as_arrow

BLOCK_ROWS = 8192


class Store(ABC):
    """Gives each text its vector, made once.

    Args:
        block_rows: texts that are embedded at a time.
    """

    def __init__(self, *, block_rows: int = BLOCK_ROWS) -> None:
        self._block_rows = block_rows

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
        array = as_arrow(texts)
        job = Job(Recipe(teacher, role, dtype), array, text_keys(array), self._block_rows, progress)
        return fill(*self._open(job, _name(job.recipe)), job)

    @abstractmethod
    def _open(self, job: Job, name: str) -> tuple[Shelf, Callable[[Block], Block]]:
        """Return the shelf of a recipe, which has this name, and what keeps a new block and returns it with a name."""


class EmbeddingStore(Store):
    """Vectors on disk.

    Args:
        folder: where they lie; made when something is embedded.
        block_rows: texts that are embedded and written at a time, and lost at most when a run is killed.
    """

    def __init__(self, folder: Path, *, block_rows: int = BLOCK_ROWS) -> None:
        super().__init__(block_rows=block_rows)
        self._folder = folder
        self._shelves: dict[str, DiskShelf] = {}

    def sizes(self) -> list[ShelfSize]:
        """Return what the store holds, the largest shelf first: to see what may be deleted."""
        return shelf_sizes(self._folder)

    def _open(self, job: Job, name: str) -> tuple[Shelf, Callable[[Block], Block]]:
        teacher = job.recipe.teacher
        if name not in self._shelves:
            description = {"called": teacher.name, **job.recipe.describe()}
            self._shelves[name] = DiskShelf(
                self._folder / name, description, Shelf(teacher.dimensions, job.recipe.dtype)
            )
        self._shelves[name].refresh(job.keys)
        return self._shelves[name].shelf, self._shelves[name].write


class MemoryStore(Store):
    """Vectors in memory, kept as long as the store is: for engines whose workers share no disk."""

    def __init__(self, *, block_rows: int = BLOCK_ROWS) -> None:
        super().__init__(block_rows=block_rows)
        self._shelves: dict[str, Shelf] = {}

    def put(self, recipe: Recipe, block: Block) -> None:
        """Keep vectors that were made elsewhere, by the same recipe."""
        shelf, keep = self._shelf(recipe, _name(recipe))
        shelf.add(keep(block))

    def _open(self, job: Job, name: str) -> tuple[Shelf, Callable[[Block], Block]]:
        return self._shelf(job.recipe, name)

    def _shelf(self, recipe: Recipe, name: str) -> tuple[Shelf, Callable[[Block], Block]]:
        shelf = self._shelves.setdefault(name, Shelf(recipe.teacher.dimensions, recipe.dtype))
        return shelf, lambda block: replace(block, name=f"{len(shelf.names):06d}")


def _name(recipe: Recipe) -> str:
    return content_id(to_json(recipe.describe()))
