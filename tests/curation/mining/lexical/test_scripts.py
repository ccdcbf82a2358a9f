from __future__ import annotations

import unicodedata

import numpy as np
import pytest
import regex

from curation.mining.lexical.scripts import SEPARATOR, SPACED, UNSPACED, character_classes

# Scripts whose words are not parted by blanks, and Hangul.
WITHOUT_BLANKS = (
    "Thai", "Lao", "Myanmar", "Khmer", "Han", "Hiragana", "Katakana", "Bopomofo", "Hangul", "Yi", "Tai_Le",
    "New_Tai_Lue", "Tai_Tham", "Tai_Viet", "Balinese", "Javanese", "Tangut", "Nushu", "Khitan_Small_Script",
)  # fmt: skip


def classes_of(text: str) -> list[int]:
    return [int(character_classes()[ord(character)]) for character in text]


@pytest.mark.parametrize(
    "word",
    [
        "हिन्दी", "विद्यार्थियों", "தமிழ்", "বাংলা", "తెలుగు", "ಕನ್ನಡ", "മലയാളം", "ਪੰਜਾਬੀ", "ગુજરાતી", "සිංහල",
        "العربية", "كِتَابٌ", "فارسی", "می\u200cخواهم", "שָׁלוֹם", "አማርኛ", "ქართული", "Հայերեն", "русский", "Ελληνικά",
        "naïve", "Việt", "cafe\u0301", "snake_case", "2024", "བོད", "ᏣᎳᎩ", "ⵜⴰⵎⴰⵣⵉⵖⵜ",
    ],
)  # fmt: skip
def test_marks_and_joiners_belong_to_words_with_blanks(word: str) -> None:
    assert set(classes_of(word)) == {SPACED}


@pytest.mark.parametrize(
    "words",
    [
        "ภาษาไทย",
        "น้ำ",
        "ພາສາລາວ",
        "မြန်မာဘာသာ",
        "ភាសាខ្មែរ",
        "中文",
        "日本語のテキスト",
        "ラーメン",
        "人々",
        "한국어",
        "ㄅㄆㄇ",
    ],
)
def test_scripts_without_blanks(words: str) -> None:
    assert set(classes_of(words)) == {UNSPACED}


@pytest.mark.parametrize(
    "mark", " \t\n\u00a0\u3000\u200b.,;:!?-'\"()«»“”„—…،؟؛।॥။၊។។፡።、。！？「」・־׃·€%+=@#/😀\ufffd"
)
def test_blanks_punctuation_and_symbols_part_words(mark: str) -> None:
    assert classes_of(mark) == [SEPARATOR]


def test_words_are_letters_marks_numbers_and_connectors_in_all_of_unicode() -> None:
    word = regex.compile(r"[\p{L}\p{M}\p{N}\p{Pc}\u200c\u200d]")
    classes = character_classes()
    assert classes.shape == (0x110000,)
    # Python and regex may know different versions of Unicode: only what both know can be compared.
    known = [code for code in range(0x110000) if unicodedata.category(chr(code)) not in ("Cn", "Cs")]
    wrong = [code for code in known if bool(word.match(chr(code))) != (classes[code] != SEPARATOR)]
    assert [hex(code) for code in wrong] == []


@pytest.mark.parametrize("script", WITHOUT_BLANKS)
def test_no_letter_of_these_scripts_is_taken_for_one_with_blanks(script: str) -> None:
    letter = regex.compile(rf"[\p{{L}}&&\p{{Script={script}}}]", regex.V1)
    classes = character_classes()
    codes = [
        code
        for code in np.flatnonzero(classes)
        # Texts are folded (NFKC) before they are cut, so that compatibility forms never come here.
        if letter.match(chr(code)) and unicodedata.is_normalized("NFKC", chr(code))
    ]
    wrong = [hex(code) for code in codes if classes[code] != UNSPACED]
    assert codes
    assert set(wrong) <= {"0x303b"}, "only the vertical iteration mark, which no running text has"


def test_no_letter_of_other_scripts_is_taken_for_one_without_blanks() -> None:
    names = "".join(rf"\p{{Script={script}}}" for script in (*WITHOUT_BLANKS, "Common", "Inherited"))
    foreign = regex.compile(rf"[\p{{L}}--[{names}]]", regex.V1)
    assert [hex(code) for code in np.flatnonzero(character_classes() == UNSPACED) if foreign.match(chr(code))] == []
