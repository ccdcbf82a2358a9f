from __future__ import annotations

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.text import as_arrow, fold, is_unseen, normalise

# Real sentences whose marks, joiners and apostrophes are letters: none may lose one.
SENTENCES = {
    "Deva": "संख्या‍ओं में हिन्दी के शब्द",
    "Thai": "ที่นี่มีน้ำดื่มสะอาด",
    "Mymr": "မြန်မာဘာသာစကားကို လေ့လာနေပါတယ်",
    "Khmr": "ខ្ញុំរៀនភាសាខ្មែរ",
    "Taml": "நான் தமிழ் படிக்கிறேன்",
    "Arab": "أُحِبُّ القِراءَةَ كثيرًا",
    "Arab-fas": "می‌خواهم فارسی بخوانم",
    "Hebr": "שָׁלוֹם עֲלֵיכֶם",
    "Hang": "한국어를 배우고 있어요",
    "Jpan": "ガラスの靴が「ぴったり」でした。",
    "Hans": "我爱北京天安门，天安门上太阳升。",
    "Cyrl": "Мой дядя самых честных правил, ещё й",
    "Latn-vie": "Tiếng Việt có nhiều dấu thanh",
    "Latn-haw": "ʻO ka ʻōlelo Hawaiʻi",
    "Latn-yor": "Ẹ káàárọ̀, ṣé dáadáa ni?",
    "Tibt": "བོད་ཡིག་སློབ་སྦྱོང་",
    "Geor": "მე ვსწავლობ ქართულს",
    "Ethi": "አማርኛ እየተማርኩ ነው",
}


@pytest.mark.parametrize("sentence", SENTENCES.values(), ids=SENTENCES)
def test_no_script_is_harmed(sentence: str) -> None:
    expected = unicodedata.normalize("NFC", sentence)
    assert normalise(pa.array([sentence])).to_pylist() == [expected]
    assert normalise(pa.array([unicodedata.normalize("NFD", sentence)])).to_pylist() == [expected]


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("  a \u00a0\u3000b  ", "a b"),
        ("a\r\n\r\n  b\rc", "a\nb\nc"),
        ("\ufeffשלום\u200f", "שלום"),
        ("a\u202eb\u2066c\u2069", "abc"),
        ("a\x00b\x07c\x9fd", "a b c d"),
        ("e\u200f\u0301", "é"),
        ("\x01a", "a"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("\u200f\u202a ", ""),
        ("", ""),
    ],
)
def test_what_carries_no_meaning_goes(given_text: str, expected: str) -> None:
    assert normalise(pa.array([given_text])).to_pylist() == [expected]


def test_code_keeps_its_layout() -> None:
    code = "def f():\n\treturn  1\n"
    assert normalise(pa.array(["\n" + code]), keep_layout=True).to_pylist() == ["def f():\n\treturn  1"]


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(pa.array([text], pa.string()))
    assert normalise(once).to_pylist() == once.to_pylist()


@pytest.mark.parametrize(("left", "right"), [("Ｆｕｌｌ", "full"), ("ÉTÉ", "été"), ("ПРИВЕТ", "привет"), ("ﬁ", "fi")])
def test_folding_joins_what_counts_as_the_same(left: str, right: str) -> None:
    folded = fold(pa.array([left, unicodedata.normalize("NFD", right)])).to_pylist()
    assert folded[0] == folded[1]


def test_as_arrow_takes_sequences_and_arrays() -> None:
    assert as_arrow(["a", "б"]).to_pylist() == ["a", "б"]
    assert as_arrow(pa.chunked_array([["a"], ["б"]])).to_pylist() == ["a", "б"]


@pytest.mark.parametrize("wrong", [[1, 2], pa.array([1.5])])
def test_as_arrow_refuses_what_is_not_text(wrong: object) -> None:
    with pytest.raises((TypeError, pa.ArrowInvalid)):
        as_arrow(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("sentence", SENTENCES.values(), ids=SENTENCES)
def test_every_letter_is_seen(sentence: str) -> None:
    assert not any(map(is_unseen, sentence))


@pytest.mark.parametrize(
    "char", ["\x00", "\n", "\x7f", "\x85", "\u200e", "\u202e", "\u2066", "\u2028", "\ufeff", "\ud800"]
)
def test_what_acts_is_unseen(char: str) -> None:
    assert is_unseen(char)
