from __future__ import annotations

import subprocess
import sys
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.columns import InvalidTextError
from curation.mining.lexical.features import FEATURE_BITS
from curation.mining.lexical.kernels import CompiledKernels, Kernels, NumpyKernels

KERNELS: list[Kernels] = [CompiledKernels(), NumpyKernels()]

# Words of many scripts, in which vowel signs, tone marks, points or joiners stand between letters.
WORDS = {
    "Devanagari": "विद्यार्थियों",
    "Tamil": "குழந்தைகள்",
    "Bengali": "ব্যঞ্জনবর্ণ",
    "Telugu": "విద్యార్థులు",
    "Malayalam": "വിദ്യാർത്ഥികൾ",
    "Sinhala": "ශ්‍රී",
    "Tibetan": "སྐད",
    "Thai": "ภาษาที่น้ำ",
    "Lao": "ພາສາລາວ",
    "Khmer": "ភាសាខ្មែរ",
    "Myanmar": "မြန်မာဘာသာ",
    "Han": "語言",
    "Hiragana": "がぎぐ",
    "Katakana": "パーティー",
    "Hangul": "한국어",
    "Arabic": "كِتَابٌ",
    "Persian": "می\u200cخواهم",
    "Hebrew": "שָׁלוֹם",
    "Ethiopic": "ትምህርት",
    "Georgian": "საქართველო",
    "Cyrillic": "йод\u0301",
    "Greek": "ἄνθρωπος",
    "Latin": "tie\u0302\u0301ng",
}
WITHOUT_BLANKS = {"THAI", "LAO", "KHMER", "MYANMAR", "CJK", "HIRAGANA", "KATAKANA", "HANGUL"}
# What folds in unusual ways: contextual and special lower case, composition, order of marks, expansions, Hangul.
DELICATE = [
    "ΟΔΥΣΣΕΥΣ ΣΤΟ ΠΛΟΙΟ",
    "İSTANBUL Iı İ\u0323",
    "e\u0301\u0323 \u1ebf\u0323",
    "নে\u09be কো \u09c7\u09be",
    "မြန်မာ \u1037\u103a \u103a\u1037",
    "\u1100\u1161\u11a8 가\u11a8 한국어",
    "ｶﾞﾗｽ ﷺ ½ … ﬁ ㍿ Ⅷ",
    "क\u093c \u0958 a_b x中y",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 🏳\ufe0f\u200d🌈 𐐀",
    "\0 \uffff \U0010ffff",
    "\u0301" * 70 + "\u0323" * 70,
]
ANY_TEXT = st.text(
    st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from("aAΣσİ.' _9٣中あ가ท้कि\u0301\u0323\u200c\u200d\u09c7\u09be\u1100\u1161"),
    ),
    max_size=24,
)


def keys_of(used: Kernels, texts: list[str], bits: int = FEATURE_BITS) -> list[int]:
    return sorted(used.feature_keys(pa.array(texts, pa.large_string()), bits).tolist())


@pytest.mark.parametrize("script", WORDS)
@pytest.mark.parametrize("used", KERNELS)
def test_no_word_is_cut_within(script: str, used: Kernels) -> None:
    word = unicodedata.normalize("NFKC", WORDS[script]).lower()
    size = len(word)
    # Cut anywhere, a word would have fewer windows of some sizes, or more words.
    expected = 1 + sum(max(0, size + 2 - window + 1) for window in (3, 4, 5))
    if unicodedata.name(word[0]).split()[0] in WITHOUT_BLANKS:
        expected = sum(max(0, size - window + 1) for window in (1, 2, 3))
    assert len(keys_of(used, [word])) == expected
    assert len(keys_of(used, [f"«{word}»"])) == expected


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKD"])
@pytest.mark.parametrize("text", [*DELICATE, *WORDS.values()])
def test_kernels_agree_on(text: str, form: str) -> None:
    changed = unicodedata.normalize(form, text)
    texts = [changed, changed.upper(), changed[::-1], changed * 9, f"{changed} {text}"]
    assert keys_of(KERNELS[0], texts) == keys_of(KERNELS[1], texts)


@settings(deadline=None, max_examples=200)
@given(st.lists(ANY_TEXT, max_size=8), st.integers(4, FEATURE_BITS))
def test_kernels_agree_on_any_texts(texts: list[str], bits: int) -> None:
    assert keys_of(KERNELS[0], texts, bits) == keys_of(KERNELS[1], texts, bits)


def test_kernels_agree_on_long_texts_and_many_short_ones() -> None:
    words = [*WORDS.values(), *DELICATE]
    texts = ["".join(words) * 60, *[""] * 2000, "x", *["a b"] * 2000, "中" * 9000, "ﷺ" * 3000]
    assert keys_of(KERNELS[0], texts) == keys_of(KERNELS[1], texts)


@pytest.mark.parametrize("used", KERNELS)
@pytest.mark.parametrize("before", [0, 3, 500])
def test_invalid_utf8_is_named(used: Kernels, before: int) -> None:
    texts = pa.array([*[b"fine \xc3\xa9"] * before, b"bad \xc3", b"\xa9 too"], pa.large_binary())
    with pytest.raises(InvalidTextError, match=f"text {before} is not valid UTF-8"):
        used.feature_keys(texts.view(pa.large_string()), FEATURE_BITS)


WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None
import pyarrow as pa
from curation.mining.lexical import kernels
from curation.mining.lexical.features import count_features
kernels.warm_up()
assert isinstance(kernels.kernels(), kernels.NumpyKernels)
assert count_features(pa.array(["boats"])).nnz == 12
"""


def test_it_works_without_numba() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_NUMBA], check=True)


def test_nothing_to_count() -> None:
    for used in KERNELS:
        keys = used.feature_keys(pa.array([], pa.large_string()), FEATURE_BITS)
        assert keys.dtype == np.uint32
        assert len(keys) == 0
