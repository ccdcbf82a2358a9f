from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from curation.export.texts import as_lists, instruction_prefix, passage_ids, query_ids, with_instruction


def test_an_instruction_stands_before_the_query_and_an_empty_one_leaves_nothing() -> None:
    queries = pa.chunked_array([["où ?", "어디?"]])
    assert with_instruction(queries, "Find it.").to_pylist() == [
        "Instruct: Find it.\nQuery: où ?",
        "Instruct: Find it.\nQuery: 어디?",
    ]
    assert with_instruction(queries, "") == queries
    assert instruction_prefix("") == ""


@given(st.integers(1, 5).flatmap(lambda width: st.lists(st.lists(st.text(), min_size=width, max_size=width))))
def test_columns_become_lists(rows: list[list[str]]) -> None:
    width = len(rows[0]) if rows else 1
    columns = [pa.array([row[index] for row in rows], pa.string()) for index in range(width)]
    assert as_lists(columns).to_pylist() == rows


def test_ids_are_of_the_text_alone_and_no_query_has_a_passages() -> None:
    texts = pa.array(["ዛሬ", "今日", "ዛሬ"])
    passages, queries = passage_ids(texts).to_pylist(), query_ids(texts).to_pylist()
    assert passages[0] == passages[2] != passages[1]
    assert not set(passages) & set(queries)
    assert all(text[0].isalpha() and len(text) == 33 for text in passages + queries)
