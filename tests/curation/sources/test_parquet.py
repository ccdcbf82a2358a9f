from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.errors import SourceError
from curation.sources import SourceFile, parquet
from curation.sources.rows import Layout


def _write(folder: Path, **columns: object) -> None:
    pq.write_table(pa.table(columns), folder / "x.parquet")


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())], ids=str
)
def test_every_kind_of_text(kind: pa.DataType, declare: Callable[..., Any], read_whole: Any, tmp_path: Path) -> None:
    texts = pa.array(["मेरा घर", None, "บ้านของฉัน"], pa.string()).cast(kind)
    _write(tmp_path, query=texts, positive=["a", "b", "c"])
    whole = read_whole(declare("parquet", "x.parquet"), tmp_path)
    assert whole.pairs() == [("मेरा घर", "a"), ("บ้านของฉัน", "c")]
    assert whole.reasons() == [(2, "null")]


@pytest.mark.parametrize(
    "kind", [pa.int64(), pa.binary(), pa.list_(pa.string()), pa.struct([("a", pa.string())])], ids=str
)
def test_a_column_that_is_no_text(
    kind: pa.DataType, declare: Callable[..., Any], read_whole: Any, tmp_path: Path
) -> None:
    _write(tmp_path, query=["a"], positive=pa.array([None], kind))
    with pytest.raises(SourceError, match="'positive' holds") as caught:
        read_whole(declare("parquet", "x.parquet"), tmp_path)
    assert "'query' (string)" in caught.value.why


def test_bytes_that_are_not_utf8(
    declare: Callable[..., Any], read_whole: Any, damaged_strings: pa.Array, tmp_path: Path
) -> None:
    good = pa.array(["1", "2", "3", "4"])
    _write(tmp_path, query=damaged_strings, positive=good, negative=good)
    whole = read_whole(declare("parquet", "x.parquet", columns={"negatives": ["negative"]}), tmp_path)
    assert whole.reasons() == [(2, "bad_bytes")]
    assert "0xff" in whole.rejected[0].detail
    assert [row["negatives"] for row in whole.rows] == [["1"], ["3"], ["4"]]
    with pytest.raises(SourceError, match="bad_bytes") as caught:
        read_whole(declare("parquet", "x.parquet", on_bad_row="fail"), tmp_path)
    assert caught.value.where.endswith("x.parquet:2")


@pytest.mark.parametrize("make", [pa.list_, pa.large_list], ids=["list", "large_list"])
def test_negatives_in_a_list(
    make: Callable[..., pa.DataType], declare: Callable[..., Any], read_whole: Any, tmp_path: Path
) -> None:
    lists = pa.array([["a", None, "б"], None, [], ["", "ג"]], make(pa.string()))
    _write(tmp_path, query=["q"] * 4, positive=["p"] * 4, many=lists, one=["z", None, "y", " "])
    whole = read_whole(declare("parquet", "x.parquet", columns={"negatives": ["many", "one"]}), tmp_path, 3)
    assert [row["negatives"] for row in whole.rows] == [["a", "б", "z"], [], ["y"], ["ג"]]


def test_bad_bytes_in_a_list_of_negatives(
    declare: Callable[..., Any], read_whole: Any, damaged_strings: pa.Array, tmp_path: Path
) -> None:
    lists = pa.ListArray.from_arrays(pa.array([0, 2, 4], pa.int32()), damaged_strings)
    _write(tmp_path, query=["q", "q"], positive=["p", "p"], many=lists)
    whole = read_whole(declare("parquet", "x.parquet", columns={"negatives": ["many"]}), tmp_path)
    assert whole.reasons() == [(1, "bad_bytes")]
    assert whole.rows[0]["negatives"] == ["ok", "ok"]


def test_two_columns_of_one_name(declare: Callable[..., Any], read_whole: Any, tmp_path: Path) -> None:
    table = pa.table([["a"], ["b"], ["c"]], names=["query", "positive", "query"])
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(SourceError, match="Two columns are called 'query'"):
        read_whole(declare("parquet", "x.parquet"), tmp_path)


def test_damage_inside_a_page_is_named(declare: Callable[..., Any], read_whole: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texts = [rng.bytes(40).hex() for _ in range(5000)]
    pq.write_table(
        pa.table({"query": texts, "positive": texts}), tmp_path / "x.parquet", compression="zstd", use_dictionary=False
    )
    data = bytearray((tmp_path / "x.parquet").read_bytes())
    data[1000:2000] = bytes(1000)
    (tmp_path / "x.parquet").write_bytes(data)
    with pytest.raises(SourceError, match="not whole") as caught:
        read_whole(declare("parquet", "x.parquet"), tmp_path)
    assert caught.value.where.endswith("x.parquet")


def test_a_column_name_that_is_not_utf8(declare: Callable[..., Any], read_whole: Any, tmp_path: Path) -> None:
    _write(tmp_path, query=["a"], positive=["b"])
    data = (tmp_path / "x.parquet").read_bytes().replace(b"query", b"qu\xffry")
    (tmp_path / "x.parquet").write_bytes(data)
    with pytest.raises(SourceError, match="not whole"):
        read_whole(declare("parquet", "x.parquet"), tmp_path)


def test_damaged_bytes_never_end_the_process(declare: Callable[..., Any], read_whole: Any, tmp_path: Path) -> None:
    texts = [str(number) for number in range(100)]
    _write(tmp_path, query=texts, positive=texts)
    sound = (tmp_path / "x.parquet").read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        data = bytearray(sound)
        for place in rng.integers(0, len(data), 3):
            data[place] = rng.integers(256)
        (tmp_path / "x.parquet").write_bytes(data)
        try:
            whole = read_whole(declare("parquet", "x.parquet"), tmp_path)
        except SourceError:
            refused += 1
        else:
            assert len(whole.rows) + len(whole.rejected) == 100
    assert refused > 100


def test_a_bomb_is_refused(
    declare: Callable[..., Any], read_whole: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "RATIO_FLOOR", 1_000_000)
    monkeypatch.setattr(parquet, "MAX_RATIO", 100)
    texts = ["x" * 1_000_000, "y" * 1_000_000]
    pq.write_table(pa.table({"query": texts, "positive": texts}), tmp_path / "x.parquet", compression="zstd")
    with pytest.raises(SourceError, match="bomb"):
        read_whole(declare("parquet", "x.parquet"), tmp_path)


def test_long_texts_come_in_smaller_batches(
    declare: Callable[..., Any], read_whole: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "MAX_CHUNK_BYTES", 10_000)
    rng = np.random.default_rng(0)
    texts = [rng.bytes(500).hex() for _ in range(200)]
    pq.write_table(pa.table({"query": texts, "positive": texts}), tmp_path / "x.parquet", use_dictionary=False)
    file = SourceFile("s", str(tmp_path / "x.parquet"), "x")
    source = declare("parquet", "x.parquet")
    chunks = list(parquet.read(source, file, Layout(), 1000))
    assert max(len(chunk.rows) for chunk in chunks) <= 10
    assert sum(len(chunk.rows) for chunk in chunks) == 200
    assert len(read_whole(source, tmp_path).rows) == 200
