import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.report.visible import clip, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("abc\u202egnp.exe", "abc⟨U+202E⟩gnp.exe"),
        ("\u2066isolate\u2069", "⟨U+2066⟩isolate⟨U+2069⟩"),
        ("a\u200fb\u061cc", "a⟨U+200F⟩b⟨U+061C⟩c"),
        ("\ufeffmark", "⟨U+FEFF⟩mark"),
        ("zero\u200bwidth\u00adsoft", "zero⟨U+200B⟩width⟨U+00AD⟩soft"),
        ("\x00\x1b[31m\x7f", "␀␛[31m␡"),
        ("one\ntwo\r\tthree", "one↵two␍␉three"),
        ("line\u2028end\x85", "line⟨U+2028⟩end⟨U+0085⟩"),
        ("tag\U000e0041", "tag⟨U+E0041⟩"),
    ],
)
def test_what_acts_becomes_a_symbol(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "نمی‌توان این رکورد را حذف کرد.",  # ZWNJ
        "ക്‍ഷ മലയാളം",  # ZWJ
        "שָׁלוֹם",
        "لا يمكن حذف هذا السجل.",
        "यह रिकॉर्ड हटाया नहीं जा सकता।",
        "ไม่สามารถลบระเบียนนี้ได้",
        "このレコードは削除できません。",
        "이 레코드는 삭제할 수 없습니다.",
        "Эту запись нельзя удалить.",
        "ይህን መዝገብ ማጥፋት አይቻልም።",
        "இந்தப் பதிவை நீக்க முடியாது.",
        "\u06dd٣ \u0600٤",  # Arabic signs of the format category that are printed
        "👩\u200d💻",
    ],
)
def test_no_script_is_harmed(text: str) -> None:
    assert visible(text) == text


@given(st.text())
def test_nothing_invisible_is_left_and_doing_it_twice_changes_nothing(text: str) -> None:
    shown = visible(text)
    assert visible(shown) == shown
    assert not any(char < " " or char in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069" for char in shown)


@given(st.text(), st.integers(1, 20))
def test_clip_keeps_the_limit_and_the_beginning(text: str, limit: int) -> None:
    clipped = clip(text, limit)
    assert len(clipped) <= limit
    assert clipped == text or (clipped.endswith("…") and text.startswith(clipped[:-1]) and len(text) > limit)
