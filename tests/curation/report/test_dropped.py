from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import CurationError
from curation.ledger import LEDGER_SCHEMA
from curation.report import dropped as module
from curation.report.dropped import SAMPLES, dropped_by_rule


def test_each_rule_has_its_rows_and_its_five_smallest_ids(run: Any, hostile: str) -> None:
    rules = dropped_by_rule(run.release.stats["reasons"], run.ledger)
    assert [(rule["stage"], rule["reason"], rule["rows"]) for rule in rules] == [
        ("filter", "min_letter_share", 40),
        ("filter", "error", 40),
        ("near_dedup", "near_duplicate", 40),
    ]
    ledger = pa.concat_tables(pq.read_table(file) for file in sorted(run.ledger.glob("*.parquet"))).to_pylist()
    for rule in rules:
        ids = sorted(row["id"] for row in ledger if row["reason"] == rule["reason"])
        assert [sample["id"] for sample in rule["samples"]] == ids[:SAMPLES]
    assert rules[1]["samples"][0]["detail"] == hostile
    assert (rules[2]["samples"][0]["score"], rules[2]["samples"][0]["threshold"]) == (0.93, 0.8)


def test_without_a_ledger_there_are_counts_only(run: Any, tmp_path: Path) -> None:
    reasons = run.release.stats["reasons"]
    assert (
        dropped_by_rule(reasons, None)
        == dropped_by_rule(reasons, tmp_path)
        == [{**reason, "samples": []} for reason in reasons]
    )


def _row(reason: str, number: int, score: float | None = None) -> dict[str, object]:
    texts = dict.fromkeys(LEDGER_SCHEMA.names, "") | {"stage": "filter", "decision": "dropped", "reason": reason}
    return texts | {"id": f"{number:032x}", "row": number, "score": score, "threshold": None, "query": "q" * 500}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 99)), max_size=60), st.randoms(use_true_random=False))
def test_the_choice_depends_on_neither_order_nor_batches(rows: list[tuple[str, int]], random: object) -> None:
    table = pa.Table.from_pylist([_row(*row) for row in rows], schema=LEDGER_SCHEMA)
    order = sorted(range(len(rows)), key=lambda _: random.random())  # type: ignore[attr-defined]
    shuffled = table.take(pa.array(order, pa.int64()))
    best = LEDGER_SCHEMA.empty_table()
    for start in range(0, len(rows), 7):
        best = module._first_of_each(pa.concat_tables([best, shuffled.slice(start, 7)]))
    expected = [(reason, number) for name in "abc" for reason, number in sorted(rows) if reason == name]
    kept = [(r, n) for i, (r, n) in enumerate(expected) if [x for x, _ in expected[:i]].count(r) < SAMPLES]
    assert [(row["reason"], row["row"]) for row in best.to_pylist()] == kept


def test_texts_are_cut_and_scores_that_are_no_numbers_are_left_out(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([_row("a", 1, float("nan"))], schema=LEDGER_SCHEMA)
    pq.write_table(table, tmp_path / "filter.parquet")
    (rule,) = dropped_by_rule([{"stage": "filter", "decision": "dropped", "reason": "a", "rows": 1}], tmp_path)
    assert rule["samples"][0]["query"] == "q" * 239 + "…"
    assert rule["samples"][0]["score"] is None


@pytest.mark.parametrize("damage", ["not parquet", "columns"])
def test_a_broken_ledger_is_named(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "filter.parquet"
    file.write_bytes(b"PAR1 nothing")
    if damage == "columns":
        pq.write_table(pa.table({"id": ["0"]}), file)
    with pytest.raises(CurationError, match=r"filter\.parquet"):
        dropped_by_rule([], tmp_path)
