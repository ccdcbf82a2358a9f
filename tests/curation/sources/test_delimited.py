from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.errors import SourceError
from curation.sources.files import MAX_LINE_BYTES

HEAD = b"query,positive\n"

CSV_TABLE = [
    pytest.param(b"a,b\r\nc,d\r\n", [("a", "b"), ("c", "d")], [], id="crlf"),
    pytest.param('"a, ""b""\nc",দেশ\n'.encode(), [('a, "b"\nc', "দেশ")], [], id="quotes and a line end"),
    pytest.param(b'"a\r\nb",c\n', [("a\r\nb", "c")], [], id="line ends inside quotes stay"),
    pytest.param(b'5" disk,x\nd,e\n', [('5" disk', "x"), ("d", "e")], [], id="a quote inside a field is a character"),
    pytest.param(b"\na,b\n  \nc,d\n", [("a", "b"), ("c", "d")], [], id="blank lines"),
    pytest.param(b"a\nc,d\n", [("c", "d")], [(2, "field_count")], id="too few fields"),
    pytest.param(b"Hello, world,Bonjour\nc,d\n", [("c", "d")], [(2, "field_count")], id="too many fields"),
    pytest.param(b"a,\xffb\nc,d\n", [("c", "d")], [(2, "bad_bytes")], id="bad bytes"),
    pytest.param(b'"a\n\xff\nb",x\nc,d\n', [("c", "d")], [(2, "bad_bytes")], id="bad bytes in a record of three lines"),
    pytest.param(b'"a"b,x\nc,d\n', [("c", "d")], [(2, "bad_quotes")], id="text behind a closing quote"),
    pytest.param(b'"a,b\nc,d\ne,f\n', [("c", "d"), ("e", "f")], [(2, "bad_quotes")], id="never closed"),
    pytest.param(b'"a,b\nc,d\n"e",f\n', [("c", "d"), ("e", "f")], [(2, "bad_quotes")], id="closed by nobody"),
    pytest.param(
        b'"a,b\nc,d\n"e,f\ng,h\n',
        [("c", "d"), ("g", "h")],
        [(2, "bad_quotes"), (4, "bad_quotes")],
        id="two never closed",
    ),
    pytest.param(
        b'"a\n' + b"x" * (MAX_LINE_BYTES + 1) + b'\nb",c\nd,e\n',
        [('b"', "c"), ("d", "e")],
        [(2, "bad_quotes"), (3, "line_too_long")],
        id="a long line inside quotes",
    ),
    pytest.param(b"x" * 200_000 + b",b\n", [("x" * 200_000, "b")], [], id="a field over the csv module's own limit"),
]


@pytest.mark.parametrize(("body", "pairs", "reasons"), CSV_TABLE)
def test_csv(
    body: bytes, pairs: object, reasons: object, declare: Callable[..., Any], read_whole: Any, tmp_path: Path
) -> None:
    (tmp_path / "x.csv").write_bytes(HEAD + body)
    whole = read_whole(declare("csv", "x.csv"), tmp_path)
    assert whole.pairs() == pairs
    assert whole.reasons() == reasons


TSV_TABLE = [
    pytest.param(b'a "b\tc\r\n', [('a "b', "c")], [], id="quotes are characters"),
    pytest.param("a\u2028b\tв\x0bг\n".encode(), [("a\u2028b", "в\x0bг")], [], id="other line ends are characters"),
    pytest.param(b"a\nb\tc\td\ne\tf", [("e", "f")], [(2, "field_count"), (3, "field_count")], id="field count"),
    pytest.param(b"a\t\xc3\ne\tf", [("e", "f")], [(2, "bad_bytes")], id="bad bytes"),
    pytest.param(b"a\t\n\tb\n \tb\n", [], [(2, "empty"), (3, "empty"), (4, "empty")], id="empty fields"),
    pytest.param(b"x" * (MAX_LINE_BYTES + 1) + b"\na\tb\n", [("a", "b")], [(2, "line_too_long")], id="long line"),
]


@pytest.mark.parametrize(("body", "pairs", "reasons"), TSV_TABLE)
def test_tsv(
    body: bytes, pairs: object, reasons: object, declare: Callable[..., Any], read_whole: Any, tmp_path: Path
) -> None:
    (tmp_path / "x.tsv").write_bytes(b"query\tpositive\n" + body)
    whole = read_whole(declare("tsv", "x.tsv"), tmp_path)
    assert whole.pairs() == pairs
    assert whole.reasons() == reasons


@pytest.mark.parametrize(("form", "separator"), [("csv", ","), ("tsv", "\t")])
def test_without_a_header_columns_are_numbers(
    form: str, separator: str, declare: Callable[..., Any], read_whole: Any, tmp_path: Path
) -> None:
    lines = [b"\xff", *(separator.join(row).encode() for row in ("1aб", "2cд", "3e", "4gж"))]
    (tmp_path / "x").write_bytes(b"\n".join(lines))
    whole = read_whole(declare(form, "x", header=False, columns={"query": "2", "positive": "1"}), tmp_path)
    assert whole.pairs() == [("б", "a"), ("д", "c"), ("ж", "g")]
    assert whole.reasons() == [(1, "bad_bytes"), (4, "field_count")]
    with pytest.raises(SourceError, match="no column 'query'") as caught:
        read_whole(declare(form, "x", header=False), tmp_path)
    assert "'0', '1', '2'" in caught.value.why


@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_a_file_of_bad_rows_only(form: str, declare: Callable[..., Any], read_whole: Any, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\n\xfe\n")
    whole = read_whole(declare(form, "x", header=False), tmp_path)
    assert whole.reasons() == [(1, "bad_bytes"), (2, "bad_bytes")]


@pytest.mark.parametrize("form", ["csv", "tsv"])
@pytest.mark.parametrize("head", [b"", b"\n\n", b"query,\xff\n", b"x" * (MAX_LINE_BYTES + 1)])
def test_a_header_that_cannot_be_read(
    form: str, head: bytes, declare: Callable[..., Any], read_whole: Any, tmp_path: Path
) -> None:
    (tmp_path / "x").write_bytes(head)
    with pytest.raises(SourceError, match="no readable header") as caught:
        read_whole(declare(form, "x"), tmp_path)
    assert "header: false" in caught.value.hint


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.text('a",\n', max_size=40))
def test_any_quotes_end_in_rows_or_rejects_in_order(
    body: str, declare: Callable[..., Any], read_whole: Any, tmp_path: Path
) -> None:
    (tmp_path / "x.csv").write_text(body, newline="")
    whole = read_whole(declare("csv", "x.csv", header=False, columns={"query": "0", "positive": "0"}), tmp_path)
    numbers = sorted([row["row"] for row in whole.rows] + [reject.row for reject in whole.rejected])
    assert len(set(numbers)) == len(numbers)
    lines = body.split("\n")
    spanned = sum(row["query"].count("\n") for row in whole.rows)
    assert len(numbers) >= 1 or not body.strip()
    assert all(1 <= number <= len(lines) for number in numbers)
    assert spanned <= len(lines)
