from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.langid.prepare import MAX_CHARS, prepare


def _prepare(*texts: str | None) -> list[str]:
    found: list[str] = prepare(pa.array(texts, pa.string())).to_pylist()
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Guten Tag", "Guten Tag"),
        ("one\ntwo\r\n\tthree", "one two three"),
        ("one\u2028two\u2029three\u0085four\x00five", "one two three four five"),
        ("<p class='a'>Привет</p>", " Привет "),
        ("a < b and b > c, 3<4", "a < b and b > c, 3<4"),
        ("Salz &amp; Pfeffer &#8364; &nbsp;", "Salz Pfeffer "),
        ("AT&T; R&D", "AT&T; R&D"),
        ("voir https://example.org/a?b=c#d ici", "voir ici"),
        ("voir www.example.org ici", "voir ici"),
        ("请看https://example.org/a。谢谢", "请看 。谢谢"),
        ("ดูที่https://example.org/aได้เลย", "ดูที่ ได้เลย"),
        ("<https://example.org/рынок>", " "),
        ("напишите me.you+x@mail.example.org сегодня", "напишите сегодня"),
        ("appelez `make_all()` puis `make test`", "appelez puis "),
        ("%(count)d fichiers sur %(total)s", " fichiers sur "),
        ("%s من %1$s و %.2f", " من و "),
        ("100% sure, 50%der", "100% sure, 50%der"),
        ("{0} वस्तुएँ, {name}, ${path}, {{ user.name }}", " वस्तुएँ, , , "),
        ("क्षेत्र र्‍य நாங்கள் ที่นี่ שָׁלוֹם", "क्षेत्र र्‍य நாங்கள் ที่นี่ שָׁלוֹם"),
        ("می‌روم", "می‌روم"),
        ("", ""),
    ],
)
def test_what_is_in_no_language_is_taken_out(text: str, expected: str) -> None:
    assert _prepare(text) == [expected]


def test_null_is_empty() -> None:
    assert _prepare(None, "да", None) == ["", "да", ""]


def test_long_texts_are_cut_between_characters() -> None:
    assert _prepare("𠮷" * (MAX_CHARS + 5)) == ["𠮷" * MAX_CHARS]
    assert _prepare("`code` " * MAX_CHARS + "da") == [" da"]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_arrays_may_be_empty_or_a_slice(kind: pa.DataType) -> None:
    assert prepare(pa.array([], kind)).to_pylist() == []
    assert prepare(pa.array(["a", None, "b c"], kind)[1:]).to_pylist() == ["", "b c"]


@given(st.lists(st.text(max_size=60)))
def test_every_text_is_one_line(texts: list[str]) -> None:
    lines = _prepare(*texts)
    assert len(lines) == len(texts)
    assert not any(set(line) & set("\n\r\t\f\x00\u0085\u2028\u2029") for line in lines)
