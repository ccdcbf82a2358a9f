from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters import pairs as scores


@pytest.mark.parametrize(
    ("query", "positive", "expected"),
    [
        ("Go!", "Geh!", 19 / 18),
        ("Hi", "ສະບາຍດີ", 22 / 17),
        ("", "x" * 75, 6.0),
        ("x" * 75, "", 6.0),
        ("Yes.", "はい。", 19 / 18),
    ],
)
def test_length_ratio_is_symmetric_and_smooth(pairs, query, positive, expected):
    assert scores.length_ratio(pairs([(query, positive)])).tolist() == [pytest.approx(expected)]


def test_lengths_are_those_of_the_same_in_english(pairs, monkeypatch):
    from filters import columns, languages

    def dense(code):
        facts = languages.language_facts(code)
        return replace(facts, length_factor=0.3) if code == "cmn_Hans" else facts

    monkeypatch.setattr(columns, "language_facts", dense)
    columns_of = pairs([("x" * 100, "字" * 30)], query_language="eng_Latn", positive_language="cmn_Hans")
    assert scores.length_ratio(columns_of).tolist() == [pytest.approx(1.0)]


@pytest.mark.parametrize(
    ("query", "positive", "expected"),
    [
        ("eng_Latn", "eng_Latn", 1.0),
        ("eng_Latn", "deu_Latn", 0.0),
        ("srp_Cyrl", "srp_Latn", 0.0),
        ("cmn_Hans", "cmn_Hant", 0.0),
        ("und_Zzzz", "und_Zzzz", np.nan),
        ("eng_Latn", "", np.nan),
        ("python_Zzzz", "python_Zzzz", np.nan),
    ],
)
def test_same_language(pairs, query, positive, expected):
    columns = pairs([("a", "b")], query_language=query, positive_language=positive)
    assert np.array_equal(scores.same_language(columns), [expected], equal_nan=True)


@pytest.mark.parametrize(
    ("query", "positive", "expected"),
    [("<b>x</b>", "<i>y</i>", 0.0), ("<b>да</b>", "yes", 7 / 9), ("да", "**yes**", 4 / 7), ("ja", "yes", 0.0)],
)
def test_markup_difference(pairs, query, positive, expected):
    assert scores.markup_difference(pairs([(query, positive)])).tolist() == [pytest.approx(expected)]


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), min_size=1, max_size=6))
def test_a_score_depends_on_its_row_alone(pairs, rows):
    for score in (scores.length_ratio, scores.same_language, scores.markup_difference):
        alone = np.concatenate([score(pairs([row])) for row in rows])
        assert np.array_equal(score(pairs(rows)), alone, equal_nan=True)
