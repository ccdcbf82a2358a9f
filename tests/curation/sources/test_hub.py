from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.errors import ConfigError, SourceError
from curation.sources import fingerprint, list_files, read_file

REVISION = "0123456789abcdef0123456789abcdef01234567"
CARD = """---
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*.parquet
  - split: test
    path: data/test-*.parquet
- config_name: other
  data_files: other/*.parquet
---
"""


@pytest.fixture
def dataset(tmp_path: Path, pairs: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> Path:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "corpus"
    queries, positives = zip(*pairs, strict=True)
    for name, cut in (("data/train-0", slice(0, 9)), ("data/train-1", slice(9, None)), ("data/test-0", slice(0, 2))):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        table = pa.table({"n": list(range(len(queries[cut]))), "query": queries[cut], "positive": positives[cut]})
        pq.write_table(table, folder / f"{name}.parquet")
    (folder / "other").mkdir()
    pq.write_table(pa.table({"query": [" ", "a"], "positive": ["b", None]}), folder / "other" / "x.parquet")
    (folder / "README.md").write_text(CARD)
    return folder


@pytest.mark.parametrize("batch_rows", [1, 5, 1000])
def test_a_local_folder(
    dataset: Path, batch_rows: int, pairs: object, declare: Callable[..., Any], read_whole: Any
) -> None:
    whole = read_whole(declare("hub", "corpus", query_language="eng"), dataset.parent, batch_rows)
    assert whole.pairs() == pairs
    assert [row["row"] for row in whole.rows] == list(range(1, len(whole.rows) + 1))
    assert {row["file"] for row in whole.rows} == {"default/train"}


def test_split_and_config(dataset: Path, pairs: list[object], declare: Callable[..., Any], read_whole: Any) -> None:
    assert read_whole(declare("hub", str(dataset), split="test")).pairs() == pairs[:2]
    whole = read_whole(declare("hub", str(dataset), config="other"))
    assert whole.reasons() == [(1, "empty"), (2, "null")]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"split": "nothing"}, "nothing"),
        ({"config": "nothing"}, "nothing"),
        ({"columns": {"query": "qury"}}, "'query'"),
        ({"columns": {"query": "n"}}, "int64"),
    ],
)
def test_what_is_not_there_is_named(
    fields: dict[str, Any], why: str, dataset: Path, declare: Callable[..., Any], read_whole: Any
) -> None:
    with pytest.raises(SourceError) as caught:
        read_whole(declare("hub", str(dataset), **fields))
    assert why in caught.value.why
    assert caught.value.where == str(dataset)


def test_fingerprint_of_a_local_folder(dataset: Path, declare: Callable[..., Any]) -> None:
    [file] = list_files(declare("hub", "corpus"), dataset.parent)
    before = fingerprint(file)
    assert before["bytes"] == sum(path.stat().st_size for path in dataset.rglob("*") if path.is_file())
    (dataset / "README.md").write_text(CARD + "changed")
    assert fingerprint(file)["sha256"] != before["sha256"]


@pytest.mark.parametrize("revision", ["", "main", "v1.0", REVISION[:-1], REVISION.upper(), REVISION + "0"])
def test_a_dataset_must_be_pinned(revision: str, declare: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="pinned to a commit") as caught:
        list_files(declare("hub", "org/name", revision=revision), tmp_path)
    assert "commits/main" in caught.value.hint


@pytest.mark.parametrize("path", ["name", "a/b/c", "../etc/passwd", "https://host/x", "org/na me"])
def test_a_dataset_is_called_org_name(path: str, declare: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ORG/NAME"):
        list_files(declare("hub", path, revision=REVISION), tmp_path)


def test_one_source_is_one_dataset(declare: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="one dataset"):
        list_files(declare("hub", ["org/a", "org/b"], revision=REVISION), tmp_path)


def _first(source: Any, base: Path) -> object:
    [file] = list_files(source, base)
    return next(read_file(source, file, batch_rows=10))


def test_a_folder_of_the_same_name_is_not_read_in_its_place(
    declare: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("datasets")
    (tmp_path / "org" / "name").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match="local folder"):
        _first(declare("hub", "org/name", revision=REVISION), tmp_path)


@pytest.mark.parametrize(
    ("message", "hint"),
    [("401 Client Error, token hf_SECRETsecret1", "HF_TOKEN"), ("no such split hf_SECRETsecret1", "split")],
)
def test_errors_of_the_hub(
    message: str, hint: str, declare: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def load_dataset(path: str, name: str, *, split: str, revision: str) -> None:
        asked.append((path, name, split, revision))
        raise RuntimeError(message)

    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError) as caught:
        _first(declare("hub", "org/name", revision=REVISION, split="dev"), tmp_path)
    assert asked == [("org/name", "default", "dev", REVISION)]
    assert hint in caught.value.hint
    assert "SECRET" not in str(caught.value)
    assert caught.value.__suppress_context__
