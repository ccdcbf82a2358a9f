from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation.errors import ConfigError, SourceError
from curation.sources import list_files
from curation.sources.files import MAX_LINE_BYTES


@pytest.fixture
def bitext(declare: Callable[..., Any]) -> Any:
    def build(**fields: object) -> Any:
        return declare("moses", "x.en", positive_path="x.other", **fields)

    return build


def _write(folder: Path, queries: bytes, positives: bytes) -> None:
    (folder / "x.en").write_bytes(queries)
    (folder / "x.other").write_bytes(positives)


def test_real_sentences(pairs: list[tuple[str, str]], bitext: Any, read_whole: Any, tmp_path: Path) -> None:
    _write(tmp_path, *("".join(f"{side}\n" for side in sides).encode() for sides in zip(*pairs, strict=True)))
    whole = read_whole(bitext(query_language="en", positive_language=None), tmp_path, 5)
    assert whole.pairs() == pairs
    assert {(row["query_language"], row["positive_language"], row["file"]) for row in whole.rows} == {
        ("eng_Latn", "", "x.en")
    }
    assert [row["row"] for row in whole.rows] == list(range(1, len(pairs) + 1))


TABLE = [
    (b"a\r\nb", b"\xef\xbb\xbf1\n2\n", [("a", "1"), ("b", "2")], []),
    (b"a\n\nb\n", b"1\n2\n3\n", [("a", "1"), ("b", "3")], [(2, "empty")]),
    (b"a\nb\n", b"1\n\xff\n", [("a", "1")], [(2, "bad_bytes")]),
    (b"a\nb\nc\nd\n", b"1\n2\n", [("a", "1"), ("b", "2")], [(3, "unaligned"), (4, "unaligned")]),
    (b"a", b"1\n2\n3", [("a", "1")], [(2, "unaligned"), (3, "unaligned")]),
    (b"", b"1\n", [], [(1, "unaligned")]),
    (b"", b"", [], []),
    (b"x" * (MAX_LINE_BYTES + 1) + b"\nb", b"1\n2\n", [("b", "2")], [(1, "line_too_long")]),
]


@pytest.mark.parametrize(("queries", "positives", "expected", "reasons"), TABLE)
@pytest.mark.parametrize("batch_rows", [1, 100])
def test_table(
    queries: bytes,
    positives: bytes,
    expected: object,
    reasons: object,
    batch_rows: int,
    bitext: Any,
    read_whole: Any,
    tmp_path: Path,
) -> None:
    _write(tmp_path, queries, positives)
    whole = read_whole(bitext(), tmp_path, batch_rows)
    assert whole.pairs() == expected
    assert whole.reasons() == reasons


@pytest.mark.parametrize(
    ("queries", "positives", "counts"), [(5, 3, "5 and 3 lines"), (2, 7, "2 and 7 lines"), (0, 1, "0 and 1 lines")]
)
def test_different_lengths_name_both(
    queries: int, positives: int, counts: str, bitext: Any, read_whole: Any, tmp_path: Path
) -> None:
    _write(tmp_path, b"a\n" * queries, b"b\n" * positives)
    with pytest.raises(SourceError, match="different lengths") as caught:
        read_whole(bitext(on_bad_row="fail"), tmp_path)
    assert caught.value.why == counts
    assert "x.en" in caught.value.where
    assert "x.other" in caught.value.where


def test_globs_pair_in_order(declare: Callable[..., Any], read_whole: Any, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.en.gz").write_bytes(gzip.compress(f"{name} en\n".encode()))
        (tmp_path / f"{name}.de").write_text(f"{name} de\n")
    source = declare("moses", "*.en.gz", positive_path="*.de")
    assert read_whole(source, tmp_path).pairs() == [("a en", "a de"), ("b en", "b de")]
    listed = declare("moses", ["b.en.gz", "a.en.gz"], positive_path=["a.de", "b.de"])
    assert read_whole(listed, tmp_path).pairs() == [("a en", "b de"), ("b en", "a de")]


def test_files_that_do_not_pair_up(declare: Callable[..., Any], tmp_path: Path) -> None:
    for name in ("a.en", "b.en", "a.de"):
        (tmp_path / name).write_text("x\n")
    with pytest.raises(ConfigError, match="pair up") as caught:
        list_files(declare("moses", "*.en", positive_path="*.de"), tmp_path)
    assert "2 files" in caught.value.why


def test_a_language_column_is_refused(bitext: Any, read_whole: Any, tmp_path: Path) -> None:
    _write(tmp_path, b"a\n", b"b\n")
    with pytest.raises(ConfigError, match="no language column"):
        read_whole(bitext(positive_language={"column": "lang"}), tmp_path)
