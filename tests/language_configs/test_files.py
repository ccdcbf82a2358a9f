from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from language_configs.files import read_yaml


def _read(folder: Path, text: str) -> object:
    file = folder / "some.yml"
    file.write_text(text, encoding="utf-8")
    return read_yaml(file)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[no, yes, on, off, y, N]", ["no", "yes", "on", "off", "y", "N"]),
        ("[true, false, True]", [True, False, "True"]),
        ("[null, ~, Null]", [None, "~", "Null"]),
        ("""["true", 'null', "\\u0964"]""", ["true", "null", "।"]),
        ("[1E5, 0x10, 12, 1.5, 1:30, 2024-01-01]", ["1E5", "0x10", "12", "1.5", "1:30", "2024-01-01"]),
        ("{0: a, no: b}", {"0": "a", "no": "b"}),
        ("name: Norwegian Bokmål", {"name": "Norwegian Bokmål"}),
        ("<<: {a: b}", {"<<": {"a": "b"}}),
        ("", None),
    ],
)
def test_scalars_are_strings_or_true_or_false_or_null(tmp_path: Path, text: str, expected: object) -> None:
    assert _read(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("!!python/object/apply:os.getcwd []", "the tag '.*os.getcwd' is not allowed"),
        ("a: !foo b", "the tag '!foo' is not allowed"),
        ("a: &x [1]\nb: *x", "anchors are not allowed"),
        ("a: &a [b]\nb: &b [*a, *a]\nc: &c [*b, *b]", "anchors are not allowed"),
        ("a: b\na: c", "the key 'a' stands twice"),
        ("? [a]\n: b", "a key must be a word"),
        ("a: [", "while parsing"),
        ("\ta: b", "cannot start any token"),
        ("a: b\n---\na: c", "expected a single document"),
    ],
)
def test_what_could_hide_something_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(yaml.YAMLError, match=problem):
        _read(tmp_path, text)


def test_text_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "some.yml").write_bytes("name: Bokmål".encode("latin-1"))
    with pytest.raises(UnicodeDecodeError):
        read_yaml(tmp_path / "some.yml")


@given(st.text(alphabet="ab:-[]{}&*!?#'\"|>%@`, \n\t", max_size=30))
def test_any_text_is_data_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    try:
        found = _read(tmp_path_factory.getbasetemp(), text)
    except yaml.YAMLError:
        return
    assert found is None or isinstance(found, str | list | dict)
