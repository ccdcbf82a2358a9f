from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters import damage


@pytest.mark.parametrize(
    ("text", "damaged"),
    [
        ("the \ufffd sign", 1),
        ("ma\ufffd\ufffdana", 2),
        ("cafÃ©", 2),
        ("perÃ² sÃ¬", 4),
        ("GrÃ¼ÃŸe aus MÃ¼nchen", 6),
        ("20 Â°C", 2),
        ("Itâ€™s", 3),
        ("ðŸ˜€ ok", 2),
        ("ï»¿start", 3),
        ("ÐŸÑ€Ð¸Ð²ÐµÑ‚", 12),
        ("Ã‡a va", 2),
        ("ÅŸÄ±k", 4),
        ("pÅ‚aszcz bÄ™dzie", 4),
        ("UnÃ« jam nÃ« fund", 4),
        ("novelÂ·les", 2),
        ("CikkeÉ£ la", 2),
        ("KomentarÅ³ dar", 2),
        ("s\u00c4\u0099 st\u00c4\u0085d", 4),
        ("Ä°stanbul", 2),
        ("à¤¹à¤¿", 6),
        ("ã€‚", 3),
    ],
)
def test_mojibake(column, text, damaged):
    assert damage.mojibake_share(column([text])).tolist() == [pytest.approx(damaged / len(text))]


@pytest.mark.parametrize(
    "text",
    [
        "CAFÉ»",
        "„Spaß“",
        "IRMÔ",
        "«MANHû",
        "Ø±0,5 mm",
        "›PÅ‹",
        "10 Å² x 3 Å³",
        "Ä…",
        "naïve—Â",
        "3×½",
        "Spaß“",
        "groß»",
        "É…então",
    ],
)
def test_quotation_marks_and_units_after_capitals_are_not_mojibake(column, text):
    assert damage.mojibake_share(column([text])).tolist() == [0.0]


@pytest.mark.parametrize(
    "text",
    [
        "Où est l'été ?",
        "Привет, мир",
        "Γειά σου Κόσμε",
        "مرحبا بالعالم",
        "şık ığdır",
        "Łódź",
        "हिन्दी",
        "你好。",
        "“Hi”",
    ],
)
@pytest.mark.parametrize("codec", ["latin-1", "cp1252"])
def test_real_damage_is_found_in_every_script(column, text, codec):
    damaged = text.encode().decode(codec, errors="ignore")
    assert damage.mojibake_share(column([damaged]))[0] > 0.0


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Tom &amp;quot;here&amp;quot;", 20),
        ("R&amp;D; and &amp;amp;lt;b", 12),
        ("smile \\ud83d\\ude00 now", 12),
        ("icon \ue000 here", 1),
        ("\u0378 unassigned", 1),
        ("\U000e0fff unassigned", 1),
        ("\uffff no character", 1),
        ("\u0301a mark at the start", 1),
        ("a \u0301 mark after a blank", 1),
        ("कि ि", 1),
        ("ก ั", 1),
        ("ب ِ", 1),
    ],
)
def test_bad_characters(column, text, wrong):
    assert damage.bad_character_share(column([text])).tolist() == [pytest.approx(wrong / len(text))]


@pytest.mark.parametrize(
    "text",
    [
        "R&D &amp; sales",
        "C:\\users\\dora",
        "é as e\u0301, 1\ufe0f\u20e3, ❤\ufe0f",
        "মূর্খ র\u200d্যাব",
        "നന്\u200dമ",
        "ශ්\u200dරී ලංකා",
        "ตั้งแต่วันที่",
        "ຂ້ອຍເວົ້າພາສາລາວ",
        "ကျွန်တော်",
        "ភាសាខ្មែរ",
        "བོད་ཡིག",
        "שָׁלוֹם",
        "العَرَبِيَّة",
        "நன்றி",
        "ߒߞߏ",
    ],
)
def test_marks_where_they_belong_are_clean(column, text):
    assert damage.bad_character_share(column([text])).tolist() == [0.0]


@given(st.lists(st.text(alphabet="a \u0301ि&;ampÃ©\ud7ff\ufffd", max_size=30), min_size=1, max_size=8))
def test_a_score_depends_on_its_row_alone(column, texts):
    for score in (damage.mojibake_share, damage.bad_character_share):
        alone = np.concatenate([score(column([text])) for text in texts])
        assert np.array_equal(score(column(texts)), alone, equal_nan=True)
