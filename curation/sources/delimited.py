"""CSV and TSV, plain or compressed. A row's number is the line that it starts on; blank lines are no rows.

The csv module reads the fields; which lines belong together is decided here. A quote that is never closed would
otherwise swallow all rows up to the next quote, or the rest of the file: here it costs the one row that opens it.
"""

from __future__ import annotations

import csv
import itertools
from collections import deque
from collections.abc import Iterator, Sequence

from curation.config.model import CsvSource, TsvSource
from curation.errors import SourceError
from curation.sources.files import MAX_LINE_BYTES, Line, SourceFile, public_name, read_lines
from curation.sources.rows import (
    TEXT,
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

# The module's own limit (128 KiB a field, one setting for the process) would refuse long passages.
csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_BYTES))


def read(source: CsvSource | TsvSource, file: SourceFile, layout: Layout, batch_rows: int) -> Iterator[Chunk]:
    """Yield the columns of `layout`, chunk by chunk.

    Rejected rows: `line_too_long`, `bad_bytes`, `bad_quotes`, and `field_count` for one with fewer or more fields than
    the header (or than the first row, where there is no header).

    Raises:
        SourceError: if the file is damaged, has no readable header, or lacks a column.
    """
    records = _tsv_records(file) if isinstance(source, TsvSource) else _csv_records(file)
    names, records = _header(records, file) if source.header else _numbered(records)
    if names is not None:
        require_columns(layout.columns(), names, file)
    schema = dict.fromkeys(layout.columns(), TEXT)
    yield from chunk_rows(_select(records, names or [], layout.columns(), file), schema, file, batch_rows)


Records = Iterator[Row | Rejected]
"""Rows with all their fields as cells."""


def _header(records: Records, file: SourceFile) -> tuple[list[str], Records]:
    first = next(records, None)
    if isinstance(first, Row):
        return [str(cell) for cell in first.cells], records
    raise SourceError(
        "The file has no readable header row",
        where=public_name(file.path),
        why=f"line {first.row}: {first.reason}, {first.detail}" if first else "it is empty",
        hint="set `header: false` if it has none; columns are then called '0', '1', ...",
    )


def _numbered(records: Records) -> tuple[list[str] | None, Records]:
    """Return the numbers that name the columns, as many as the first sound row has; None without such a row."""
    seen: list[Row | Rejected] = []
    for record in records:
        seen.append(record)
        if isinstance(record, Row):
            return [str(index) for index in range(len(record.cells))], itertools.chain(seen, records)
    return None, iter(seen)


def _select(records: Records, names: Sequence[str], wanted: Sequence[str], file: SourceFile) -> Records:
    indices = [names.index(name) for name in wanted] if names else []
    for record in records:
        if isinstance(record, Row) and len(record.cells) != len(names):
            yield quarantined(file, record.number, "field_count", f"{len(record.cells)} fields, not {len(names)}")
        elif isinstance(record, Row):
            yield record._replace(cells=[record.cells[index] for index in indices])
        else:
            yield record


def _tsv_records(file: SourceFile) -> Records:
    for number, data in read_lines(file.path):
        if data is None:
            yield too_long(file, number)
            continue
        body = data.removesuffix(b"\r")
        if body:
            text, why = decoded(body)
            row = Row(number, len(body), text.split("\t"))
            yield quarantined(file, number, "bad_bytes", why) if why else row


def _csv_records(file: SourceFile) -> Records:
    lines = read_lines(file.path)
    held: deque[Line] = deque()  # lines that were looked at and belong to no record yet
    while (line := held.popleft() if held else next(lines, None)) is not None:
        number, data = line
        if data is None:
            yield too_long(file, number)
        elif data.strip():
            yield _csv_record(number, data, lines, held, file)


def _csv_record(number: int, data: bytes, lines: Iterator[Line], held: deque[Line], file: SourceFile) -> Row | Rejected:
    """Return the record that starts with the line `data`, taking the further lines that its quotes span."""
    record = _parse(file, number, data)
    if not _has_bad_quotes(record) or data.count(b'"') % 2 == 0:
        return record
    # Inside quotes a line with an odd number of them is the first that can close them.
    tail = _lines_to_next_quote(len(data), lines, held)
    whole = b"\n".join([data, *(body for _, body in tail if body is not None)])
    longer = _parse(file, number, whole)
    if not _has_bad_quotes(longer):
        return longer
    held.extendleft(reversed(tail))
    return record


def _has_bad_quotes(record: Row | Rejected) -> bool:
    return isinstance(record, Rejected) and record.reason == "bad_quotes"


def _lines_to_next_quote(size: int, lines: Iterator[Line], held: deque[Line]) -> list[Line]:
    tail: list[Line] = []
    while size <= MAX_LINE_BYTES and (line := held.popleft() if held else next(lines, None)) is not None:
        tail.append(line)
        if line[1] is None or line[1].count(b'"') % 2:
            break
        size += len(line[1]) + 1
    return tail


def _parse(file: SourceFile, number: int, data: bytes) -> Row | Rejected:
    # Bad bytes come second: a record with one is still one record, if its quotes are in order.
    text = data.decode("utf-8", "surrogateescape")
    try:
        cells = next(csv.reader((text,), strict=True))
    except csv.Error as error:
        return quarantined(file, number, "bad_quotes", f"{error}: {text[:80]!a}")
    _, why = decoded(data)
    return quarantined(file, number, "bad_bytes", why) if why else Row(number, len(data), cells)
