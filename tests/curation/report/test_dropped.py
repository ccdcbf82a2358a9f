from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.errors import CurationError
from curation.ledger import LEDGER_SCHEMA
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
