"""The stage `score`: measures every record in every way, and decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.outcome import Outcome
from filters.base import SIDES, Place, Scores
from filters.columns import pair_columns
from filters.registry import PAIR_SCORES, SIDE_SCORES
from filters.roles import Roles, role_of
from filters.sortkeys import ROW_BITS
from language_configs.bounds import Role

SCORES_COLUMN = "filter_scores"
REASON_SUFFIX = "_reason"

# Work is cut by text, so that the arrays of code points and sort keys stay near the processor's cache.
SLICE_BYTES = 1 << 20
SLICE_ROWS = 1 << ROW_BITS


@dataclass(frozen=True, slots=True)
class DocumentScore:
    """A filter from elsewhere that takes a text at a time; it scores 1 for what it keeps and 0 for the rest.

    Attributes:
        name: its field in `filter_scores`, on both sides; the field for its reason has `REASON_SUFFIX` behind it.
        judge: returns why it rejects a text, or None.
        roles: roles of the texts that it is asked about.
        languages: their languages; empty means all.
    """

    name: str
    judge: Callable[[str], str | None]
    roles: frozenset[Role]
    languages: frozenset[str]


def score_records(records: pa.Table, documents: Sequence[DocumentScore] = (), roles: Roles | None = None) -> Outcome:
    """Measure `records` by every score. Each record is measured by itself: batch boundaries change nothing.

    Args:
        records: `RECORD_SCHEMA` and any further columns, shape (n,).
        documents: scores that take a text at a time.
        roles: the roles of the sources' texts, needed for `documents` alone.

    Returns:
        All records, with a column `filter_scores`: a struct of the structs `query`, `positive` and `pair` of nullable
        float32 scores, null where there is nothing to judge.
    """
    measured = _measure(records)
    fields = {place: list(zip(_NAMES[place], map(_nullable, rows), strict=True)) for place, rows in measured.items()}
    for side in SIDES if documents else ():
        fields[side] += _judge_documents(records, side, documents, roles or {})
    structs = [_struct(columns) for columns in fields.values()]
    struct = _struct(list(zip(fields, structs, strict=True)))
    return Outcome.keep(records.append_column(pa.field(SCORES_COLUMN, struct.type, nullable=False), struct))


_NAMES: dict[Place, list[str]] = {
    "query": [score.name for score in SIDE_SCORES],
    "positive": [score.name for score in SIDE_SCORES],
    "pair": [score.name for score in PAIR_SCORES],
}


def _measure(records: pa.Table) -> dict[Place, Scores]:
    """Return the scores of each place, shape (number of scores, n)."""
    scores = {place: np.empty((len(names), records.num_rows), dtype=np.float32) for place, names in _NAMES.items()}
    for start, stop in _slices(records):
        columns = pair_columns(records.slice(start, stop - start))
        for place, column in zip(SIDES, columns.sides, strict=True):
            for row, side_score in zip(scores[place], SIDE_SCORES, strict=True):
                row[start:stop] = side_score(column)
        for row, pair_score in zip(scores["pair"], PAIR_SCORES, strict=True):
            row[start:stop] = pair_score(columns)
    return scores


def _slices(records: pa.Table) -> Iterator[tuple[int, int]]:
    """Cut the rows into ranges [start, stop) of about `SLICE_BYTES` of text and at most `SLICE_ROWS` rows."""
    sizes = [pc.binary_length(records.column(side)).to_numpy().astype(np.int64) for side in SIDES]
    ends = np.cumsum(sizes[0] + sizes[1])
    start = 0
    while start < records.num_rows:
        before = ends[start - 1] if start else 0
        fitting = int(np.searchsorted(ends, before + SLICE_BYTES, side="right"))
        stop = min(max(fitting, start + 1), start + SLICE_ROWS, records.num_rows)
        yield start, stop
        start = stop


def _judge_documents(
    records: pa.Table, side: Place, documents: Sequence[DocumentScore], roles: Roles
) -> Iterator[tuple[str, pa.Array]]:
    """Yield a score and a reason for each of `documents`, null for texts that it is not asked about."""
    languages = records.column(f"{side}_language").to_pylist()
    declared = [roles[source][SIDES.index(side)] for source in records.column("source").to_pylist()]
    texts = records.column(side)
    for document in documents:
        asked = [
            role_of(role, language) in document.roles and (not document.languages or language in document.languages)
            for role, language in zip(declared, languages, strict=True)
        ]
        reasons = [document.judge(texts[row].as_py()) if wanted else None for row, wanted in enumerate(asked)]
        kept = [float(reason is None) if wanted else None for reason, wanted in zip(reasons, asked, strict=True)]
        yield document.name, pa.array(kept, pa.float32())
        yield f"{document.name}{REASON_SUFFIX}", pa.array(reasons, pa.string())


def _struct(fields: Sequence[tuple[str, pa.Array]]) -> pa.StructArray:
    return pa.StructArray.from_arrays([array for _, array in fields], names=[name for name, _ in fields])


def _nullable(values: Scores) -> pa.Array:
    return pa.array(values, from_pandas=True)
