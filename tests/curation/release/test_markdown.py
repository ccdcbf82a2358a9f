from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.release.markdown import escape, number, table, without_controls


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a|b", r"a\|b"),
        ("<i>\n", r"\<i\> "),
        ("`x`\u2066", r"\`x\` "),
        ("हिन्दी", "हिन्दी"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("ශ්\u200dරී ලංකාව", "ශ්\u200dරී ලංකාව"),
        ("അവന്\u200d", "അവന്\u200d"),
        ("👩\u200d🔬", "👩\u200d🔬"),
        ("\u202eمی\u200cخواهم\u2069", " می\u200cخواهم "),
        ("\ud800", " "),
        ("![x](y)", r"\!\[x\](y)"),
        ("a\u2028b\rc", "a b c"),
    ],
)
def test_escaping(text: str, expected: str) -> None:
    assert escape(text) == expected


@given(st.text(), st.text())
def test_no_cell_breaks_a_table(one: str, other: str) -> None:
    lines = table(("a", "b"), [(escape(one), escape(other))]).splitlines()
    assert len(lines) == 3
    assert lines[2].replace("\\\\", "").replace("\\|", "").count("|") == 3


def test_controls_that_are_kept() -> None:
    assert without_controls("a\nb\x1b[0m\u202e", keep="\n") == "a\nb [0m "


@pytest.mark.parametrize(("value", "expected"), [(1234567, "1,234,567"), ("x", "x"), (0.5, "0.5")])
def test_numbers(value: object, expected: str) -> None:
    assert number(value) == expected
