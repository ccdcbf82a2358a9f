from __future__ import annotations

import pyarrow as pa

from curation.ledger import EXCERPT_CHARS, LEDGER_SCHEMA, empty_ledger, ledger_rows
from curation.outcome import Outcome
from curation.records import RECORD_SCHEMA


def record(text: str) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(RECORD_SCHEMA.names, "x")
    return row | {"query": text, "positive": text, "negatives": [], "row": 7}


def records(*texts: str) -> pa.Table:
    return pa.Table.from_pylist([record(text) for text in texts], schema=RECORD_SCHEMA)


def test_scalars_and_columns_mix() -> None:
    rows = ledger_rows(
        records("a", "б"), stage="s", decision="dropped", reason=["r1", "r2"], score=pa.array([0.5, None]), threshold=1
    )
    assert rows.schema == LEDGER_SCHEMA
    assert rows.select(["reason", "score", "threshold", "row"]).to_pylist() == [
        {"reason": "r1", "score": 0.5, "threshold": 1.0, "row": 7},
        {"reason": "r2", "score": None, "threshold": 1.0, "row": 7},
    ]


def test_long_texts_are_cut() -> None:
    rows = ledger_rows(records("語" * 1000), stage="s", decision="merged", reason="r")
    assert rows["query"].to_pylist() == ["語" * EXCERPT_CHARS]


def test_no_records_give_no_rows() -> None:
    assert ledger_rows(records(), stage="s", decision="dropped", reason="r", score=[]).num_rows == 0
    assert empty_ledger().schema == LEDGER_SCHEMA


def test_outcomes() -> None:
    kept = Outcome.keep(records("a"))
    assert (kept.records.num_rows, kept.ledger.num_rows) == (1, 0)
    lost = ledger_rows(records("b"), stage="s", decision="dropped", reason="r")
    assert Outcome.join(records(), lost, lost).ledger.num_rows == 2
