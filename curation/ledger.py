"""The ledger: one row for every record that is dropped, merged or quarantined, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Decision = Literal["dropped", "merged", "quarantined"]

EXCERPT_CHARS = 240

LEDGER_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("decision", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("threshold", pa.float64()),
        pa.field("other_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("query", pa.string(), nullable=False),
        pa.field("positive", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)

_FROM_RECORD = ("id", "source", "language", "file", "row")

Column: TypeAlias = Sequence[object] | pa.Array | pa.ChunkedArray


def empty_ledger() -> pa.Table:
    """Return a ledger without rows."""
    return LEDGER_SCHEMA.empty_table()


def ledger_rows(
    records: pa.Table,
    *,
    stage: str,
    decision: Decision,
    reason: str | Column,
    score: float | Column | None = None,
    threshold: float | Column | None = None,
    other_id: str | Column = "",
    detail: str | Column = "",
) -> pa.Table:
    """Write `records`, all of which leave the pipeline here, as ledger rows.

    Args:
        records: rows of the record schema, shape (n,).
        stage: name of the stage that decided.
        decision: what became of them.
        reason: short name of the rule, one for all or one a row; `score` and `threshold` likewise.
        score: what the rule measured.
        threshold: what it was compared with.
        other_id: id of the record that this one lost to.
        detail: free text, for example the error of a quarantined record.

    Returns:
        A table of `LEDGER_SCHEMA`, shape (n,), with the texts cut to `EXCERPT_CHARS`.
    """
    count = records.num_rows
    values: dict[str, object] = {name: records.column(name) for name in _FROM_RECORD}
    values |= {name: pc.utf8_slice_codeunits(records.column(name), 0, EXCERPT_CHARS) for name in ("query", "positive")}
    given: dict[str, object] = {"stage": stage, "decision": decision, "reason": reason, "score": score}
    given |= {"threshold": threshold, "other_id": other_id, "detail": detail}
    values |= {name: _column(value, count, LEDGER_SCHEMA.field(name).type) for name, value in given.items()}
    return pa.table([values[name] for name in LEDGER_SCHEMA.names], schema=LEDGER_SCHEMA)


def first_of_each(rows: pa.Table, keys: Sequence[str], count: int) -> pa.Table:
    """Return the `count` ledger rows with the smallest ids of each group: ids are hashes, so this is a fair draw.

    Args:
        rows: rows of `LEDGER_SCHEMA`, shape (n,), in any order.
        keys: names of the string columns that say which rows are a group.
        count: greatest number of rows of a group.

    Returns:
        The rows, sorted by the keys, then id, file and row.
    """
    order = pc.sort_indices(rows, [(name, "ascending") for name in (*keys, "id", "file", "row")])
    names = [rows[name].combine_chunks().take(order).dictionary_encode() for name in keys]
    codes = np.stack([name.indices.to_numpy() for name in names])
    starts = np.flatnonzero(np.any(np.diff(codes, axis=1, prepend=-1), axis=0))
    lengths = np.diff(np.append(starts, rows.num_rows))
    places = np.arange(rows.num_rows) - np.repeat(starts, lengths)
    return rows.take(order.filter(pa.array(places < count)))


def _column(value: object, count: int, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    if isinstance(value, pa.Array | pa.ChunkedArray):
        return value.cast(kind)
    if value is None or isinstance(value, str | int | float):
        return pa.repeat(pa.scalar(value, type=kind), count)
    return pa.array(value, type=kind)
