from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from curation.characters import COMMON, code_points, row_sums, script_numbers, script_table


@given(st.lists(st.text()), st.sampled_from([pa.string(), pa.large_string()]), st.data())
def test_code_points_are_those_of_each_text(texts: list[str], kind: pa.DataType, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(texts)))
    points, starts = code_points(pa.array(texts, kind)[first:])
    parts = [points[a:b].tolist() for a, b in pairwise(starts)]
    assert parts == [[ord(character) for character in text] for text in texts[first:]]


@given(st.lists(st.integers(0, 5)), st.data())
def test_row_sums_agree_with_loops(sizes: list[int], data: st.DataObject) -> None:
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    flags = np.array(data.draw(st.lists(st.booleans(), min_size=sum(sizes), max_size=sum(sizes))), dtype=np.bool_)
    assert row_sums(flags, starts).tolist() == [int(flags[a:b].sum()) for a, b in pairwise(starts)]


@pytest.mark.parametrize(
    ("letter", "script"),
    [("a", "Latn"), ("ж", "Cyrl"), ("字", "Hani"), ("ก", "Thai"), ("ि", "Deva"), ("ⵣ", "Tfng"), ("한", "Hang")],
)
def test_a_letter_has_the_number_of_its_script(letter: str, script: str) -> None:
    assert script_table()[ord(letter)] == script_numbers()[script]
    assert regex.match(rf"\p{{Script={script}}}", letter)


@pytest.mark.parametrize("character", ["1", " ", "—", "😀", "\U0010ffff"])
def test_what_belongs_to_no_script_is_common(character: str) -> None:
    assert script_table()[ord(character)] == COMMON
    assert COMMON not in script_numbers().values()
