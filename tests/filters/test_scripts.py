from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters import scripts


@pytest.mark.parametrize(
    ("language", "text", "share"),
    [
        ("eng_Latn", "He said привет, товарищ", 13 / 19),
        ("hin_Deva", "मुझे தமிழ் தெரியும் है", 13 / 19),
        ("jpn_Jpan", "彼は한국어를 배운다", 7 / 9),
        ("kor_Hang", "漢字도 나온다", 0.0),
        ("cmn_Hans", "我喜欢ひらがなです", 6 / 9),
        ("srp_Latn", "Zovem se Петар", 0.0),
        ("ell_Grek", "Λέει Москва", 6 / 10),
        ("tha_Thai", "ພາສາລາວ", 1.0),
        ("arb_Arab", "عربي עברית", 5 / 9),
        ("kat_Geor", "ქართული հայերեն", 7 / 14),
        ("amh_Ethi", "ሰላም ለሁሉም", 0.0),
        ("mya_Mymr", "မြန်မာ ភាសា", 4 / 10),
        ("ben_Beng", "বাংলা", None),
        ("eng_Latn", "π = 3.14", None),
        ("und_Zzzz", "anything привет", 0.0),
        ("und_Thai", "ภาษา привет", 6 / 10),
    ],
)
def test_foreign_share(column, language, text, share):
    expected = np.nan if share is None else share
    assert np.allclose(scripts.foreign_share(column([text], language)), [expected], equal_nan=True)


@pytest.mark.parametrize(
    ("language", "text", "share"),
    [
        ("tam_Taml", "This sentence was never translated.", 1.0),
        ("jpn_Jpan", "This sentence was never translated.", 1.0),
        ("rus_Cyrl", "Eto predlozhenie na latinitse, a ne tak", 1.0),
        ("amh_Ethi", "This sentence was never translated. አዎ", 30 / 32),
        ("eng_Latn", "This sentence was never translated.", None),
        ("srp_Cyrl", "Ova rečenica je na latinici, i to je dobro", None),
        ("kor_Hang", "JavaScript와 PostgreSQL", None),
        ("ell_Grek", "Windows", None),
        ("tha_Thai", "ใช้ PostgreSQL", None),
        ("arb_Arab", "استخدم Microsoft Office", None),
        ("heb_Hebr", "DVD", None),
    ],
)
def test_latin_share(column, language, text, share):
    found = scripts.latin_share(column([text], language))
    assert np.isnan(found).all() if share is None else found.tolist() == [pytest.approx(share)]


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("Mосква большой город", 1 / 3),  # a Latin M
        ("Цiни залежать", 1 / 2),  # a Latin i
        ("tuа nom", 1 / 2),  # a Cyrillic а
        ("Αθήνa", 1.0),  # a Latin a
        ("Αθήνα και Москва, Paris", 0.0),
        ("DVD-диск, IT-отдел", 0.0),
        ("µm, ΔT, 5Ω", 0.0),
        ("Æ бон ирон æвзаг", 0.0),
        ("Чӑваш чӗлхи, ĕмĕр", 0.0),
        ("Tシャツ, DVD를, A级", 0.0),
        ("हिन्दी தமிழ் ไทย", 0.0),
        ("", 0.0),
        ("!?", 0.0),
    ],
)
def test_mixed_word_share(column, text, share):
    assert scripts.mixed_word_share(column([text])).tolist() == [pytest.approx(share)]


def test_neighbours_in_two_texts_are_in_no_word_together(column):
    assert scripts.mixed_word_share(column(["кот", "cat", "кот"])).tolist() == [0.0, 0.0, 0.0]


@given(
    st.lists(st.text(alphabet="aсαbж 字กi。\u0301", max_size=30), min_size=1, max_size=8),
    st.sampled_from(["rus_Cyrl", "jpn_Jpan", "und_Zzzz"]),
)
def test_a_score_depends_on_its_row_alone(column, texts, language):
    for score in (scripts.foreign_share, scripts.latin_share, scripts.mixed_word_share):
        alone = np.concatenate([score(column([text], language)) for text in texts])
        assert np.array_equal(score(column(texts, language)), alone, equal_nan=True)
