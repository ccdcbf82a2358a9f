"""JSON lines, plain or compressed. A row's number is its line; blank lines are no rows."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pyarrow as pa

from curation.config.model import JsonlSource
from curation.errors import SourceError
from curation.sources.files import SourceFile, public_name, read_lines
from curation.sources.rows import (
    TEXT,
    TEXTS,
    Chunk,
    Layout,
    Rejected,
    Row,
    chunk_rows,
    decoded,
    quarantined,
    require_columns,
    too_long,
)

PROBE_ROWS = 1_000
"""A file whose first lines, this many, hold no object or lack a key throughout is not what was declared."""


def read(_source: JsonlSource, file: SourceFile, layout: Layout, batch_rows: int) -> Iterator[Chunk]:
    """Yield the columns of `layout`, chunk by chunk.

    Rejected lines: `line_too_long`, `bad_bytes`, `invalid_json`, `missing_key` (of a column other than negatives),
    `not_text`, `lone_surrogate`. A negative may be a string, a list of strings, null or left out.

    Raises:
        SourceError: if the file is damaged, holds no objects, or a key that no object has is asked for.
    """
    schema = {name: TEXT if name in layout.texts() else TEXTS for name in layout.columns()}
    yield from chunk_rows(_rows(file, layout, schema), schema, file, batch_rows)


def _rows(file: SourceFile, layout: Layout, schema: dict[str, pa.DataType]) -> Iterator[Row | Rejected]:
    probe = _Probe(file, layout)
    lists = [kind is TEXTS for kind in schema.values()]
    required = layout.texts()
    for number, data in read_lines(file.path):
        if data is None:
            yield too_long(file, number)
            continue
        if not data.strip():
            continue
        record, reason, detail = _parse(data)
        probe.see(record)
        absent = [name for name in required if name not in record] if record is not None else []
        if record is None:
            yield quarantined(file, number, reason, detail)
        elif absent:
            yield quarantined(file, number, "missing_key", f"no key {absent[0]!r} among {', '.join(record)}")
        else:
            cells = [
                _listed(record.get(name)) if many else record[name] for name, many in zip(schema, lists, strict=True)
            ]
            yield Row(number, len(data), cells)
    probe.finish()


def _parse(data: bytes) -> tuple[dict[str, object] | None, str, str]:
    """Return (object, "", "") or (None, reason, detail)."""
    text, why = decoded(data)
    if why:
        return None, "bad_bytes", why
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return None, "invalid_json", str(error)
    if not isinstance(value, dict):
        return None, "invalid_json", f"the line is a {type(value).__name__}, not an object"
    return value, "", ""


def _listed(value: object) -> object:
    return value if value is None or isinstance(value, list) else [value]


class _Probe:
    """Notices a file that is something else as a whole, which no row by itself can show."""

    def __init__(self, file: SourceFile, layout: Layout) -> None:
        self._file = file
        self._required = layout.texts()
        self._unseen = set(layout.columns())
        self._keys: list[str] = []  # of the first object
        self._lines = 0
        self._objects = 0

    def see(self, record: dict[str, object] | None) -> None:
        self._lines += 1
        if record is not None:
            self._objects += 1
            self._keys = self._keys or list(record)
            if self._unseen:
                self._unseen.difference_update(record)
        if self._lines == PROBE_ROWS:
            self._check(self._unseen.intersection(self._required))

    def finish(self) -> None:
        if self._lines:
            self._check(self._unseen)

    def _check(self, unseen: set[str]) -> None:
        if not self._objects:
            raise SourceError(
                "The file holds no JSON objects, one a line",
                where=public_name(self._file.path),
                why=f"none of its {self._lines:,} lines is one",
                hint="a JSON array becomes lines by: jq -c '.[]'",
            )
        require_columns(sorted(unseen), self._keys, self._file)
