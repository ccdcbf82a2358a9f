from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.ledger import LEDGER_SCHEMA
from curation.report.clusters import CLUSTERS, MEMBERS, cluster_numbers

SIZES = (1, 1, 2, 1, 3, 4, 5, 9)


def with_sizes(records: pa.Table) -> pa.Table:
    sizes = pa.array(np.resize(SIZES, records.num_rows), pa.int32())
    return records.append_column(pa.field("cluster_size", pa.int32(), nullable=False), sizes)


@pytest.fixture(scope="module")
def clustered(tmp_path_factory: pytest.TempPathFactory, make_run: Any, sentences: Any) -> Any:
    """A run whose records stand for 1 to 9 rows each."""
    return make_run(tmp_path_factory.mktemp("clustered"), sentences, each=8, change=with_sizes)


def rows(run: Any) -> list[dict[str, Any]]:
    return [row for split in run.release.splits for row in run.release.read("full", split=split).to_pylist()]


def merged(other: str, key: int, score: float | None, reason: str, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        field.name: "" if pa.types.is_string(field.type) else 0 for field in LEDGER_SCHEMA if not field.nullable
    }
    row |= {"stage": "near_dedup", "decision": "merged", "source": "messages", "positive": f"text {key}"}
    return row | {"id": f"{key:032x}", "other_id": other, "score": score, "threshold": 0.8, "reason": reason} | more


def write(folder: Path, found: list[dict[str, Any]]) -> Path:
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(found, LEDGER_SCHEMA), folder / "near_dedup.parquet")
    return folder


def test_sizes_are_counted_in_doubling_bins(clustered: Any) -> None:
    count = clustered.release.stats["totals"]["released"] // len(SIZES)
    assert cluster_numbers(clustered.release, ledger=None)["sizes"] == [
        {"from": 1, "to": 1, "records": 3 * count},
        {"from": 2, "to": 2, "records": count},
        {"from": 3, "to": 4, "records": 2 * count},
        {"from": 5, "to": 8, "records": count},
        {"from": 9, "to": 16, "records": count},
    ]


def test_the_largest_come_first_and_no_single_row_is_among_them(clustered: Any, run: Any) -> None:
    found = cluster_numbers(clustered.release, ledger=None)["largest"]
    ranked = sorted((-row["cluster_size"], row["id"]) for row in rows(clustered))[:CLUSTERS]
    assert [(-each["size"], each["id"]) for each in found] == ranked
    by_id = {row["id"]: row for row in rows(clustered)}
    for each in found:
        row = by_id[each["id"]]
        assert (each["query"], each["positive"], each["source"]) == (row["anchor"], row["positive"], row["source"])
        assert each["language"] == row["language"]
        assert each["members"] == []
    assert cluster_numbers(run.release, ledger=run.ledger)["largest"] == []


def test_ties_do_not_depend_on_the_order_of_batches(clustered: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cluster_numbers(clustered.release, ledger=None)
    monkeypatch.setattr("curation.report.scan._BATCH_ROWS", 3)
    assert cluster_numbers(clustered.release, ledger=None) == whole


def test_members_are_the_least_similar_first(clustered: Any, tmp_path: Path) -> None:
    first = cluster_numbers(clustered.release, ledger=None)["largest"][0]["id"]
    found = [
        merged(first, 1, 0.95, "near_duplicate"),
        merged(first, 2, 0.81, "near_duplicate"),
        merged(first, 3, 1.0, "exact_duplicate"),
        merged(first, 4, None, "repeated_record"),
        merged(first, 5, 0.81, "near_duplicate"),
        merged("f" * 32, 6, 0.85, "near_duplicate"),
        merged(first, 7, 0.1, "min_letter_share", decision="dropped"),
    ]
    numbers = cluster_numbers(clustered.release, ledger=write(tmp_path / "ledger", found))
    members = numbers["largest"][0]["members"]
    assert [int(member["id"], 16) for member in members] == [2, 5, 1, 3, 4]
    assert [member["reason"] for member in members][-2:] == ["exact_duplicate", "repeated_record"]
    # Exact duplicates are alike by what they are, and what was dropped is no duplicate.
    likeness = dict(zip(numbers["similarity"]["edges"], numbers["similarity"]["counts"], strict=False))
    assert {edge: count for edge, count in likeness.items() if count} == {0.8: 2, 0.84: 1, 0.94: 1}


def test_no_more_members_are_kept_than_are_shown(clustered: Any, tmp_path: Path) -> None:
    first = cluster_numbers(clustered.release, ledger=None)["largest"][0]["id"]
    found = [merged(first, key, 0.8 + key / 1000, "near_duplicate") for key in range(100, 0, -1)]
    members = cluster_numbers(clustered.release, ledger=write(tmp_path / "ledger", found))["largest"][0]["members"]
    assert [int(member["id"], 16) for member in members] == list(range(1, MEMBERS + 1))


def test_texts_of_a_hidden_source_are_not_shown(clustered: Any, tmp_path: Path) -> None:
    first = cluster_numbers(clustered.release, ledger=None)["largest"][0]["id"]
    ledger = write(tmp_path / "ledger", [merged(first, 1, 0.9, "near_duplicate", source="secret", positive="whisper")])
    numbers = cluster_numbers(clustered.release, ledger=ledger, hidden=["secret"])
    assert [member["positive"] for member in numbers["largest"][0]["members"]] == [""]


def test_a_release_that_was_not_deduplicated_has_none(run: Any) -> None:
    assert "cluster_size" not in rows(run)[0]
    numbers = cluster_numbers(run.release, ledger=None)
    assert (numbers["sizes"], numbers["similarity"], numbers["largest"]) == ([], None, [])


def test_repeated_records_count_once(tmp_path: Path, make_run: Any, sentences: Any) -> None:
    def twice(records: pa.Table) -> pa.Table:
        copies = pa.array(1 + np.arange(records.num_rows) % 2, pa.int64())
        return with_sizes(records).append_column(pa.field("copies", pa.int64(), nullable=False), copies)

    some = {code: sentences[code] for code in ("amh_Ethi", "tam_Taml")}
    run = make_run(tmp_path, some, each=8, change=twice)
    found = rows(run)
    numbers = cluster_numbers(run.release, ledger=None)
    assert sum(each["records"] for each in numbers["sizes"]) == 16 < len(found) == 24
    assert len({each["id"] for each in numbers["largest"]}) == len(numbers["largest"])
