"""Evaluation sets: finding their files, and reading their texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter

from curation.config.model import EvaluationSet, LanguageColumn, Source
from curation.errors import ConfigError, SourceError
from curation.sources import delimited, jsonl, parquet
from curation.sources.files import Fingerprint, SourceFile, fingerprint, public_name, read_lines
from curation.sources.locate import locate
from curation.sources.rows import (
    TEXT,
    Chunk,
    Layout,
    Rejected,
    Row,
    chunk_rows,
    decoded,
    quarantined,
    resolve_language,
    too_long,
)

# Where each text comes from. `language` is empty where none is declared.
TEXTS_SCHEMA = pa.schema(
    [
        pa.field("task", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("column", pa.string(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
    ]
)

_BATCH_ROWS = 16_384
_READERS: dict[str, Any] = {
    "parquet": parquet.read,
    "jsonl": jsonl.read,
    "csv": delimited.read,
    "tsv": delimited.read,
}
_SOURCE: TypeAdapter[Source] = TypeAdapter(Source)


@dataclass(frozen=True, slots=True)
class EvaluationInput:
    """An evaluation set of the config with its files.

    Attributes:
        declared: what the config says.
        files: its files, sorted by display.
        fingerprints: name, bytes and digest of each of them, in the same order.
    """

    declared: EvaluationSet
    files: tuple[SourceFile, ...]
    fingerprints: tuple[Fingerprint, ...]


class _TextLayout(Layout):
    """Any number of columns, all of which must hold strings."""

    __slots__ = ()

    def texts(self) -> list[str]:
        return list(dict.fromkeys([*super().texts(), *self.negatives]))


def find_evaluation_sets(sets: Sequence[EvaluationSet], base: Path) -> tuple[EvaluationInput, ...]:
    """Find and digest the files of evaluation sets; relative paths are relative to `base`.

    Raises:
        ConfigError: if a pattern matches nothing, or a set of format `text` declares columns.
        SourceError: if a file cannot be read.
    """
    found = []
    for declared in sets:
        _check(declared)
        files = tuple(locate(_as_source(declared), base))
        found.append(EvaluationInput(declared, files, tuple(fingerprint(file) for file in files)))
    return tuple(found)


def read_evaluation_sets(inputs: Sequence[EvaluationInput]) -> pa.Table:
    """Read all texts of evaluation sets; texts of nothing but white space are left out.

    Returns:
        A table of `TEXTS_SCHEMA`, shape (n,), in the order of the sets, their files, batches of rows, and columns.

    Raises:
        SourceError: naming file and row, if a text is null or not UTF-8, or a row cannot be read: the row that
            nobody can read might be the one that stands in the training data.
    """
    tables = [TEXTS_SCHEMA.empty_table()]
    for item in inputs:
        for file in item.files:
            for chunk in _chunks(item.declared, file):
                tables += _texts(chunk, item.declared, file)
    return pa.concat_tables(tables)


def _check(declared: EvaluationSet) -> None:
    if declared.format == "text" and (declared.columns != ["text"] or isinstance(declared.language, LanguageColumn)):
        raise ConfigError(
            "A plain text file has no columns",
            where=f"evaluation set `{declared.task}`",
            why=f"columns {declared.columns!r}, language {declared.language!r}",
            hint="leave `columns` out and give the language as a code, or use `format: tsv` with `header: false`",
        )


def _as_source(declared: EvaluationSet) -> Source:
    """Return the source whose files are found, and read, in the same way."""
    form = "jsonl" if declared.format == "text" else declared.format
    values = {"format": form, "path": declared.path, "licence": "LicenseRef-evaluation", "task": "retrieval"}
    values["name"] = re.sub(r"[^A-Za-z0-9._-]", "-", f"evaluation-{declared.task}")[:64]
    return _SOURCE.validate_python(values | ({"header": declared.header} if form in ("csv", "tsv") else {}))


def _chunks(declared: EvaluationSet, file: SourceFile) -> Iterator[Chunk]:
    if declared.format == "text":
        return chunk_rows(_lines(file), {"text": TEXT}, file, _BATCH_ROWS)
    first, *more = declared.columns
    layout = _TextLayout(first, first, tuple(more), query_language=declared.language)
    chunks: Iterator[Chunk] = _READERS[declared.format](_as_source(declared), file, layout, _BATCH_ROWS)
    return chunks


def _lines(file: SourceFile) -> Iterator[Row | Rejected]:
    for number, data in read_lines(file.path):
        if data is None:
            yield too_long(file, number)
            continue
        text, why = decoded(data.removesuffix(b"\r"))
        yield quarantined(file, number, "bad_bytes", why) if why else Row(number, len(data), [text])


def _texts(chunk: Chunk, declared: EvaluationSet, file: SourceFile) -> Iterator[pa.Table]:
    for reject in sorted(chunk.rejected, key=lambda reject: reject.row)[:1]:
        raise _unreadable(declared, file, reject.row, f"{reject.reason}: {reject.detail}")
    languages = _languages(chunk, declared)
    for name in dict.fromkeys(declared.columns):
        texts = _sound(chunk, name, declared, file)
        origin = {"task": declared.task, "split": declared.split, "file": file.display, "column": name}
        columns = {key: pa.repeat(pa.scalar(value, pa.string()), len(texts)) for key, value in origin.items()}
        columns |= {"language": languages, "row": chunk.rows, "text": texts}
        table = pa.table([columns[key] for key in TEXTS_SCHEMA.names], schema=TEXTS_SCHEMA)
        yield table.filter(pc.not_equal(pc.utf8_trim_whitespace(texts), ""))


def _sound(chunk: Chunk, name: str, declared: EvaluationSet, file: SourceFile) -> pa.Array:
    texts = chunk.columns[name].cast(pa.large_string())
    if texts.null_count:
        row = chunk.rows[pc.index(texts.is_null(), True).as_py()].as_py()
        raise _unreadable(declared, file, row, f"`{name}` is null")
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:  # Arrow takes on trust what a file says is UTF-8
        found = [decoded(value)[1] for value in texts.cast(pa.large_binary()).to_pylist()]
        index = next(index for index, why in enumerate(found) if why)
        raise _unreadable(declared, file, chunk.rows[index].as_py(), f"`{name}`: {found[index]}") from None
    return texts


def _languages(chunk: Chunk, declared: EvaluationSet) -> pa.Array:
    """Return the language of each row: the project's code for it, or what the file says where that is not known."""
    if not isinstance(declared.language, LanguageColumn):
        code = resolve_language(declared.language) if declared.language else ""
        return pa.repeat(pa.scalar(code, pa.string()), len(chunk.rows))
    named = chunk.columns[declared.language.column].cast(pa.string()).fill_null("").dictionary_encode()
    given = [value.strip() for value in named.dictionary.to_pylist()]
    codes = [(resolve_language(value) if value else "") or value for value in given]
    return pa.array(codes, pa.string()).take(named.indices)


def _unreadable(declared: EvaluationSet, file: SourceFile, row: int, why: str) -> SourceError:
    return SourceError(
        "An evaluation text cannot be read",
        where=f"{public_name(file.path)}:{row} (evaluation set `{declared.task}`)",
        why=why,
        hint="correct or remove the row: what is not read cannot be kept out of the training data",
    )
