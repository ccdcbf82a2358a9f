from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.langid import script_of
from curation.langid.scripts import fits, han_variants, letter_counts

TEXTS = {
    "Where is the station?": "Latn",
    "Где находится вокзал?": "Cyrl",
    "Πού είναι ο σταθμός;": "Grek",
    "Որտե՞ղ է կայարանը։": "Armn",
    "სად არის სადგური?": "Geor",
    "איפה התחנה?": "Hebr",
    "אֵיפֹה הַתַּחֲנָה?": "Hebr",
    "أين المحطة؟": "Arab",
    "ސްޓޭޝަނަކީ ކޮބާ؟": "Thaa",
    "स्टेशन कहाँ है?": "Deva",
    "স্টেশন কোথায়?": "Beng",
    "ਸਟੇਸ਼ਨ ਕਿੱਥੇ ਹੈ?": "Guru",
    "સ્ટેશન ક્યાં છે?": "Gujr",
    "ଷ୍ଟେସନ କେଉଁଠି?": "Orya",
    "நிலையம் எங்கே?": "Taml",
    "స్టేషన్ ఎక్కడ?": "Telu",
    "ನಿಲ್ದಾಣ ಎಲ್ಲಿದೆ?": "Knda",
    "സ്റ്റേഷൻ എവിടെ?": "Mlym",
    "ස්ථානය කොහේද?": "Sinh",
    "สถานีอยู่ที่ไหน": "Thai",
    "ສະຖານີຢູ່ໃສ": "Laoo",
    "ស្ថានីយ៍នៅឯណា?": "Khmr",
    "ဘူတာရုံ ဘယ်မှာလဲ": "Mymr",
    "བབས་ཚུགས་ག་པར་ཡོད།": "Tibt",
    "ጣቢያው የት ነው?": "Ethi",
    "ⵎⴰⵏⵉ ⵜⴰⵖⵙⵔⵜ": "Tfng",
    "駅はどこですか": "Jpan",
    "カメラ": "Jpan",
    "역이 어디예요?": "Hang",
    "车站在哪里？": "Hani",
    "車站在哪裡？": "Hani",
    "ㄅㄆㄇ": "Hani",
}


@pytest.mark.parametrize(("text", "script"), TEXTS.items())
def test_the_script_of_a_text(text: str, script: str) -> None:
    assert script_of([text]) == [script]


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("", "Zyyy"),
        ("  12,5 % — 😀 №", "Zyyy"),
        ("ー、。", "Zyyy"),
        ("Откройте PDF, пожалуйста", "Cyrl"),
        ("The word мир has two meanings", "Latn"),
        ("ab бв", "Cyrl"),
        ("日本国憲法第九条の改正議論", "Jpan"),
        ("中华人民共和国全国人民代表大会の常务委员会会议", "Hani"),
        ("大韓民國憲法의 改正", "Hang"),
        ("ソウルは서울입니다 그렇지요", "Hang"),
        ("한국은 かん", "Hang"),
        ("ひらがな 한", "Jpan"),
    ],
)
def test_mixed_texts_have_the_script_of_most_letters(text: str, script: str) -> None:
    assert script_of([text]) == [script]


def test_texts_may_be_arrow_with_nulls() -> None:
    texts = pa.chunked_array([["мир", None], ["", "สวัสดี"]])
    assert script_of(texts) == ["Cyrl", "Zyyy", "Zyyy", "Thai"]
    assert script_of([]) == []


def test_letters_are_counted_by_script() -> None:
    counts = letter_counts(pa.array(["ab 1в!", "", "नमस्ते", "gh"]))
    assert counts.scripts == ("Cyrl", "Deva", "Latn")
    assert counts.counts.tolist() == [[1, 0, 2], [0, 0, 0], [0, 6, 0], [0, 0, 2]]
    assert counts.total().tolist() == [3, 0, 6, 2]
    assert counts.of({"Cyrl", "Latn", "Thai"}).tolist() == [3, 0, 0, 2]
    assert counts.of(set()).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("texts", [[], ["", "12"]])
def test_counts_of_no_letters(texts: list[str]) -> None:
    counts = letter_counts(pa.array(texts, pa.string()))
    assert counts.counts.shape == (len(texts), 0)
    assert counts.total().tolist() == [0] * len(texts)
    assert counts.dominant().tolist() == ["Zyyy"] * len(texts)


@given(st.lists(st.sampled_from(sorted(TEXTS)) | st.text(max_size=20), max_size=8), st.data())
def test_each_text_is_counted_by_itself(texts: list[str], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(texts)))
    assert script_of(texts) == script_of(texts[:cut]) + script_of(texts[cut:])
    assert _totals(texts) == [_totals([text])[0] for text in texts]


def _totals(texts: list[str]) -> list[int]:
    totals: list[int] = letter_counts(pa.array(texts, pa.string())).total().tolist()
    return totals


@given(st.text(max_size=20), st.text(max_size=20))
def test_counts_add_up(one: str, other: str) -> None:
    parts = letter_counts(pa.array([one, other, one + other]))
    assert (parts.counts[0] + parts.counts[1] == parts.counts[2]).all()


@pytest.mark.parametrize(
    ("script", "system", "expected"),
    [
        ("Latn", "Latn", True),
        ("Latn", "Cyrl", False),
        ("Hans", "Hani", True),
        ("Hant", "Hani", True),
        ("Jpan", "Hani", True),
        ("Jpan", "Jpan", True),
        ("Hang", "Hani", True),
        ("Hans", "Jpan", False),
        ("Hans", "Hang", False),
        ("Jpan", "Hang", False),
        ("Latn", "Zyyy", False),
    ],
)
def test_a_language_fits_texts_in_its_script(script: str, system: str, expected: bool) -> None:
    assert fits(script, system) is expected


@pytest.mark.parametrize(
    ("text", "variant"),
    [
        ("我们在学习汉语", "Hans"),
        ("我們在學習漢語", "Hant"),
        ("这个问题很复杂", "Hans"),
        ("這個問題很複雜", "Hant"),
        ("佢哋喺香港讀書", "Hant"),
        ("你好，明天下雨", ""),
        ("简体字和繁體字", ""),
        ("", ""),
        ("Москва", ""),
    ],
)
def test_characters_of_one_national_set_tell_the_variant(text: str, variant: str) -> None:
    assert han_variants(pa.array(["我们", text, "我們"]))[1] == variant
