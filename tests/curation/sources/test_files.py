from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import SourceError
from curation.sources import files
from curation.sources.files import (
    MAX_LINE_BYTES,
    SourceFile,
    combined_digest,
    fingerprint,
    public_name,
    read_lines,
    redacted,
)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"a\nb\n", [(1, b"a"), (2, b"b")]),
        (b"a\n\nb", [(1, b"a"), (2, b""), (3, b"b")]),
        (b"a\r\nb\r\n", [(1, b"a\r"), (2, b"b\r")]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", [(1, b"a"), (2, b"\xef\xbb\xbfb")]),
        ("a\u2028b\u0085c\x0bd\n".encode(), [(1, "a\u2028b\u0085c\x0bd".encode())]),
    ],
)
def test_lines(content: bytes, expected: list[tuple[int, bytes]], tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    assert list(read_lines(str(tmp_path / "x"))) == expected


@given(content=st.binary(max_size=300))
def test_lines_are_the_file(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("lines") / "x"
    path.write_bytes(b"." + content)
    lines = [data for _, data in read_lines(str(path)) if data is not None]
    assert b"\n".join(lines) == (b"." + content).removesuffix(b"\n")


@pytest.mark.parametrize("extra", [0, 1, 7_000_000])
def test_a_long_line_is_not_kept(extra: int, tmp_path: Path) -> None:
    long = b"x" * (MAX_LINE_BYTES + extra)
    (tmp_path / "x").write_bytes(b"a\n" + long + b"\nb\n" + long)
    kept = None if extra else long
    assert list(read_lines(str(tmp_path / "x"))) == [(1, b"a"), (2, kept), (3, b"b"), (4, kept)]


def test_a_cut_archive_tells_how_far_it_was_read(tmp_path: Path) -> None:
    stored = gzip.compress("".join(f"line {n} {n * 2654435761 % 2**32}\n" for n in range(20_000)).encode())
    (tmp_path / "x.gz").write_bytes(stored[:-2000])
    seen: list[files.Line] = []
    with pytest.raises(SourceError, match="cannot be read to its end") as caught:
        seen.extend(read_lines(str(tmp_path / "x.gz")))
    assert f"after {len(seen):,} lines" in caught.value.why
    assert caught.value.where.endswith("x.gz")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_named(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes("\ufeffпривет\n".encode(encoding))
    with pytest.raises(SourceError) as caught:
        list(read_lines(str(tmp_path / "x")))
    assert "UTF-16" in caught.value.why
    assert "iconv" in caught.value.hint


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/nowhere/x.jsonl", "not there"),
        ("memory://nowhere/x.jsonl", "not there"),
        ("nosuch://x/y", "cannot be read"),
    ],
)
def test_a_missing_file(path: str, what: str) -> None:
    with pytest.raises(SourceError, match=what):
        list(read_lines(path))


def test_fingerprint_of_one_file_is_its_sha256(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes("Բարեւ".encode())
    found = fingerprint(SourceFile("s", str(tmp_path / "x"), "x"))
    assert found == {"file": "x", "bytes": 10, "sha256": hashlib.sha256("Բարեւ".encode()).hexdigest()}


def test_fingerprint_is_the_same_for_a_remote_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    with fsspec.open("memory://prints/x", "wb") as stream:
        stream.write(b"abc")
    assert fingerprint(SourceFile("s", "memory://prints/x", "x")) == fingerprint(
        SourceFile("s", str(tmp_path / "x"), "x")
    )


def test_fingerprint_of_two_files_tells_them_apart(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"bb")
    one = fingerprint(SourceFile("s", str(tmp_path / "a"), "a", str(tmp_path / "b")))
    other = fingerprint(SourceFile("s", str(tmp_path / "b"), "a", str(tmp_path / "a")))
    assert one["bytes"] == other["bytes"] == 3
    assert one["sha256"] != other["sha256"]


def test_fingerprint_of_a_folder_sees_names_and_bytes_but_no_hidden_files(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "x").write_bytes(b"abc")
    file = SourceFile("s", str(folder), "default/train")
    before = fingerprint(file)
    (folder / ".cache").mkdir()
    (folder / ".cache" / "y").write_bytes(b"y")
    assert fingerprint(file) == before
    (folder / "sub" / "x").rename(folder / "sub" / "z")
    assert fingerprint(file)["sha256"] != before["sha256"]


@given(contents=st.lists(st.binary(max_size=20), min_size=1, max_size=4))
def test_one_digest_for_all_files_is_that_of_a_folder_of_them(
    contents: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("files")
    for number, content in enumerate(contents):
        (folder / f"{number}").write_bytes(content)
    each = [fingerprint(SourceFile("s", str(folder / f"{n}"), f"{n}")) for n in range(len(contents))]
    whole = fingerprint(SourceFile("s", str(folder), "default/train"))
    assert combined_digest(each) == (whole["sha256"] if len(each) > 1 else each[0]["sha256"])


def test_fingerprint_of_a_hub_dataset_is_its_revision() -> None:
    revision = "0123456789abcdef" * 2 + "01234567"
    file = SourceFile("s", f"{files.HUB_SCHEME}org/name@{revision}", "default/train")
    assert fingerprint(file) == {"file": "default/train", "bytes": 0, "sha256": revision}


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/data/x.jsonl", "/data/x.jsonl"),
        ("s3://bucket/x.jsonl", "s3://bucket/x.jsonl"),
        ("https://me:secret@host/x.jsonl?token=secret#part", "https://host/x.jsonl"),
    ],
)
def test_public_name_holds_no_secret(path: str, shown: str) -> None:
    assert public_name(path) == shown


@pytest.mark.parametrize(
    "text", ["token hf_abcdefSECRETgh refused", "GET https://me:SECRET@host/x", "GET https://host/x?sig=SECRET&a=b"]
)
def test_messages_hold_no_secret(text: str) -> None:
    assert "SECRET" not in redacted(text)
