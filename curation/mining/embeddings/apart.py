"""Embedding in one place what is needed in another: vectors travel as tables, in the precision they are stored in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.mining.embeddings.encoding import NUMPY_DTYPES, StoredDtype
from curation.mining.embeddings.fill import Progress, Recipe
from curation.mining.embeddings.shelf import Block, Stored
from curation.mining.embeddings.store import MemoryStore, Store
from curation.mining.keys import KEY_BYTES, Keys, key_array, keys_of
from curation.mining.ragged import Rows
from curation.mining.teachers.base import ROLE_BITS, Role, Teacher
from curation.mining.teachers.known import KnownTeacher, describe
from curation.mining.teachers.options import TeacherOptions

_ABOUT = b"teacher"
_PASSAGE, _QUERY = ROLE_BITS["passage"], ROLE_BITS["query"]


def vectors_schema(teacher: Teacher, dtype: StoredDtype) -> pa.Schema:
    """Return the schema of vectors, which says whose they are.

    Columns: `row` (the place of the text among those that were asked for), `key`, `roles` (those that the vector
    serves, as bits), `vector` (as stored), `scale` and `valid` (see `Block`).
    """
    width = teacher.dimensions * NUMPY_DTYPES[dtype].itemsize
    fields = {
        "row": pa.uint32(),
        "key": pa.binary(KEY_BYTES),
        "roles": pa.uint8(),
        "vector": pa.binary(width),
        "scale": pa.float32(),
        "valid": pa.bool_(),
    }
    return pa.schema(
        [pa.field(name, kind, nullable=False) for name, kind in fields.items()], {_ABOUT: describe(teacher)}
    )


class Embedded(NamedTuple):
    """What was asked for.

    Attributes:
        vectors: a table of `vectors_schema`.
        made: how many vectors had to be made; the others were in the store.
    """

    vectors: pa.Table
    made: int


class Embedder:
    """Embeds tables of texts; threads take turns, for tokenizers have state.

    Args:
        teacher: what embeds.
        store: where vectors may be already, and are kept; None to keep none.
        dtype: the precision of what is returned.
    """

    def __init__(self, teacher: Teacher, store: Store | None, dtype: StoredDtype) -> None:
        self._teacher, self._store, self._dtype = teacher, store, dtype
        self._turn = threading.Lock()

    def embed(self, texts: pa.Table) -> Embedded:
        """Return the vectors of texts in the roles that they are wanted in.

        Args:
            texts: distinct texts, a table with the columns of `curation.mining.wanted.WANTED_SCHEMA`.

        Raises:
            CurationError: if the teacher fails, or the store does.
        """
        with self._turn:
            parts = [self._embed(texts, *each) for each in self._roles(texts["roles"].to_numpy())]
        schema = vectors_schema(self._teacher, self._dtype)
        tables = [part.vectors for part in parts]
        return Embedded(pa.concat_tables([schema.empty_table(), *tables]), sum(part.made for part in parts))

    def _roles(self, masks: npt.NDArray[np.uint8]) -> Iterator[tuple[Rows, Role, int]]:
        """Yield the texts of each role with the bits that their vectors serve."""
        if self._teacher.identity("query") == self._teacher.identity("passage"):
            yield np.arange(len(masks), dtype=np.int64), "passage", _PASSAGE | _QUERY
            return
        for role, bit in ROLE_BITS.items():
            yield np.flatnonzero(masks & bit), role, bit

    def _embed(self, texts: pa.Table, rows: Rows, role: Role, bits: int) -> Embedded:
        counted: list[Progress] = []
        store, asked = self._store or MemoryStore(), texts["text"].take(pa.array(rows))
        stored = store.embed(self._teacher, asked, role, dtype=self._dtype, progress=counted.append)
        keys = keys_of(texts["key"].take(pa.array(rows)))
        return Embedded(self._table(stored, rows, keys, bits), counted[-1].done - counted[0].done)

    def _table(self, stored: Stored, rows: Rows, keys: Keys, bits: int) -> pa.Table:
        schema, parts = vectors_schema(self._teacher, self._dtype), []
        for places, values, scale in stored.encoded():
            count = len(places)
            columns = [
                pa.array(rows[places].astype(np.uint32)),
                key_array(keys[places]),
                pa.array(np.full(count, bits, dtype=np.uint8)),
                pa.FixedSizeBinaryArray.from_buffers(
                    schema.field("vector").type, count, [None, pa.py_buffer(np.ascontiguousarray(values).tobytes())]
                ),
                pa.array(np.full(count, scale, dtype=np.float32)),
                pa.array(stored.valid[places]),
            ]
            parts.append(pa.table(columns, schema=schema))
        return pa.concat_tables([schema.empty_table(), *parts])


@dataclass(frozen=True, slots=True)
class Given:
    """Vectors that were made elsewhere.

    Attributes:
        teacher: whose they are.
        store: where they are.
    """

    teacher: KnownTeacher
    store: MemoryStore


def gather_vectors(
    tables: Iterable[pa.Table], options: TeacherOptions, dtype: StoredDtype, missed: Callable[[int], None]
) -> Given | None:
    """Put tables of `Embedder.embed` into a store, or return None if there is not even an empty one.

    The vectors stay where they are: a table is in memory once.

    Args:
        tables: in any order.
        options: which teacher they are of.
        dtype: their precision.
        missed: is told of how many texts no table had a vector for.
    """
    given = None
    for table in tables:
        if given is None:
            teacher = KnownTeacher.from_json(table.schema.metadata[_ABOUT], options, missed)
            given = Given(teacher, MemoryStore())
        for role, block in _blocks(table.combine_chunks(), dtype, given.teacher.dimensions):
            given.store.put(Recipe(given.teacher, role, dtype), block)
    return given


def _blocks(table: pa.Table, dtype: StoredDtype, dimensions: int) -> Iterator[tuple[Role, Block]]:
    kind, scales, bits = NUMPY_DTYPES[dtype], table["scale"].to_numpy(), table["roles"].to_numpy()
    for mask, scale in sorted(set(zip(bits.tolist(), scales.tolist(), strict=True))):
        rows = np.flatnonzero((bits == mask) & (scales == np.float32(scale)))
        part = table if len(rows) == table.num_rows else table.take(pa.array(rows)).combine_chunks()
        vectors = part["vector"].chunk(0)
        start = vectors.offset * dimensions * kind.itemsize
        values = np.frombuffer(vectors.buffers()[1], kind, count=len(rows) * dimensions, offset=start)
        keep = partial(_kept, values.reshape(len(rows), dimensions))
        valid = part["valid"].to_numpy(zero_copy_only=False)
        # What serves both roles is the same on both shelves, which are one.
        yield "query" if mask == _QUERY else "passage", Block("", keys_of(part["key"]), keep, dtype, scale, valid)


def _kept(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return values
