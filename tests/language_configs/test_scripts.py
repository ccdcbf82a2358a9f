from __future__ import annotations

import sys
from itertools import chain, pairwise

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from language_configs.scripts import members, ranges


def _script(character: str) -> str:
    point = ord(character)
    found = [name for name, spans in ranges().items() if any(first <= point <= last for first, last in spans)]
    assert len(found) <= 1
    return "".join(found)


@pytest.mark.parametrize(
    ("character", "script"),
    [
        ("a", "Latn"),
        ("ơ", "Latn"),
        ("ß", "Latn"),
        ("ж", "Cyrl"),
        ("ξ", "Grek"),
        ("ქ", "Geor"),
        ("ծ", "Armn"),
        ("ש", "Hebr"),
        ("گ", "Arab"),
        ("ހ", "Thaa"),
        ("क", "Deva"),
        ("ি", "Beng"),
        ("ਪ", "Guru"),
        ("ழ", "Taml"),
        ("ට", "Sinh"),
        ("ก", "Thai"),
        ("ລ", "Laoo"),
        ("ខ", "Khmr"),
        ("မ", "Mymr"),
        ("ཀ", "Tibt"),
        ("አ", "Ethi"),
        ("ⵣ", "Tfng"),
        ("ߒ", "Nkoo"),
        ("Ꮳ", "Cher"),
        ("あ", "Hira"),
        ("ア", "Kana"),
        ("漢", "Hani"),
        ("𠮷", "Hani"),
        ("ㄅ", "Bopo"),
        ("한", "Hang"),
        ("𞤀", "Adlm"),
    ],
)
def test_a_letter_belongs_to_its_script(character: str, script: str) -> None:
    assert _script(character) == script


@pytest.mark.parametrize("character", [" ", "\n", "7", ".", "।", "、", "ー", "😀", "\u200d", "\u0301", "€", "\ue000"])
def test_what_scripts_share_belongs_to_none(character: str) -> None:
    assert _script(character) == ""


@given(st.characters(categories=["L", "M", "N", "P", "S"]))
def test_the_table_agrees_with_unicode(character: str) -> None:
    script = _script(character)
    expected = rf"\p{{Script={script}}}" if script else r"[\p{Script=Common}\p{Script=Inherited}]"
    assert regex.fullmatch(expected, character)


def test_ranges_are_in_order_and_do_not_touch() -> None:
    for name, spans in ranges().items():
        assert all(0 <= first <= last <= sys.maxunicode for first, last in spans), name
        assert all(before[1] + 1 < after[0] for before, after in pairwise(spans)), name
    spans = sorted(chain.from_iterable(ranges().values()))
    assert all(before[1] < after[0] for before, after in pairwise(spans))


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("Latn", {"Latn"}),
        ("Hans", {"Hani", "Bopo"}),
        ("Hant", {"Hani", "Bopo"}),
        ("Jpan", {"Hira", "Kana", "Hani"}),
        ("Hang", {"Hang", "Hani"}),
        ("Kore", {"Hang", "Hani"}),
    ],
)
def test_a_writing_system_can_have_several_scripts(script: str, expected: set[str]) -> None:
    assert members(script) == expected
