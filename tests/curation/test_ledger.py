from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from curation.ledger import EXCERPT_CHARS, LEDGER_SCHEMA, empty_ledger, first_of_each, ledger_rows
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


def ledger_row(reason: str, number: int) -> dict[str, object]:
    texts = dict.fromkeys(LEDGER_SCHEMA.names, "") | {"stage": "filter", "decision": "dropped", "reason": reason}
    return texts | {"id": f"{number:032x}", "row": number, "score": None, "threshold": None}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 99)), max_size=60), st.randoms(use_true_random=False))
def test_the_first_of_each_depend_on_neither_order_nor_batches(rows: list[tuple[str, int]], random: object) -> None:
    table = pa.Table.from_pylist([ledger_row(*row) for row in rows], schema=LEDGER_SCHEMA)
    order = sorted(range(len(rows)), key=lambda _: random.random())  # type: ignore[attr-defined]
    shuffled = table.take(pa.array(order, pa.int64()))
    best = LEDGER_SCHEMA.empty_table()
    for start in range(0, len(rows), 7):
        best = first_of_each(pa.concat_tables([best, shuffled.slice(start, 7)]), ["stage", "reason"], 5)
    expected = [(reason, number) for name in "abc" for reason, number in sorted(rows) if reason == name]
    kept = [(r, n) for i, (r, n) in enumerate(expected) if [x for x, _ in expected[:i]].count(r) < 5]
    assert [(row["reason"], row["row"]) for row in best.to_pylist()] == kept
