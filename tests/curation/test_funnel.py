from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.funnel import COUNTS_SCHEMA, KEPT, count_outcome, steps, sum_counts
from curation.ledger import ledger_rows
from curation.outcome import Outcome
from curation.records import RECORD_SCHEMA

LANGUAGES = ("khm_Khmr", "tha_Thai", "eng_Latn", "und_Latn", "")
Row = tuple[str, str, str]
ROWS = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(LANGUAGES), st.sampled_from(["", "r1", "r2"])))


def records(rows: list[Row]) -> pa.Table:
    blank = dict.fromkeys(RECORD_SCHEMA.names, "") | {"negatives": [], "row": 0}
    found = [blank | {"source": source, "language": language} for source, language, _ in rows]
    return pa.Table.from_pylist(found, schema=RECORD_SCHEMA)


def outcome(rows: list[Row]) -> Outcome:
    """Rows with a reason are dropped for it, the others kept."""
    lost = [row for row in rows if row[2]]
    reasons = [reason for _, _, reason in lost]
    ledger = ledger_rows(records(lost), stage="filter", decision="dropped", reason=reasons)
    return Outcome.join(records([row for row in rows if not row[2]]), ledger)


@given(ROWS, st.randoms(use_true_random=False), st.integers(1, 7))
def test_neither_parts_nor_order_matter_and_every_row_counts_once(rows: list[Row], random: object, size: int) -> None:
    expected = Counter(rows)
    whole = sum_counts([count_outcome(outcome(rows))])
    random.shuffle(rows)  # type: ignore[attr-defined]
    parts = [count_outcome(outcome(rows[start : start + size])) for start in range(0, len(rows), size)]
    assert sum_counts(parts).equals(whole)
    found = {(row["source"], row["language"], row["reason"]): row["rows"] for row in whole.to_pylist()}
    assert found == expected
    assert all((row["decision"] == KEPT) == (row["reason"] == "") for row in whole.to_pylist())


def test_nothing_has_a_schema_too() -> None:
    assert sum_counts([]).schema == count_outcome(Outcome.keep(records([]))).schema == COUNTS_SCHEMA


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        ({}, [(10, 10), (10, 10), (10, 10)]),
        ({"read/null": 2, "filter/min_chars": 3, "filter/empty": 1}, [(10, 8), (8, 8), (8, 4)]),
        ({"identify/undetermined": 10}, [(10, 10), (10, 0), (0, 0)]),
    ],
)
def test_steps(lost: dict[str, int], expected: list[tuple[int, int]]) -> None:
    found = steps({"read": 10, "lost": lost}, ["read", "identify", "filter"])
    assert [(step["in"], step["out"]) for step in found] == expected
    assert {f"{step['stage']}/{reason}": rows for step in found for reason, rows in step["lost"].items()} == lost
