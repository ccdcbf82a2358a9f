from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters import sides


@pytest.mark.parametrize(("text", "length"), [("", 0), ("é", 1), ("สวัสดี", 6), ("😀", 1), ("ab\ncd", 5)])
def test_characters(column, text, length):
    assert sides.characters(column([text])).tolist() == [length]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0.0),
        ("12:30", 0.0),
        ("--- *** ---", 0.0),
        ("abc 123", 0.5),
        ("ab!!", 0.5),
        ("हि", 1.0),  # a vowel sign is a mark
        ("क\u200dष", 1.0),  # a joiner is as invisible as a blank
    ],
)
def test_letter_share(column, text, expected):
    assert sides.letter_share(column([text])).tolist() == [expected]


@pytest.mark.parametrize(
    ("text", "digits", "symbols"),
    [
        ("", 0.0, 0.0),
        ("12:30", 0.8, 0.2),
        ("२०२४ में", 4 / 7, 0.0),
        ("سنة ١٩٧٣", 4 / 7, 0.0),
        ("--- *** ---", 0.0, 1.0),
        ("€ 5,-", 0.25, 0.75),
        ("你好。", 0.0, 1 / 3),
        ("नमस्ते।", 0.0, 1 / 7),
        ("สวัสดี", 0.0, 0.0),
        ("Привет!", 0.0, 1 / 7),
        ("შენ?", 0.0, 0.25),
        ("🙂🙂 ok", 0.0, 0.5),
    ],
)
def test_digit_and_symbol_share(column, text, digits, symbols):
    assert sides.digit_share(column([text])).tolist() == [pytest.approx(digits)]
    assert sides.symbol_share(column([text])).tolist() == [pytest.approx(symbols)]


@pytest.mark.parametrize(
    ("language", "text", "longest"),
    [
        ("deu_Latn", "Die Donaudampfschifffahrt fährt.", 21),
        ("eng_Latn", "See https://example.org/a-long/path?with=many&parts=1 now", 7),
        ("rus_Cyrl", "Здравствуйте, товарищ", 12),
        ("ell_Grek", "Καλημέρα κόσμε", 8),
        ("heb_Hebr", "שלום עולם", 4),
        ("arb_Arab", "السلام عليكم", 6),
        ("hin_Deva", "नमस्ते दुनिया", 6),
        ("tam_Taml", "வணக்கம்", 7),
        ("kat_Geor", "გამარჯობა", 9),
        ("hye_Armn", "Բարեւ ձեզ", 5),
        ("kor_Hang", "안녕하세요 여러분", 5),
        ("eng_Latn", "", 0),
        ("eng_Latn", "...", 0),
    ],
)
def test_longest_word(column, language, text, longest):
    assert sides.longest_word(column([text], language)).tolist() == [longest]


@pytest.mark.parametrize(
    "language", ["tha_Thai", "lao_Laoo", "khm_Khmr", "mya_Mymr", "jpn_Jpan", "cmn_Hans", "bod_Tibt", "und_Latn"]
)
def test_unspaced_and_unknown_languages_have_no_long_words(column, language):
    assert np.isnan(sides.longest_word(column(["ตัวอย่าง" * 20], language))).all()


@given(st.lists(st.text(alphabet="abก字 ।1२-.", max_size=20), min_size=1, max_size=6))
def test_a_score_depends_on_its_row_alone(column, texts):
    for score in (sides.characters, sides.letter_share, sides.digit_share, sides.symbol_share, sides.longest_word):
        alone = np.concatenate([score(column([text])) for text in texts])
        assert np.array_equal(score(column(texts)), alone, equal_nan=True)
