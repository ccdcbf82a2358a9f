from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import ReleaseError
from curation.export.sinks import check_file, open_sink, to_line

SCHEMA = pa.schema([("query", pa.string()), ("neg", pa.list_(pa.string()))])


@given(st.text())
def test_a_line_of_json_is_one_line_for_every_reader(text: str) -> None:
    line = to_line({"text": text})
    assert line.splitlines() == [line[:-1]]
    assert json.loads(line) == {"text": text}


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl"])
def test_what_is_written_is_checked(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with open_sink(path, SCHEMA) as write:
        write(pa.table([["q", "ქ"], [["a"], ["b", "c"]]], schema=SCHEMA))
        assert not path.exists()
        write(pa.table([["x" * 3_000_000], [["y"]]], schema=SCHEMA))
    check_file(path, SCHEMA, 3)
    with pytest.raises(ReleaseError, match="does not hold what was written"):
        check_file(path, SCHEMA, 4)


def test_a_file_that_fails_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), open_sink(tmp_path / "a.jsonl", SCHEMA):
        1 / 0  # noqa: B018
    assert list(tmp_path.iterdir()) == []


def test_texts_that_a_reader_of_json_takes_for_dates_are_found(tmp_path: Path) -> None:
    with open_sink(tmp_path / "a.jsonl", SCHEMA) as write:
        write(pa.table([["2024-05-17", "2024-05-18"], [["a"], ["b"]]], schema=SCHEMA))
    with pytest.raises(ReleaseError, match="query reads as timestamp"):
        check_file(tmp_path / "a.jsonl", SCHEMA, 2)
