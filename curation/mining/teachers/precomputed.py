"""Vectors that were made elsewhere, from Parquet files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from glob import glob
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.errors import ConfigError, CurationError
from curation.files import sha256_file
from curation.mining.keys import KEY_BYTES, Keys, Lookup, join_keys, text_keys
from curation.mining.ragged import Rows
from curation.mining.search.candidates import Vectors
from curation.mining.teachers.base import Identity, Role, has_direction, unit_rows
from curation.mining.teachers.options import TeacherOptions

SCHEME = "vectors:"
_WHERE = "mining.teacher"
_BATCH_ROWS = 4096
_ROLES: tuple[Role, Role] = ("query", "passage")
_SAME = 1e-3
_SHOWN = 60
_FAULTS = (pa.ArrowException, OSError)


class PrecomputedTeacher:
    """Vectors from Parquet files, looked up by text.

    The files have a column `embedding` (lists of float16, float32 or float64, all of one length), and `text` or
    `text_hash` (BLAKE2b of the text's UTF-8 in 16 bytes, as 32 hexadecimal digits). A column `role` (`query` or
    `passage`) is for models that embed these in two ways; without it, a vector serves both. Each file is read once
    from beginning to end, and checked; in memory stay 24 bytes a row, and never the vectors.

    Args:
        options: `spec` is `vectors:PATH`, a file, a folder or a glob; `truncate_dim` shortens the vectors.

    Raises:
        ConfigError: if no file is there, or the options ask for what only a model can do.
        CurationError: if a file is not sound: a column is missing, a vector has another length than the first, no
            direction (zero, NaN, infinite), or two rows give one text different vectors. It names file and row.
    """

    def __init__(self, options: TeacherOptions) -> None:
        _refuse_model_options(options)
        self._spec = options.spec
        paths = _find_files(options.spec.removeprefix(SCHEME))
        self._files = _Files.open(paths)
        dimensions = _first_dimensions(self._files)
        if options.truncate_dim is not None and options.truncate_dim > dimensions:
            why = f"the vectors have {dimensions} dimensions"
            raise ConfigError("truncate_dim is too large", where=f"{_WHERE}.truncate_dim", why=why)
        self._stored_dimensions = dimensions
        self._dimensions = options.truncate_dim or dimensions
        self._lookups = _index(self._files, dimensions)
        self._digest = _digest(paths)
        self._cursor = _Cursor(self._files)

    @property
    def name(self) -> str:
        """`vectors:` and the digest of the files."""
        return f"{SCHEME}{self._digest}"

    @property
    def dimensions(self) -> int:
        """Length of a vector, d."""
        return self._dimensions

    def identity(self, role: Role) -> Identity:
        """Return the digest of the files, and the role if the files tell roles apart."""
        branch = role if self._lookups["query"] is not self._lookups["passage"] else None
        return {"vectors": self._digest, "branch": branch, "dimensions": self._dimensions}

    def order(self, keys: Keys, role: Role) -> Rows:
        """Return the order in which the texts stand in the files: so these are read once, from front to back."""
        return np.argsort(self._lookups[role].find(keys), kind="stable")

    def embed(self, texts: Sequence[str], role: Role) -> Vectors:
        """Return the unit vector of each of n texts, float32, shape (n, d).

        Raises:
            CurationError: if the files lack a text; the message shows the first.
        """
        rows = self._lookups[role].find(text_keys(texts))
        if (rows < 0).any():
            raise self._missing(texts, rows, role)
        distinct, inverse = np.unique(rows, return_inverse=True)
        vectors = [part[:, : self._dimensions] for part in self._cursor.read(distinct, self._stored_dimensions)]
        found = np.concatenate(vectors) if vectors else np.empty((0, self._dimensions), dtype=np.float32)
        return unit_rows(found)[inverse]

    def _missing(self, texts: Sequence[str], rows: Rows, role: Role) -> CurationError:
        first = int(np.argmax(rows < 0))
        text = str(texts[first])
        return CurationError(
            f"{int((rows < 0).sum()):,} of {len(rows):,} {role} texts have no vector",
            where=self._spec,
            why=f"the first is {text[:_SHOWN]!r}{' ...' if len(text) > _SHOWN else ''}",
            hint="texts are looked up as the curation leaves them, after normalisation: embed the texts of the stage "
            "before mining, or set mining.teacher to a model",
        )


@dataclass(frozen=True, slots=True)
class _Files:
    """Parquet files, whose rows are numbered through.

    Attributes:
        paths: the files, in order.
        groups: file and row group of each of g row groups.
        starts: first row of each row group, and the total, int64, shape (g + 1,).
    """

    paths: tuple[Path, ...]
    groups: tuple[tuple[Path, int], ...]
    starts: Rows

    @classmethod
    def open(cls, paths: Sequence[Path]) -> _Files:
        groups: list[tuple[Path, int]] = []
        rows = [0]
        for path in paths:
            with _open(path) as file:
                _check_schema(file.schema_arrow, path)
                groups += [(path, number) for number in range(file.num_row_groups)]
                rows += [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
        return cls(tuple(paths), tuple(groups), np.cumsum(rows, dtype=np.int64))

    def batches(self, group: int, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a row group, a few thousand at a time."""
        path, number = self.groups[group]
        faults = _FAULTS  # A local name is still there when the interpreter ends in the middle of a file.
        try:
            with _open(path) as file:
                yield from file.iter_batches(batch_size=_BATCH_ROWS, row_groups=[number], columns=columns)
        except faults as error:
            raise _unreadable(path, error) from error

    def where(self, row: int) -> str:
        """Return file and row (from 0 within the file) of a row."""
        group = int(np.searchsorted(self.starts, row, side="right")) - 1
        path, number = self.groups[group]
        return f"{path}, row {row - int(self.starts[group - number])}"


class _Cursor:
    """Reads rows in ascending order without starting over, also from one call to the next."""

    def __init__(self, files: _Files) -> None:
        self._files = files
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._start = self._stop = self._group_stop = 0
        self._vectors: npt.NDArray[np.generic] = np.empty((0, 0), dtype=np.float32)

    def read(self, rows: Rows, dimensions: int) -> Iterator[npt.NDArray[np.generic]]:
        """Yield the vectors of distinct, ascending rows, in pieces."""
        while len(rows):
            if not self._start <= rows[0] < self._stop:
                self._move(int(rows[0]), dimensions)
            here = int(np.searchsorted(rows, self._stop))
            yield self._vectors[rows[:here] - self._start]
            rows = rows[here:]

    def _move(self, row: int, dimensions: int) -> None:
        if not self._stop <= row < self._group_stop:
            group = int(np.searchsorted(self._files.starts, row, side="right")) - 1
            self._batches = self._files.batches(group, ["embedding"])
            self._start = self._stop = int(self._files.starts[group])
            self._group_stop = int(self._files.starts[group + 1])
        while row >= self._stop:
            batch = next(self._batches)
            self._start, self._stop = self._stop, self._stop + batch.num_rows
        self._vectors = _matrix(batch.column(0), dimensions, self._start, self._files)


def _refuse_model_options(options: TeacherOptions) -> None:
    unused = {
        "query_prompt": options.query_prompt,
        "passage_prompt": options.passage_prompt,
        "query_prompt_name": options.query_prompt_name,
        "passage_prompt_name": options.passage_prompt_name,
        "max_tokens": options.max_tokens,
        "dtype": None if options.dtype == "float32" else options.dtype,
    }
    for name, value in unused.items():
        if value is not None:
            raise ConfigError(
                f"{name} has no effect on vectors that are made already",
                where=f"{_WHERE}.{name}",
                why=f"the teacher is {options.spec!r}",
                hint="leave it out",
            )


def vectors_digest(path: str) -> str:
    """Return the digest of the files of vectors at a path, a folder or a glob, whatever they are called.

    Raises:
        ConfigError: if there are none.
    """
    return _digest(_find_files(path))


def _find_files(path: str) -> list[Path]:
    place = Path(path)
    found = place.rglob("*.parquet") if path and place.is_dir() else [place, *map(Path, glob(path))]  # noqa: PTH207 - of any path, also absolute ones
    files = sorted({file for file in found if file.is_file()})
    if not files:
        raise ConfigError(
            "there are no vectors",
            where=f"{_WHERE}.model",
            why=f"{path!r} is neither a Parquet file, nor a folder or glob with one",
            hint="write vectors:FILE.parquet, vectors:FOLDER or vectors:'FOLDER/*.parquet'",
        )
    return files


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, memory_map=False)
    except _FAULTS as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> CurationError:
    return CurationError(
        "a file of vectors cannot be read", where=str(path), why=str(error), hint="write it again: Parquet is expected"
    )


def _check_schema(schema: pa.Schema, path: Path) -> None:
    kind = schema.field("embedding").type if "embedding" in schema.names else None
    if not _is_vector(kind):
        why = f"its type is {kind}" if kind is not None else f"there are {', '.join(schema.names) or 'no columns'}"
        hint = "vectors are lists of float16, float32 or float64"
        raise CurationError("a file of vectors has no column `embedding`", where=str(path), why=why, hint=hint)
    for name in (_key_column(schema, path), "role"):
        if name in schema.names and not _is_text(schema.field(name).type):
            why = f"its type is {schema.field(name).type}"
            raise CurationError(f"the column `{name}` must be text", where=str(path), why=why)


def _is_vector(kind: pa.DataType | None) -> bool:
    checks = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return kind is not None and any(check(kind) for check in checks) and bool(pa.types.is_floating(kind.value_type))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _key_column(schema: pa.Schema, path: Path) -> str:
    for name in ("text", "text_hash"):
        if name in schema.names:
            return name
    raise CurationError(
        "a file of vectors does not say whose they are",
        where=str(path),
        why=f"it has the columns {', '.join(schema.names)}",
        hint="add a column `text`, or `text_hash`: BLAKE2b of the text's UTF-8, 16 bytes, as hexadecimal digits",
    )


def _first_dimensions(files: _Files) -> int:
    for group in range(len(files.groups)):
        for batch in files.batches(group, ["embedding"]):
            length = pc.list_value_length(batch.column(0))[0].as_py()
            if length:
                return int(length)
            why = "it is null" if length is None else "it has no dimensions"
            raise CurationError("a vector is missing", where=files.where(int(files.starts[group])), why=why)
    raise CurationError("the files of vectors have no rows", where=", ".join(map(str, files.paths[:3])))


def _matrix(column: pa.Array, dimensions: int, first: int, files: _Files) -> npt.NDArray[np.generic]:
    """Return a column of lists as a matrix, shape (n, d), in the precision that it has."""
    lengths = pc.fill_null(pc.list_value_length(column), -1).to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero(lengths != dimensions)
    if len(wrong):
        length = int(lengths[wrong[0]])
        why = "it is null" if length < 0 else f"it has {length} dimensions, the first vector has {dimensions}"
        hint = "all vectors come from one model and have one length"
        raise CurationError(
            "a vector is not like the others", where=files.where(first + int(wrong[0])), why=why, hint=hint
        )
    values: npt.NDArray[np.generic] = pc.list_flatten(column).to_numpy(zero_copy_only=False)
    return values.reshape(-1, dimensions)


def _index(files: _Files, dimensions: int) -> dict[Role, Lookup]:
    """Read everything once, check it, and return where each role's texts are; one lookup for both without roles."""
    projection = np.random.default_rng(0).standard_normal((dimensions, 4)).astype(np.float32)
    keys, roles, sketches = [], [], []
    for group, start in enumerate(files.starts[:-1].tolist()):
        columns = _columns(files.groups[group][0])
        for batch in files.batches(group, columns):
            vectors = unit_rows(_matrix(batch.column("embedding"), dimensions, start, files))
            _check_directions(vectors, start, files)
            sketches.append(vectors @ projection)
            keys.append(_batch_keys(batch, start, files))
            roles.append(_batch_roles(batch, start, files))
            start += batch.num_rows
    every = _Rows(np.concatenate(keys), np.concatenate(roles), np.concatenate(sketches))
    if not every.roles.any():
        lookup = every.lookup(np.arange(len(every.keys)), files)
        return {"query": lookup, "passage": lookup}
    # Rows without a role, in files beside others that have one, serve both.
    return {
        role: every.lookup(np.flatnonzero((every.roles == 0) | (every.roles == number)), files)
        for number, role in enumerate(_ROLES, 1)
    }


@dataclass(frozen=True, slots=True)
class _Rows:
    """All rows: keys, shape (n,); roles (0 both, 1 query, 2 passage), int8; and a projection of each vector."""

    keys: Keys
    roles: npt.NDArray[np.int8]
    sketches: Vectors

    def lookup(self, rows: Rows, files: _Files) -> Lookup:
        """Return the lookup of some rows.

        Raises:
            CurationError: if equal keys have different vectors. Vectors are compared by four random projections,
                so that they need not all be kept: different ones agree in all four once in a thousand million.
        """
        local = Lookup.of(self.keys[rows])
        firsts = rows[local.find(self.keys[rows])]
        differs = (np.abs(self.sketches[rows] - self.sketches[firsts]) > _SAME).any(axis=1)
        if differs.any():
            row = int(np.argmax(differs))
            raise CurationError(
                "a text has two different vectors",
                where=files.where(int(rows[row])),
                why=f"{files.where(int(firsts[row]))} has another for the same text",
                hint="keep one of the rows; if one is for queries and one for passages, add a column `role`",
            )
        return replace(local, rows=rows[local.rows])


def _columns(path: Path) -> list[str]:
    with _open(path) as file:
        schema = file.schema_arrow
    return ["embedding", _key_column(schema, path), *(["role"] if "role" in schema.names else [])]


def _check_directions(vectors: Vectors, start: int, files: _Files) -> None:
    wrong = np.flatnonzero(~has_direction(vectors))
    if len(wrong):
        raise CurationError(
            "a vector has no direction",
            where=files.where(start + int(wrong[0])),
            why="it is zero, or holds NaN or infinity",
            hint="leave out texts that could not be embedded, and drop them from the sources as well",
        )


def _batch_keys(batch: pa.RecordBatch, start: int, files: _Files) -> Keys:
    name = batch.schema.names[1]
    column = batch.column(1)
    if column.null_count:
        row = column.is_null().index(pa.scalar(True)).as_py()
        raise CurationError(f"a vector has no {name}", where=files.where(start + row), why="it is null")
    return text_keys(column) if name == "text" else _parse_hashes(column, start, files)


def _parse_hashes(column: pa.Array, start: int, files: _Files) -> Keys:
    is_hash = pc.match_substring_regex(column, rf"^[0-9a-fA-F]{{{2 * KEY_BYTES}}}$")
    row = is_hash.index(pa.scalar(False)).as_py()
    if row >= 0:
        why = f"it is {column[row].as_py()[:_SHOWN]!r}"
        hint = "BLAKE2b of the text's UTF-8 with a digest of 16 bytes"
        what = f"a text_hash is not {2 * KEY_BYTES} hexadecimal digits"
        raise CurationError(what, where=files.where(start + row), why=why, hint=hint)
    return join_keys(bytes.fromhex(text) for text in column.to_pylist())


def _batch_roles(batch: pa.RecordBatch, start: int, files: _Files) -> npt.NDArray[np.int8]:
    if "role" not in batch.schema.names:
        return np.zeros(batch.num_rows, dtype=np.int8)
    numbers = pc.index_in(batch.column("role"), pa.array(_ROLES))
    if numbers.null_count:
        row = numbers.is_null().index(pa.scalar(True)).as_py()
        why = f"it is {batch.column('role')[row].as_py()!r}"
        raise CurationError("a role is neither `query` nor `passage`", where=files.where(start + row), why=why)
    parsed: npt.NDArray[Any] = numbers.to_numpy()
    return (parsed + 1).astype(np.int8)


def _digest(paths: Sequence[Path]) -> str:
    """Return the digest of the files' content, whatever they are called."""
    return hashlib.blake2b("".join(sorted(map(sha256_file, paths))).encode(), digest_size=16).hexdigest()
