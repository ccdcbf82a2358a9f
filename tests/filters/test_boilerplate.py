from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.config.model import Boilerplate
from filters.boilerplate import boilerplate_keys, drop_boilerplate

ANSWERS = ["Page not found", "Seite nicht gefunden", "ページが見つかりません", "页面不存在", "Страница не найдена",
           "صفحة غير موجودة", "पृष्ठ नहीं मिला", "ไม่พบหน้า", "გვერდი ვერ მოიძებნა", "ገጹ አልተገኘም",
           "페이지를 찾을 수 없습니다"]  # fmt: skip


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_positive_of_too_many_queries_goes_and_one_of_few_stays(records, answer):
    table = records(
        [*((f"question {number}", answer) for number in range(4)), ("other", "An answer of its own")], task="retrieval"
    )
    assert drop_boilerplate(table, Boilerplate(max_queries=4)).ledger.num_rows == 0
    outcome = drop_boilerplate(table, Boilerplate(max_queries=3))
    assert outcome.records["query"].to_pylist() == ["other"]
    rows = outcome.ledger.to_pylist()
    assert {(row["stage"], row["decision"], row["reason"], row["score"], row["threshold"]) for row in rows} == {
        ("boilerplate", "dropped", "boilerplate", 4.0, 3.0)
    }


def test_the_same_query_again_counts_once_and_case_and_width_do_not_matter(records):
    table = records([("q", "Not found"), ("q", "not found"), ("r", "ＮＯＴ found")], task="sts")
    assert drop_boilerplate(table, Boilerplate(max_queries=2)).ledger.num_rows == 0
    assert drop_boilerplate(table, Boilerplate(max_queries=1)).ledger.num_rows == 3


def test_each_source_counts_for_itself(records):
    table = pa.concat_tables([records([(f"q{s}", "Yes")], task="retrieval", source=s) for s in "abc"])
    assert drop_boilerplate(table, Boilerplate(max_queries=1)).ledger.num_rows == 0
    assert len(set(boilerplate_keys(table).to_pylist())) == 3


@pytest.mark.parametrize(
    ("task", "dropped"),
    [("retrieval", 3), ("bitext", 3), ("sts", 3), ("clustering", 0), ("classification", 0), ("code", 0)],
)
def test_labels_repeat_by_nature(records, task, dropped):
    table = records([(f"text {number}", "Sports") for number in range(3)], task=task)
    assert drop_boilerplate(table, Boilerplate(max_queries=2)).ledger.num_rows == dropped


def test_no_rows_are_no_special_case(records):
    assert drop_boilerplate(records([]), Boilerplate()).records.num_rows == 0


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), max_size=30), st.integers(1, 4))
def test_counts_are_those_of_sets_whatever_the_order(records, rows, bound):
    queries = {answer: {q for q, a in rows if a == answer} for _, answer in rows}
    expected = sorted((q, a) for q, a in rows if len(queries[a]) <= bound)
    for order in (rows, rows[::-1]):
        kept = drop_boilerplate(records(order, task="sts"), Boilerplate(max_queries=bound)).records
        assert sorted(zip(kept["query"].to_pylist(), kept["positive"].to_pylist(), strict=True)) == expected
