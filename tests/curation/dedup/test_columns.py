from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.dedup.columns import blocks, byte_lengths, equal_rows, folded


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Straße ÉCOLE", "straße école"),
        ("E\u0301cole", "école"),
        ("ＦＵＬＬ　width", "full width"),
        ("ΑΘΗΝΑ", "αθηνα"),
        ("ПРИВЕТ", "привет"),
        ("ﬁn", "fin"),
        ("ｶﾞﾗｽ", "ガラス"),
        ("สวัสดี", "สวัสดี"),
        ("हिन्दी", "हिन्दी"),
        ("한국어", "한국어"),
        ("ﻻ", "لا"),
        ("မြန်မာ", "မြန်မာ"),
        ("", ""),
    ],
)
def test_folded_is_nfkc_and_lower_case(text: str, key: str) -> None:
    assert folded([text]).to_pylist() == [key]


@pytest.mark.parametrize(
    "texts",
    [["A", "b"], ("A", "b"), pa.array(["A", "b"]), pa.chunked_array([["A"], ["b"]]), pa.array(["x", "A", "b"])[1:]],
)
def test_folded_takes_sequences_and_arrow(texts: object) -> None:
    assert folded(texts).to_pylist() == ["a", "b"]


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        (["fine", "x\ud800"], ValueError, "text 1 holds a lone surrogate"),
        (["fine", "also", None], ValueError, "text 2 is null"),
        ("one string", TypeError, "not one string"),
        (pa.array([1, 2]), TypeError, "must be strings"),
        ([1, 2], TypeError, "."),
    ],
)
def test_folded_refuses(texts: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        folded(texts)


@given(st.lists(st.tuples(st.sampled_from(["", "a", "b", "猫"]), st.sampled_from(["", "a", "ب"])), max_size=30))
def test_equal_rows_are_those_with_equal_values(rows: list[tuple[str, str]]) -> None:
    columns = [pa.array([row[side] for row in rows], type=pa.string()) for side in range(2)]
    first, group = equal_rows(columns)
    assert first[group].tolist() == [rows.index(row) for row in rows]
    assert first.tolist() == sorted(first.tolist())


def test_equal_rows_does_not_run_columns_together() -> None:
    first, _ = equal_rows([pa.array(["ab", "a", "ab"]), pa.chunked_array([["c"], ["bc", "c"]])])
    assert first.tolist() == [0, 1]


@given(st.lists(st.integers(0, 20), max_size=40), st.integers(1, 30))
def test_blocks_cover_all_items_in_order_and_are_as_long_as_allowed(sizes: list[int], limit: int) -> None:
    cut = list(blocks(np.array(sizes, dtype=np.int64), limit))
    assert [i for begin, end in cut for i in range(begin, end)] == list(range(len(sizes)))
    for begin, end in cut:
        assert sum(sizes[begin:end]) <= limit or end == begin + 1
        assert end == len(sizes) or sum(sizes[begin : end + 1]) > limit


def test_byte_lengths_count_all_sides() -> None:
    assert byte_lengths([pa.array(["a", "猫", ""]), pa.array(["b", "", ""])]).tolist() == [2, 3, 0]
