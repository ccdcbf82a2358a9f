"""The stage `filter`: scores every record, keeps those that pass every filter, tells why the others do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.model import Filters
from curation.ledger import ledger_rows
from curation.outcome import Outcome
from filters.base import Filter, Scores
from filters.columns import Bools, Integers, pair_columns
from filters.registry import configured_filters
from filters.sortkeys import ROW_BITS

STAGE = "filter"
SCORES_COLUMN = "filter_scores"
EMPTY = "empty"

# Work is cut by text, so that the arrays of code points and sort keys stay near the processor's cache.
SLICE_BYTES = 1 << 20
SLICE_ROWS = 1 << ROW_BITS

_SIDES = ("query", "positive")


def filter_records(records: pa.Table, options: Filters) -> Outcome:
    """Judge `records` by every filter that `options` switch on.

    Each record is judged by itself: batch boundaries change nothing.

    Args:
        records: `RECORD_SCHEMA` and any further columns, shape (n,).
        options: the section `filters` of the config.

    Returns:
        The records that pass, with a struct column `filter_scores` that has one nullable float32 field for each
        configured filter (null where it does not apply; no column where no filter is configured), and a ledger
        row for each other record. Its reason is the first filter that it fails, by the name of the knob, or
        `empty` where a side holds no text.
    """
    filters = configured_filters(options)
    scores = _measure(records, filters)
    reasons = np.where(_empty(records), len(filters), _first_failure(scores, filters))
    kept = _with_scores(records, scores, filters).filter(pa.array(reasons < 0))
    return Outcome.join(kept, _dropped(records, scores, filters, reasons))


def _measure(records: pa.Table, filters: Sequence[Filter]) -> Scores:
    """Return all scores, shape (number of filters, n)."""
    scores = np.empty((len(filters), records.num_rows), dtype=np.float32)
    for start, stop in _slices(records):
        columns = pair_columns(records.slice(start, stop - start))
        for row, each in zip(scores, filters, strict=True):
            row[start:stop] = each.measure(columns)
    return scores


def _slices(records: pa.Table) -> Iterator[tuple[int, int]]:
    """Cut the rows into ranges [start, stop) of about `SLICE_BYTES` of text and at most `SLICE_ROWS` rows."""
    sizes = [pc.binary_length(records.column(side)).to_numpy().astype(np.int64) for side in _SIDES]
    ends = np.cumsum(sizes[0] + sizes[1])
    start = 0
    while start < records.num_rows:
        before = ends[start - 1] if start else 0
        fitting = int(np.searchsorted(ends, before + SLICE_BYTES, side="right"))
        stop = min(max(fitting, start + 1), start + SLICE_ROWS, records.num_rows)
        yield start, stop
        start = stop


def _empty(records: pa.Table) -> Bools:
    blank = [pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(records.column(side))), 0) for side in _SIDES]
    empty: Bools = pc.or_(*blank).to_numpy()
    return empty


def _first_failure(scores: Scores, filters: Sequence[Filter]) -> Integers:
    """Return the number of the first filter that each record fails, -1 where it fails none; shape (n,)."""
    failed = np.full(scores.shape[1], -1, dtype=np.int64)
    for number, each in enumerate(filters):
        failed[each.rejects(scores[number]) & (failed < 0)] = number
    return failed


def _with_scores(records: pa.Table, scores: Scores, filters: Sequence[Filter]) -> pa.Table:
    if not filters:
        return records
    columns = [pa.array(row, from_pandas=True) for row in scores]
    struct = pa.StructArray.from_arrays(columns, names=[each.name for each in filters])
    return records.append_column(pa.field(SCORES_COLUMN, struct.type, nullable=False), struct)


def _dropped(records: pa.Table, scores: Scores, filters: Sequence[Filter], reasons: Integers) -> pa.Table:
    """Write the ledger rows; `reasons` is a filter's number, their count for `empty`, or -1 for a kept record."""
    rows = np.flatnonzero(reasons >= 0)
    reason = reasons[rows]
    nothing = np.full((1, scores.shape[1]), np.nan, dtype=np.float32)
    names = [*(each.name for each in filters), EMPTY]
    thresholds = np.array([*(each.threshold for each in filters), np.nan])
    return ledger_rows(
        records.take(pa.array(rows)),
        stage=STAGE,
        decision="dropped",
        reason=pa.array(names).take(pa.array(reason)),
        score=_nullable(np.concatenate([scores, nothing])[reason, rows]),
        threshold=_nullable(thresholds[reason]),
    )


def _nullable(values: npt.NDArray[np.floating]) -> pa.Array:
    return pa.array(values, from_pandas=True)
