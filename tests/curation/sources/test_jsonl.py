from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation.errors import SourceError
from curation.sources.files import MAX_LINE_BYTES
from curation.sources.jsonl import PROBE_ROWS

GOOD = '{"query": "Where?", "positive": "Où ?"}'.encode()


def _write(folder: Path, *lines: bytes) -> None:
    (folder / "x.jsonl").write_bytes(b"\n".join(lines) + b"\n")


BAD_LINES = [
    (b'{"query": "a", "positive": "\xff\xfe"}', "bad_bytes", "0xff"),
    (b'{"query": "a", "positive": "b"', "invalid_json", "line 1"),
    (b'{"query": "a" "positive": "b"}', "invalid_json", "delimiter"),
    (b"[" * 100_000, "invalid_json", "recursion"),
    (b'{"n": ' + b"9" * 5_000 + b', "query": "a", "positive": "b"}', "invalid_json", "digits"),
    (b'["a", "b"]', "invalid_json", "list"),
    (b'"just text"', "invalid_json", "str"),
    (b"\0", "invalid_json", "Expecting"),
    (b'{"query": "a"}', "missing_key", "'positive'"),
    (b'{"query": "a", "positive": null}', "null", "positive"),
    (b'{"query": 7, "positive": "b"}', "not_text", "int: 7"),
    (b'{"query": true, "positive": "b"}', "not_text", "bool"),
    (b'{"query": NaN, "positive": "b"}', "not_text", "float"),
    (b'{"query": "a", "positive": {"text": "b"}}', "not_text", "dict"),
    (b'{"query": ["a"], "positive": "b"}', "not_text", "list"),
    (b'{"query": "", "positive": "b"}', "empty", "query"),
    (b'{"query": "\\ud83d", "positive": "b"}', "lone_surrogate", "ud83d"),
    (b'{"query": "a", "positive": "b", "negatives": ["c", 5]}', "not_text", "int: 5"),
    (b'{"query": "a", "positive": "b", "negatives": [["c"]]}', "not_text", "list"),
    (b'{"query": "a", "positive": "b", "negatives": ["\\udc00"]}', "lone_surrogate", "udc00"),
    (b'{"query": "a", "positive": "b", "negatives": {"c": 1}}', "not_text", "dict"),
    (b'{"query": "a", "positive": "' + b"b" * MAX_LINE_BYTES + b'"}', "line_too_long", "10,000,000"),
]


@pytest.mark.parametrize(
    ("line", "reason", "detail"), BAD_LINES, ids=[f"{n}-{row[1]}" for n, row in enumerate(BAD_LINES)]
)
def test_a_bad_line_costs_itself_only(
    line: bytes, reason: str, detail: str, declare: Callable[..., Any], read_whole: Any, tmp_path: Path
) -> None:
    sound = b'{"query": "q", "positive": "p", "negatives": "n"}'
    _write(tmp_path, GOOD, line, sound)
    source = {"columns": {"negatives": ["negatives"]}}
    whole = read_whole(declare("jsonl", "x.jsonl", **source), tmp_path)
    assert [row["row"] for row in whole.rows] == [1, 3]
    assert [row["negatives"] for row in whole.rows] == [[], ["n"]]
    assert whole.reasons() == [(2, reason)]
    assert detail in whole.rejected[0].detail
    assert len(whole.rejected[0].detail) <= 200
    with pytest.raises(SourceError, match=reason) as caught:
        read_whole(declare("jsonl", "x.jsonl", on_bad_row="fail", **source), tmp_path)
    assert caught.value.where == f"{tmp_path}/x.jsonl:2"


def test_a_surrogate_pair_is_a_character(declare: Callable[..., Any], read_whole: Any, tmp_path: Path) -> None:
    _write(tmp_path, b'{"query": "\\ud83d\\ude00", "positive": "\\u0000ok"}')
    assert read_whole(declare("jsonl", "x.jsonl"), tmp_path).pairs() == [("😀", "\0ok")]


def test_blank_lines_are_no_rows(declare: Callable[..., Any], read_whole: Any, tmp_path: Path) -> None:
    _write(tmp_path, b"", GOOD, b"  \r", GOOD, b"")
    whole = read_whole(declare("jsonl", "x.jsonl"), tmp_path)
    assert [row["row"] for row in whole.rows] == [2, 4]
    assert whole.rejected == []


def test_an_empty_file_has_no_rows(declare: Callable[..., Any], read_whole: Any, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(b"")
    assert read_whole(declare("jsonl", "x.jsonl"), tmp_path).rows == []


def test_the_same_rows_for_every_batch_size(declare: Callable[..., Any], read_whole: Any, tmp_path: Path) -> None:
    _write(tmp_path, *(line for bad, _, _ in BAD_LINES[:-1] for line in (GOOD, bad)))
    source = declare("jsonl", "x.jsonl")
    whole = read_whole(source, tmp_path)
    for batch_rows in (1, 2, 3, 7):
        again = read_whole(source, tmp_path, batch_rows)
        assert again.rows == whole.rows
        assert again.rejected == whole.rejected


def test_a_json_array_is_recognised(declare: Callable[..., Any], read_whole: Any, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(json.dumps([{"query": "a", "positive": "b"}] * 3, indent=None))
    with pytest.raises(SourceError, match="no JSON objects") as caught:
        read_whole(declare("jsonl", "x.jsonl"), tmp_path)
    assert "jq" in caught.value.hint


def test_a_wrong_key_ends_a_long_file_early(declare: Callable[..., Any], read_whole: Any, tmp_path: Path) -> None:
    _write(tmp_path, *[b'{"query": "a", "positve": "b"}'] * PROBE_ROWS, b"never parsed")
    with pytest.raises(SourceError, match="no column 'positive'") as caught:
        read_whole(declare("jsonl", "x.jsonl"), tmp_path)
    assert "did you mean 'positve'" in caught.value.hint


def test_a_key_of_negatives_may_come_late(declare: Callable[..., Any], read_whole: Any, tmp_path: Path) -> None:
    late = b'{"query": "a", "positive": "b", "hard": ["c"]}'
    _write(tmp_path, *[GOOD] * (PROBE_ROWS + 5), late)
    whole = read_whole(declare("jsonl", "x.jsonl", columns={"negatives": ["hard"]}), tmp_path)
    assert whole.rows[-1]["negatives"] == ["c"]
    assert len(whole.rows) == PROBE_ROWS + 6
