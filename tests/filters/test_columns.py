from __future__ import annotations

import unicodedata
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.characters import row_sums
from curation.text import fold
from filters.columns import (
    ADDRESS_SIGN,
    BAD,
    BLANK,
    BRACE,
    DIGIT,
    LETTER,
    MARK,
    MARKUP_SIGN,
    PERCENT,
    VISIBLE,
    fold_codes,
    row_counts,
    rows_at,
    share,
    take_rows,
    text_column,
)


@settings(deadline=None)
@given(st.lists(st.text()))
def test_code_points_are_those_of_each_text(column, texts):
    opened = column(texts)
    parts = [opened.codes[a:b].tolist() for a, b in pairwise(opened.starts)]
    assert parts == [[ord(character) for character in text] for text in texts]
    assert opened.lengths.tolist() == [len(text) for text in texts]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_a_slice_of_a_column_is_decoded_from_its_own_offset(kind):
    texts = pa.array(["Ünlü", "", "ភាសា", "한국어", "end"], kind).slice(1, 3)
    opened = text_column(pa.chunked_array([texts]), pa.chunked_array([pa.array(["khm_Khmr"] * 3)]))
    assert "".join(map(chr, opened.codes)) == "ភាសា한국어"
    assert opened.starts.tolist() == [0, 0, 4, 7]


@pytest.mark.parametrize(
    ("character", "kind"),
    [
        ("a", LETTER), ("й", LETTER), ("ि", MARK), ("்", MARK), ("ุ", MARK), ("ກ", LETTER), ("한", LETTER),
        ("字", LETTER), ("ʻ", LETTER), ("7", DIGIT), ("७", DIGIT), ("٣", DIGIT), (" ", BLANK), ("\u3000", BLANK),
        ("\u200d", BLANK), ("\n", BLANK), ("।", VISIBLE), ("؟", VISIBLE), ("½", VISIBLE), ("😀", VISIBLE),
        ("\ue000", BAD), ("\u0378", BAD), ("<", MARKUP_SIGN), ("&", MARKUP_SIGN), ("[", MARKUP_SIGN), ("%", PERCENT),
        ("{", BRACE), ("@", ADDRESS_SIGN), ("/", ADDRESS_SIGN),
    ],
)  # fmt: skip
def test_kinds(column, character, kind):
    assert column([character]).kinds.tolist() == [kind]


@settings(deadline=None)
@given(st.lists(st.integers(0, 5)), st.data())
def test_row_sums_and_rows_at_agree_with_loops(sizes, data):
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    flags = np.array(data.draw(st.lists(st.booleans(), min_size=sum(sizes), max_size=sum(sizes))), dtype=np.bool_)
    expected = [int(flags[a:b].sum()) for a, b in pairwise(starts)]
    assert row_sums(flags, starts).tolist() == expected
    assert row_counts(np.flatnonzero(flags), starts).tolist() == expected
    assert rows_at(np.flatnonzero(flags), starts).tolist() == [row for row, count in enumerate(expected) if count]


WORDS = st.text(alphabet="ab1 .字क\u0301", max_size=8)


@given(st.lists(WORDS, max_size=6))
def test_words_are_those_of_each_text(column, texts):
    opened = column(texts)
    codes = "".join(map(chr, opened.codes))
    found = [codes[begin:end] for begin, end in zip(opened.words.begins, opened.words.ends, strict=True)]
    firsts = opened.words.firsts.tolist()
    expected = [regex.findall(r"[\p{L}\p{M}\p{Nd}]+", text) for text in texts]
    assert [found[a:b] for a, b in pairwise(firsts)] == expected


@given(st.lists(WORDS, min_size=1, max_size=6), st.data())
def test_taken_rows_are_a_column_of_their_own(column, texts, data):
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=6))
    taken, expected = take_rows(column(texts), np.array(rows, dtype=np.int64)), column([texts[row] for row in rows])
    assert taken.texts.equals(expected.texts)
    for part in ("codes", "kinds", "starts"):
        assert np.array_equal(getattr(taken, part), getattr(expected, part))


def test_what_is_measured_once_is_not_measured_again(column):
    calls = []

    def measure(opened):
        calls.append(opened)
        return opened.lengths

    opened = column(["a", "bc"])
    assert opened.once(measure) is opened.once(measure)
    assert len(calls) == 1


def test_share_of_nothing_is_zero():
    assert share(np.array([1, 0]), np.array([4, 0])).tolist() == [0.25, 0.0]


@settings(deadline=None)
@given(st.characters(exclude_categories=["Cs"]))
def test_a_character_folds_as_the_pipeline_folds_unless_it_grows(character):
    folded = fold(pa.array([character]))[0].as_py()
    expected = folded if len(folded) == 1 else character
    assert "".join(map(chr, fold_codes(np.array([ord(character)], dtype=np.uint32)))) == expected


def test_fold_reaches_beyond_the_folded_planes():
    codes = np.array([ord("Ａ"), 0xE0101, ord("Ж")], dtype=np.uint32)
    assert "".join(map(chr, fold_codes(codes))) == "a\U000e0101ж"
    assert unicodedata.name(chr(0xE0101)) == "VARIATION SELECTOR-18"
