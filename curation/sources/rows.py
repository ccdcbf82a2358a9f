"""From columns of a file to rows of the raw schema: what every format has in common.

A reader yields chunks: its columns as they are in the file, with row numbers. Here they are checked and become a
`ReadBatch`. Each row of a file is then either in a batch or rejected, exactly once.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

import language_configs
from curation.config.model import Columns, Language, LanguageColumn
from curation.errors import SourceError
from curation.records import RAW_SCHEMA
from curation.sources.files import MAX_LINE_BYTES, SourceFile, public_name

MAX_CHUNK_BYTES = 64_000_000
"""A chunk ends here even when it has fewer rows than asked for, so that long rows do not fill the memory."""

TEXT = pa.string()
TEXTS = pa.list_(pa.string())

_MAX_DETAIL = 200

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that did not become a record.

    Attributes:
        file: `display` of its file.
        row: its number in the file, from 1.
        decision: `quarantined` if it is damaged, `dropped` if it is sound but not wanted.
        reason: short name of the rule.
        detail: the offending value, for people.
    """

    file: str
    row: int
    decision: Literal["dropped", "quarantined"]
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """The records and the rejects of consecutive rows of one file.

    Attributes:
        rows: of `RAW_SCHEMA`, shape (n,).
        rejected: the other rows, by row number.
    """

    rows: pa.RecordBatch
    rejected: list[Rejected]


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column of a file holds which field of a record.

    Attributes:
        query: column of the query.
        positive: column of the positive.
        negatives: columns of negatives, each of strings or of lists of strings.
        query_language: a code for all rows, a column, or None where it is to be identified.
        positive_language: likewise.
        is_code: of codes in a column that mean two languages (`ts`), the programming language is meant.
        label: column of the class, or None where rows have none.
        document: column of the document's name, or None where rows are of none.
    """

    query: str = "query"
    positive: str = "positive"
    negatives: tuple[str, ...] = ()
    query_language: Language = None
    positive_language: Language = None
    is_code: bool = False
    label: str | None = None
    document: str | None = None

    @classmethod
    def of(cls, columns: Columns, query_language: Language, positive_language: Language, *, is_code: bool) -> Layout:
        """Return the layout that a source with named columns declares."""
        return cls(
            columns.query,
            columns.positive,
            tuple(columns.negatives),
            query_language,
            positive_language,
            is_code=is_code,
            label=columns.label,
            document=columns.document,
        )

    def texts(self) -> list[str]:
        """Return the columns that must hold strings, each once."""
        languages = (self.query_language, self.positive_language)
        named = [language.column for language in languages if isinstance(language, LanguageColumn)]
        return list(dict.fromkeys([self.query, self.positive, *named, *self.names()]))

    def names(self) -> list[str]:
        """Return the columns of names, which may be numbers in the file: of the class and of the document."""
        return [name for name in (self.label, self.document) if name is not None]

    def columns(self) -> list[str]:
        """Return all columns that are read, each once."""
        return list(dict.fromkeys([*self.texts(), *self.negatives]))


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive rows of a file, as they are in it.

    Attributes:
        rows: int64 row numbers from 1, shape (n,).
        columns: by name, shape (n,) each; strings, or lists of strings for negatives.
        rejected: rows between these that could not be read at all.
    """

    rows: pa.Array
    columns: dict[str, pa.Array]
    rejected: list[Rejected]


class Row(NamedTuple):
    """One row of a format that is read row by row."""

    number: int
    size: int
    """Bytes, for bounding a chunk."""
    cells: Sequence[object]
    """One value for each column."""


Flaws = dict[int, tuple[str, str]]
"""Reason and detail by index in the chunk; the first that is found stands."""


def quarantined(file: SourceFile, row: int, reason: str, detail: str) -> Rejected:
    """Return the reject of a damaged row."""
    return Rejected(file.display, row, "quarantined", reason, detail[:_MAX_DETAIL])


def too_long(file: SourceFile, row: int) -> Rejected:
    """Return the reject of a line that was not read because of its length."""
    return quarantined(file, row, "line_too_long", f"over {MAX_LINE_BYTES:,} bytes")


def decoded(data: bytes, encoding: str = "utf-8") -> tuple[str, str]:
    """Decode `data`; return (text, "") or ("", what is wrong)."""
    try:
        return data.decode(encoding), ""
    except UnicodeDecodeError as error:
        return "", f"byte {data[error.start]:#04x} at column {error.start + 1} is not {encoding}: {error.reason}"


def require_columns(wanted: Sequence[str], present: Sequence[str], file: SourceFile) -> None:
    """Check that a file has each of the wanted columns once.

    Raises:
        SourceError: naming the columns that there are, and the nearest to the one that is missing.
    """
    for name in wanted:
        if present.count(name) != 1:
            raise SourceError(
                f"The file has no column {name!r}" if name not in present else f"Two columns are called {name!r}",
                where=public_name(file.path),
                why="its columns are " + (", ".join(map(repr, present)) or "none"),
                hint=_did_you_mean(name, present) + "set `columns` of the source",
            )


def _did_you_mean(name: str, present: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, present, n=1)
    return f"did you mean {near[0]!r}? " if near else ""


def chunk_rows(
    items: Iterable[Row | Rejected], schema: Mapping[str, pa.DataType], file: SourceFile, batch_rows: int
) -> Iterator[Chunk]:
    """Collect rows into chunks.

    Args:
        items: rows with one cell for each column of `schema`, and rejects, in the order of the file.
        schema: `TEXT` or `TEXTS` by column.
        file: where they come from.
        batch_rows: greatest number of items in a chunk.

    Yields:
        Chunks; a cell that is not of its column's type rejects its row (`not_text`, `lone_surrogate`).
    """
    rows: list[Row] = []
    rejected: list[Rejected] = []
    size = 0
    for item in items:
        if isinstance(item, Rejected):
            rejected.append(item)
        else:
            rows.append(item)
            size += item.size
        if len(rows) + len(rejected) >= batch_rows or size >= MAX_CHUNK_BYTES:
            yield _to_chunk(rows, rejected, schema, file)
            rows, rejected, size = [], [], 0
    if rows or rejected:
        yield _to_chunk(rows, rejected, schema, file)


def _to_chunk(rows: list[Row], rejected: list[Rejected], schema: Mapping[str, pa.DataType], file: SourceFile) -> Chunk:
    flaws: Flaws = {}
    numbers = pa.array([row.number for row in rows], pa.int64())
    cells = zip(*(row.cells for row in rows), strict=True) if rows else ((),) * len(schema)
    columns = {
        name: _column(name, values, kind, flaws) for (name, kind), values in zip(schema.items(), cells, strict=True)
    }
    return _without(Chunk(numbers, columns, rejected), flaws, file)


def _column(name: str, values: Sequence[object], kind: pa.DataType, flaws: Flaws) -> pa.Array:
    try:
        return pa.array(values, kind)
    except (pa.ArrowException, TypeError, ValueError):
        return pa.array([_checked(name, index, value, kind, flaws) for index, value in enumerate(values)], kind)


def _checked(name: str, index: int, value: Value, kind: pa.DataType, flaws: Flaws) -> Value | None:
    """Return `value` if Arrow can hold it; otherwise None, with a flaw."""
    parts = value if kind == TEXTS and isinstance(value, list) else [value]
    for part in parts:
        if part is not None and not isinstance(part, str):
            flaws.setdefault(index, ("not_text", f"`{name}` holds {type(part).__name__}: {part!r:.80}"))
            return None
        if part is not None and not _is_encodable(part):
            flaws.setdefault(index, ("lone_surrogate", f"`{name}` holds half of a character: {part!a:.80}"))
            return None
    return value


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _without(chunk: Chunk, flaws: Flaws, file: SourceFile) -> Chunk:
    """Move the rows that have a flaw to the rejects."""
    if not flaws:
        return chunk
    bad = np.zeros(len(chunk.rows), dtype=bool)
    bad[list(flaws)] = True
    keep = pa.array(~bad)
    numbers = chunk.rows.to_numpy()
    rejects = [quarantined(file, int(numbers[index]), *flaws[index]) for index in sorted(flaws)]
    columns = {name: column.filter(keep) for name, column in chunk.columns.items()}
    return Chunk(chunk.rows.filter(keep), columns, [*chunk.rejected, *rejects])


def to_batch(chunk: Chunk, layout: Layout, file: SourceFile) -> ReadBatch:
    """Check the rows of a chunk and bring them into the raw schema.

    Rejected as `quarantined`: `bad_bytes` (not UTF-8), `null`, `empty` (nothing but white space) for the query and
    the positive, and `unknown_language`. A language that is null or blank counts as undeclared. Negatives that are
    null or blank are left out.
    """
    flaws: Flaws = {}
    count = len(chunk.rows)
    texts = {name: _valid_utf8(name, chunk.columns[name], flaws) for name in layout.texts()}
    negatives = [_flat(name, chunk.columns[name], flaws) for name in layout.negatives]
    for name in dict.fromkeys((layout.query, layout.positive)):
        _note_blanks(name, texts[name], flaws)
    values = {
        "query": texts[layout.query],
        "positive": texts[layout.positive],
        "negatives": _join_negatives(negatives, count),
        "query_language": _languages(layout, "query", texts, count, flaws),
        "positive_language": _languages(layout, "positive", texts, count, flaws),
        "label": _names(layout.label, texts, count),
        "document": _names(layout.document, texts, count),
        "file": pa.repeat(pa.scalar(file.display, pa.string()), count),
        "row": chunk.rows,
    }
    sound = _without(Chunk(chunk.rows, values, chunk.rejected), flaws, file)
    rows = pa.RecordBatch.from_arrays([sound.columns[name] for name in RAW_SCHEMA.names], schema=RAW_SCHEMA)
    return ReadBatch(rows, sorted(sound.rejected, key=lambda reject: reject.row))


def refuse_quarantined(batch: ReadBatch, file: SourceFile) -> None:
    """End the run at the first damaged row, for sources with `on_bad_row: fail`.

    Raises:
        SourceError: naming the file and the row.
    """
    for reject in batch.rejected:
        if reject.decision == "quarantined":
            raise SourceError(
                f"A row cannot be read ({reject.reason})",
                where=f"{public_name(file.path)}:{reject.row}",
                why=reject.detail,
                hint="correct the row, or set `on_bad_row: quarantine` to put such rows aside",
            )


def _note(mask: npt.NDArray[np.bool_], flaws: Flaws, reason: str, describe: Callable[[int], str]) -> None:
    for index in np.flatnonzero(mask).tolist():
        flaws.setdefault(index, (reason, describe(index)))


def _note_blanks(name: str, column: pa.Array, flaws: Flaws) -> None:
    if column.null_count:
        _note(_mask(column.is_null()), flaws, "null", lambda _: f"`{name}` is null")
    blank = pc.equal(pc.utf8_trim_whitespace(column), "")
    if pc.any(blank).as_py():
        _note(_mask(blank), flaws, "empty", lambda _: f"`{name}` is empty")


def _mask(flags: pa.Array) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = flags.fill_null(False).to_numpy(zero_copy_only=False)
    return mask


def _valid_utf8(name: str, column: pa.Array, flaws: Flaws) -> pa.Array:
    """Return a column of strings with null for each that is not UTF-8, which Arrow takes on trust from a file."""
    text = column if column.type == TEXT else column.cast(TEXT)
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        found = [decoded(value) if value is not None else (None, "") for value in text.cast(pa.binary()).to_pylist()]
        _note(
            np.array([bool(why) for _, why in found]), flaws, "bad_bytes", lambda index: f"`{name}`: {found[index][1]}"
        )
        return pa.array([None if why else value for value, why in found], TEXT)
    return text


class _Flat(NamedTuple):
    """Negatives of one column, one by one: shape (m,) each."""

    parents: npt.NDArray[np.int64]
    values: pa.Array


def _flat(name: str, column: pa.Array, flaws: Flaws) -> _Flat:
    if pa.types.is_string(column.type):
        parents = np.arange(len(column), dtype=np.int64)
        return _Flat(parents, _valid_utf8(name, column, flaws))
    lists = column.cast(TEXTS)
    parents = pc.list_parent_indices(lists).to_numpy().astype(np.int64)
    inner: Flaws = {}
    values = _valid_utf8(name, pc.list_flatten(lists), inner)
    for index, flaw in inner.items():
        flaws.setdefault(int(parents[index]), flaw)
    return _Flat(parents, values)


def _join_negatives(columns: Sequence[_Flat], count: int) -> pa.Array:
    """Return one list of negatives a row, shape (count,): column after column, without nulls and blanks."""
    if not columns:
        return pa.ListArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), count + 1), pa.array([], TEXT))
    values = pa.concat_arrays([column.values for column in columns])
    present = _mask(pc.not_equal(pc.utf8_trim_whitespace(values), ""))
    parents = np.concatenate([column.parents for column in columns])[present]
    order = np.argsort(parents, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(parents, minlength=count))])
    chosen = np.flatnonzero(present)[order]
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values.take(pa.array(chosen)))


def _names(column: str | None, texts: Mapping[str, pa.Array], count: int) -> pa.Array:
    """Return the class or document of each row, "" where it has none; shape (count,)."""
    if column is None:
        return pa.repeat(pa.scalar("", pa.string()), count)
    return pc.fill_null(pc.utf8_trim_whitespace(texts[column]).cast(pa.string()), "")


def _languages(layout: Layout, side: str, texts: Mapping[str, pa.Array], count: int, flaws: Flaws) -> pa.Array:
    """Return the language code of each row, "" where none is declared; shape (count,)."""
    language = layout.query_language if side == "query" else layout.positive_language
    if not isinstance(language, LanguageColumn):
        return pa.repeat(pa.scalar(_declared(language), pa.string()), count)
    named = texts[language.column].dictionary_encode()
    codes = pa.array([_known_or_none(value, layout) for value in named.dictionary.to_pylist()], pa.string())
    found = codes.take(named.indices)
    unknown = _mask(pc.and_(named.is_valid(), found.is_null()))
    _note(unknown, flaws, "unknown_language", lambda index: f"`{language.column}` is {named[index].as_py()!r}")
    return found.fill_null("")


def _declared(code: str | None) -> str:
    return "" if code is None else language_configs.resolve(code).code


def _known_or_none(value: str, layout: Layout) -> str | None:
    program = language_configs.resolve_program(value) if layout.is_code else None
    if program is not None:
        return program.code
    return resolve_language(value.strip()) if value.strip() else ""


@functools.lru_cache(maxsize=4096)
def resolve_language(code: str) -> str | None:
    """Return the `xxx_Xxxx` code of a language code in any spelling, or None if it is not known."""
    try:
        return str(language_configs.resolve(code).code)
    except language_configs.UnknownLanguageError:
        return None
