"""What holds for every format: the same table of failures and round trips over all of them."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.errors import SourceError
from curation.sources import fingerprint, list_files, read_file

Writer = Callable[[Path, list[dict[str, str]]], None]


def _write_parquet(path: Path, rows: list[dict[str, str]]) -> None:
    pq.write_table(
        pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in rows[0]])), path, row_group_size=3
    )


def _write_jsonl(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8", newline="\n")


def _write_ascii_jsonl(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("\r\n".join(json.dumps(row) for row in rows), encoding="ascii", newline="")


def _write_csv(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _write_tsv(path: Path, rows: list[dict[str, str]]) -> None:
    lines = ["\t".join(rows[0]), *("\t".join(row[name] for name in rows[0]) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _packed(writer: Writer, pack: Callable[[bytes], bytes]) -> Writer:
    def write(path: Path, rows: list[dict[str, str]]) -> None:
        writer(path, rows)
        path.write_bytes(pack(path.read_bytes()))

    return write


WRITERS = {
    "parquet": ("parquet", "x.parquet", _write_parquet),
    "jsonl": ("jsonl", "x.jsonl", _write_jsonl),
    "jsonl-ascii": ("jsonl", "x.jsonl", _write_ascii_jsonl),
    "jsonl.gz": ("jsonl", "x.jsonl.gz", _packed(_write_jsonl, gzip.compress)),
    "jsonl.zst": ("jsonl", "x.jsonl.zst", _packed(_write_jsonl, lambda data: zstandard.compress(data))),
    "csv": ("csv", "x.csv", _write_csv),
    "csv.gz": ("csv", "x.csv.gz", _packed(_write_csv, gzip.compress)),
    "tsv": ("tsv", "x.tsv", _write_tsv),
    "tsv.zst": ("tsv", "x.tsv.zst", _packed(_write_tsv, lambda data: zstandard.compress(data))),
}
every_format = pytest.mark.parametrize(("form", "name", "write"), WRITERS.values(), ids=WRITERS)
COLUMNS = {"query": "source text", "positive": "target"}


def _rows(pairs: list[tuple[str, str]]) -> list[dict[str, str]]:
    """A table as users have it: other names, another order, a column too many; no tabs, which TSV cannot hold."""
    return [{"target": b, "number": str(n), "source text": a.replace("\t", " ")} for n, (a, b) in enumerate(pairs)]


@every_format
@pytest.mark.parametrize("batch_rows", [1, 4, 1000])
def test_real_sentences_come_back(
    form: str, name: str, write: Writer, batch_rows: int, pairs: Any, declare: Any, read_whole: Any, tmp_path: Path
) -> None:
    rows = _rows(pairs)
    write(tmp_path / name, rows)
    source = declare(form, name, columns=COLUMNS, query_language="eng_Latn", positive_language="de")
    whole = read_whole(source, tmp_path, batch_rows)
    assert whole.pairs() == [(row["source text"], row["target"]) for row in rows]
    assert whole.rejected == []
    assert {(row["query_language"], row["positive_language"]) for row in whole.rows} == {("eng_Latn", "deu_Latn")}
    assert {row["file"] for row in whole.rows} == {name}
    first = 2 if form in ("csv", "tsv") else 1
    assert [row["row"] for row in whole.rows] == list(range(first, first + len(rows)))
    assert all(row["negatives"] == [] for row in whole.rows)


@every_format
def test_a_url_reads_as_the_file_does(
    form: str, name: str, write: Writer, pairs: Any, declare: Any, read_whole: Any, tmp_path: Path
) -> None:
    write(tmp_path / name, _rows(pairs))
    with fsspec.open(f"memory://formats/{name}", "wb") as stream:
        stream.write((tmp_path / name).read_bytes())
    local, remote = (declare(form, path, columns=COLUMNS) for path in (name, f"memory://formats/{name}"))
    assert read_whole(remote) == read_whole(local, tmp_path)
    assert fingerprint(list_files(remote, tmp_path)[0]) == fingerprint(list_files(local, tmp_path)[0])


@every_format
def test_languages_of_a_column(
    form: str, name: str, write: Writer, declare: Any, read_whole: Any, tmp_path: Path
) -> None:
    codes = ["de", "pt_BR", "jpn", "klingonish", "hin"]
    write(tmp_path / name, [{"query": "hello", "positive": "hallo", "lang": code} for code in codes])
    source = declare(form, name, query_language="eng_Latn", positive_language={"column": "lang"})
    whole = read_whole(source, tmp_path, 2)
    assert [row["positive_language"] for row in whole.rows] == ["deu_Latn", "por_Latn", "jpn_Jpan", "hin_Deva"]
    [reject] = whole.rejected
    assert (reject.reason, reject.decision) == ("unknown_language", "quarantined")
    assert "klingonish" in reject.detail


@every_format
def test_a_blank_language_is_undeclared(
    form: str, name: str, write: Writer, declare: Any, read_whole: Any, tmp_path: Path
) -> None:
    write(tmp_path / name, [{"query": "hello", "positive": "hallo", "lang": code} for code in ("deu", " ")])
    whole = read_whole(declare(form, name, query_language={"column": "lang"}), tmp_path)
    assert [row["query_language"] for row in whole.rows] == ["deu_Latn", ""]


@every_format
def test_blank_texts_are_put_aside_or_end_the_run(
    form: str, name: str, write: Writer, declare: Any, read_whole: Any, tmp_path: Path
) -> None:
    texts = [("a", "b"), ("", "b"), ("a", " \u3000"), ("c", "d")]
    write(tmp_path / name, [{"query": a, "positive": b} for a, b in texts])
    whole = read_whole(declare(form, name), tmp_path)
    assert whole.pairs() == [("a", "b"), ("c", "d")]
    assert [reject.reason for reject in whole.rejected] == ["empty", "empty"]
    first = whole.rejected[0].row
    with pytest.raises(SourceError, match="empty") as caught:
        read_whole(declare(form, name, on_bad_row="fail"), tmp_path)
    assert caught.value.where == f"{tmp_path / name}:{first}"


@every_format
def test_a_missing_column_names_those_that_exist(
    form: str, name: str, write: Writer, pairs: Any, declare: Any, read_whole: Any, tmp_path: Path
) -> None:
    write(tmp_path / name, _rows(pairs))
    for columns in ({"query": "source text", "positive": "taget"}, {**COLUMNS, "negatives": ["taget"]}):
        with pytest.raises(SourceError, match="taget") as caught:
            read_whole(declare(form, name, columns=columns), tmp_path)
        assert "did you mean 'target'" in caught.value.hint
        assert all(repr(column) in caught.value.why for column in ("target", "source text", "number"))
        assert caught.value.where == str(tmp_path / name)


@every_format
def test_negatives_in_several_columns(
    form: str, name: str, write: Writer, declare: Any, read_whole: Any, tmp_path: Path
) -> None:
    rows = [
        ("q", "p", "n1", "n2"),
        ("q", "p", "", "n4"),
        ("q", "p", " ", ""),
        ("", "p", "n5", "n6"),
        ("q", "p", "न", "น"),
    ]
    write(tmp_path / name, [dict(zip(("query", "positive", "a", "b"), row, strict=True)) for row in rows])
    whole = read_whole(declare(form, name, columns={"negatives": ["b", "a"]}), tmp_path)
    assert [row["negatives"] for row in whole.rows] == [["n2", "n1"], ["n4"], [], ["น", "न"]]


def _whole_or_error(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except SourceError as error:
        return error


@every_format
def test_a_cut_file_is_an_error_or_a_reject_but_never_other_rows(
    form: str, name: str, write: Writer, pairs: Any, declare: Any, read_whole: Any, tmp_path: Path
) -> None:
    rows = _rows(pairs)
    write(tmp_path / name, rows)
    whole = (tmp_path / name).read_bytes()
    expected = [(row["source text"], row["target"]) for row in rows]
    for share in (0.3, 0.6, 0.95):
        (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
        found = _whole_or_error(lambda: read_whole(declare(form, name, columns=COLUMNS), tmp_path))
        if name.endswith((".gz", ".zst", ".parquet")):
            assert isinstance(found, SourceError)
            assert name in found.where
            continue
        # A text file can be cut inside its last row in a way that nobody can see.
        assert found.pairs()[:-1] == expected[: max(len(found.rows) - 1, 0)]
        assert len(found.rejected) <= 1


@every_format
def test_a_file_that_is_something_else(
    form: str, name: str, write: Writer, declare: Any, read_whole: Any, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\n" * 20)
    with pytest.raises(SourceError) as caught:
        read_whole(declare(form, name), tmp_path)
    assert name in caught.value.where
    assert caught.value.hint


@every_format
def test_a_file_that_vanishes(form: str, name: str, write: Writer, pairs: Any, declare: Any, tmp_path: Path) -> None:
    write(tmp_path / name, _rows(pairs))
    source = declare(form, name, columns=COLUMNS)
    [file] = list_files(source, tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(SourceError, match="not there"):
        next(read_file(source, file, batch_rows=10))


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ROWS = st.lists(st.fixed_dictionaries({"query": TEXT, "positive": TEXT}), min_size=1, max_size=12)
TAME = str.maketrans(dict.fromkeys("\t\n\r", " "))


@every_format
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, batch_rows=st.integers(1, 5))
def test_any_text_comes_back_and_no_row_is_lost(
    form: str,
    name: str,
    write: Writer,
    rows: list[dict[str, str]],
    batch_rows: int,
    declare: Any,
    read_whole: Any,
    tmp_path: Path,
) -> None:
    if form == "tsv":  # without quoting it cannot hold these
        rows = [{key: text.translate(TAME) for key, text in row.items()} for row in rows]
    write(tmp_path / name, rows)
    whole = read_whole(declare(form, name), tmp_path, batch_rows)
    sound = [(row["query"], row["positive"]) for row in rows if row["query"].strip() and row["positive"].strip()]
    # Python and Arrow differ on which separators are white space, so only texts without any are compared exactly.
    plain = [pair for pair in sound if all(text.isprintable() for text in pair)]
    assert [pair for pair in whole.pairs() if all(text.isprintable() for text in pair)] == plain
    assert len(whole.rows) + len(whole.rejected) == len(rows)
    numbers = [row["row"] for row in whole.rows] + [reject.row for reject in whole.rejected]
    assert len(set(numbers)) == len(rows)


MO_HEAD = b"\xde\x12\x04\x95"
PIECES = st.sampled_from(
    [
        b"msgid ",
        b"msgstr ",
        b"msgid_plural ",
        b"msgstr[1] ",
        b'"a"',
        b'"',
        b"\n",
        b"#~ ",
        b"#, fuzzy",
        b"charset=big5",
        b"{",
        b"}",
        b'{"query": "a", "positive": "b"}',
        b",",
        b"\t",
        b"\r",
        b"\xff",
        "\u0e19".encode(),
        b"\0",
        MO_HEAD,
        b"\x1f\x8b",
    ]
)


@pytest.mark.parametrize("form", ["jsonl", "csv", "tsv", "moses", "gettext"])
@pytest.mark.parametrize("name", ["x.po", "x.mo"])
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.lists(PIECES | st.binary(max_size=6), max_size=25).map(b"".join))
def test_whatever_the_bytes_a_file_is_read_or_refused(
    form: str, name: str, content: bytes, declare: Any, read_whole: Any, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    more = {"moses": {"positive_path": name}, "gettext": {}}.get(form, {"columns": {"query": "a", "positive": "b"}})
    found = _whole_or_error(lambda: read_whole(declare(form, name, **more), tmp_path))
    if isinstance(found, SourceError):
        assert name in found.where
    else:
        numbers = [row["row"] for row in found.rows] + [reject.row for reject in found.rejected]
        assert all(number >= 1 for number in numbers)
