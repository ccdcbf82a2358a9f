from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters import copies as scores


@pytest.mark.parametrize(
    ("query", "positive"),
    [
        ("OK", "OK"),
        ("Email", "email"),
        ("JSON", "ＪＳＯＮ"),
        ("I live in Tashkent.", "I live in Tashkent."),
        ("МОСКВА", "москва"),
        ("好", "好"),
        ("हिन्दी", "हिन्दी"),
        ("ΑΘΗΝΑ", "αθηνα"),
    ],
)
def test_texts_that_are_equal_when_folded_are_copies(pairs, query, positive):
    assert scores.copy_similarity(pairs([(query, positive)])).tolist() == [1.0]


@pytest.mark.parametrize(
    ("query", "positive", "expected"),
    [
        ("abcd", "abce", 6 / 8),
        ("a", "b", 0.0),
        ("aaaa", "aa", 4 / 6),  # multisets: one `^a`, and one of three `aa`
        ("ab", "ba", 0.0),  # the first character counts with the start
        ("", "", 0.0),
        ("", "x", 0.0),
        ("Привет", "Hello", 0.0),
    ],
)
def test_copy_similarity(pairs, query, positive, expected):
    assert scores.copy_similarity(pairs([(query, positive)])).tolist() == [pytest.approx(expected)]


@pytest.mark.parametrize(
    ("query", "positive"),
    [
        ("Je mange une pomme.", "I eat an apple."),
        ("Tom har et hus i Boston.", "Tom has a house in Boston."),
        ("A água é boa.", "El agua es buena."),
        ("这是一本书。", "這是一本書。"),
        ("Ние сме тук сега.", "Мы сейчас здесь."),
    ],
)
def test_translations_are_not_copies(pairs, query, positive):
    assert scores.copy_similarity(pairs([(query, positive)]))[0] < 0.9


@pytest.mark.parametrize(
    ("language", "query", "positive", "low", "high"),
    [
        ("hin_Deva", "She goes to the market every day.", "She goes to the market every day.", 1.0, 1.0),
        ("swh_Latn", "She goes to the market every day.", "She goes to the market every day.", 1.0, 1.0),
        (
            "deu_Latn",
            "I know that she goes to the market every day.",
            "Ich weiß, that she goes to the market every day.",
            0.7,
            1.0,
        ),
        ("fra_Latn", "the weather is very nice today", "the weather is very nice today il fait très beau", 0.6, 0.9),
        ("rus_Cyrl", "the weather is very nice today", "погода сегодня: the weather is very nice today", 0.6, 0.9),
        ("tha_Thai", "the weather is very nice today", "วันนี้ the weather is very nice today", 0.6, 1.0),
        (
            "spa_Latn",
            "We have seen the old cathedral in Salamanca.",
            "Hemos visto la vieja catedral de Salamanca.",
            0.0,
            0.1,
        ),
        (
            "nld_Latn",
            "My brother has been reading the New York Times for years",
            "Mijn broer leest al vele jaren de New York Times",
            0.0,
            0.1,
        ),
        ("jpn_Jpan", "The callback is given to asyncio.run()", "asyncio.run() にコールバックを渡します。", 0.0, 0.0),
        (
            "fin_Latn",
            "Please delete all of the chosen %(verbose_name_plural)s now",
            "Poista nyt kaikki juuri valitut %(verbose_name_plural)s",
            0.0,
            0.1,
        ),
    ],
)
def test_copied_share(pairs, language, query, positive, low, high):
    columns = pairs([(query, positive)], query_language="eng_Latn", positive_language=language)
    assert low <= scores.copied_share(columns)[0] <= high


@pytest.mark.parametrize(
    ("left", "right"),
    [("eng_Latn", "eng_Latn"), ("nob_Latn", "dan_Latn"), ("und_Zzzz", "eng_Latn"), ("eng_Latn", "und_Latn")],
)
def test_passages_in_both_are_natural_in_relatives_and_unknown_where_a_language_is(pairs, left, right):
    same = "dette er den samme setningen på begge sider"
    assert np.isnan(scores.copied_share(pairs([(same, same)], query_language=left, positive_language=right))).all()


def test_names_and_little_else_are_exempt(pairs):
    named = ("He met Ferdinand Magellan in Salamanca", "Met Ferdinand Magellan in Salamanca gesien")
    assert np.isnan(scores.copied_share(pairs([named], query_language="eng_Latn", positive_language="afr_Latn"))).all()


WORDS = st.lists(st.sampled_from(["the weather is", " nice today", "Tom", " % ", "好", "_x", " und "]), max_size=8).map(
    "".join
)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6))
def test_a_score_depends_on_its_row_alone(pairs, rows):
    given_languages = {"query_language": "eng_Latn", "positive_language": "swh_Latn"}
    for score in (scores.copy_similarity, scores.copied_share):
        alone = np.concatenate([score(pairs([row], **given_languages)) for row in rows])
        assert np.array_equal(score(pairs(rows, **given_languages)), alone, equal_nan=True)
