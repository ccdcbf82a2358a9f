from __future__ import annotations

from functools import partial

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyed_rounds import in_turns, joined, judge_together

from curation.config.model import Boilerplate
from filters.boilerplate import boilerplate_rows, count_queries, drop_boilerplate

ANSWERS = ["Page not found", "Seite nicht gefunden", "ページが見つかりません", "页面不存在", "Страница не найдена",
           "صفحة غير موجودة", "पृष्ठ नहीं मिला", "ไม่พบหน้า", "გვერდი ვერ მოიძებნა", "ገጹ አልተገኘም",
           "페이지를 찾을 수 없습니다"]  # fmt: skip


def drop(table, options, cut=1):
    """Count over so many partitions, and drop."""
    parts = in_turns(table, cut)
    counted = judge_together(parts, boilerplate_rows, partial(count_queries, options=options))
    return joined([drop_boilerplate(part, found, options) for part, found in zip(parts, counted, strict=True)])


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_positive_of_too_many_queries_goes_and_one_of_few_stays(records, answer):
    table = records(
        [*((f"question {number}", answer) for number in range(4)), ("other", "An answer of its own")], task="retrieval"
    )
    assert drop(table, Boilerplate(max_queries=4)).ledger.num_rows == 0
    outcome = drop(table, Boilerplate(max_queries=3))
    assert outcome.records["query"].to_pylist() == ["other"]
    rows = outcome.ledger.to_pylist()
    assert {(row["stage"], row["decision"], row["reason"], row["score"], row["threshold"]) for row in rows} == {
        ("boilerplate", "dropped", "boilerplate", 4.0, 3.0)
    }


def test_the_same_query_again_counts_once_and_case_and_width_do_not_matter(records):
    table = records([("q", "Not found"), ("q", "not found"), ("r", "ＮＯＴ found")], task="sts")
    assert drop(table, Boilerplate(max_queries=2)).ledger.num_rows == 0
    assert drop(table, Boilerplate(max_queries=1)).ledger.num_rows == 3


def test_each_source_counts_for_itself(records):
    table = pa.concat_tables([records([(f"q{s}", "Yes")], task="retrieval", source=s) for s in "abc"])
    assert drop(table, Boilerplate(max_queries=1)).ledger.num_rows == 0
    rows = boilerplate_rows(table)
    assert len(set(zip(rows["key"].to_pylist(), rows["digest"].to_pylist(), strict=True))) == 3


@pytest.mark.parametrize(
    ("task", "dropped"),
    [("retrieval", 3), ("bitext", 3), ("sts", 3), ("clustering", 0), ("classification", 0), ("code", 0)],
)
def test_labels_repeat_by_nature(records, task, dropped):
    table = records([(f"text {number}", "Sports") for number in range(3)], task=task)
    assert drop(table, Boilerplate(max_queries=2)).ledger.num_rows == dropped


def test_no_rows_are_no_special_case(records):
    assert drop(records([]), Boilerplate()).records.num_rows == 0


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), max_size=30), st.integers(1, 4))
def test_counts_are_those_of_sets_whatever_the_order_and_the_cut(records, rows, bound):
    queries = {answer: {q for q, a in rows if a == answer} for _, answer in rows}
    expected = sorted((q, a) for q, a in rows if len(queries[a]) <= bound)
    for order, cut in ((rows, 1), (rows[::-1], 1), (rows, 3)):
        kept = drop(records(order, task="sts"), Boilerplate(max_queries=bound), cut).records
        assert sorted(zip(kept["query"].to_pylist(), kept["positive"].to_pylist(), strict=True)) == expected
