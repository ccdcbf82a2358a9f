"""Tevatron's own datasets read their view."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from curation.export import Options, export_release


def rows_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n")[:-1]]


def test_every_row_comes_back_with_its_id(mixed: Path, tmp_path: Path, expected: Callable[..., Any]) -> None:
    export_release(mixed, "tevatron", tmp_path / "out")
    wanted = expected(mixed)
    assert {file.stem for file in (tmp_path / "out" / "train").iterdir()} == set(wanted)
    by_text: dict[str, str] = {}
    for name, rows in wanted.items():
        found = rows_of(tmp_path / "out" / "train" / f"{name}.jsonl")
        assert [each["query_id"] for each in found] == [row["id"] for row in rows]
        for each, row in zip(found, rows, strict=True):
            assert each["query"].removeprefix("Instruct: ").rpartition("\nQuery: ")[2] == row["anchor"]
            passages = each["positive_passages"] + each["negative_passages"]
            texts = [row["positive"], *(row[f"negative_{number}"] for number in range(1, 8))]
            assert [passage["text"] for passage in passages] == texts
            for passage in passages:
                assert by_text.setdefault(passage["text"], passage["docid"]) == passage["docid"]
    assert len(set(by_text.values())) == len(by_text)


@pytest.mark.slow
def test_tevatron_reads_the_folder(mixed: Path, tmp_path: Path, tokenizer: Any) -> None:
    pytest.importorskip("tevatron", reason="see tests/readers.txt")
    from tevatron.arguments import DataArguments
    from tevatron.data import TrainDataset
    from tevatron.datasets import HFTrainDataset

    export_release(mixed, "tevatron", tmp_path / "out", Options(languages=("jpn_Jpan",), sources=("talks",)))
    options = DataArguments(dataset_name=str(tmp_path / "out" / "train"), dataset_proc_num=1, train_n_passages=5)
    reader = HFTrainDataset(tokenizer, options, str(tmp_path / "cache"))
    assert reader.dataset.column_names == ["query_id", "query", "positive_passages", "negative_passages"]
    processed = reader.process()
    assert [(len(each["positives"]), len(each["negatives"])) for each in processed] == [(1, 7)] * 5
    # The number of a row is a token of the tokenizer: the right text was read at the right place.
    numbers = [tokenizer.decode(each["positives"][0]).split()[-1] for each in processed]
    assert numbers == ["0", "1", "2", "3", "4"]
    trainer = SimpleNamespace(state=SimpleNamespace(epoch=1), args=SimpleNamespace(seed=3))
    # It calls a method that transformers 5 no longer has, with ids rather than text; ids are all that it wants back.
    old = SimpleNamespace(encode_plus=lambda ids, *, max_length, **_: ids[:max_length])
    query, passages = TrainDataset(options, processed, old, trainer)[0]
    assert query == processed[0]["query"]
    assert passages[0] == processed[0]["positives"][0]
    assert len(passages) == 5


def test_hostile_texts_come_back(make_release: Callable[..., Path], hostile: list[Any], tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    export_release(make_release(hostile), "tevatron", tmp_path / "out")
    found = datasets.load_dataset(str(tmp_path / "out" / "train"), split="train", cache_dir=str(tmp_path / "cache"))
    prefix = "Instruct: Find the translation.\nQuery: "
    for each, row in zip(
        sorted(found, key=lambda r: r["query_id"]), sorted(hostile, key=lambda r: r["id"]), strict=True
    ):
        assert each["query"] == prefix + row["query"]
        texts = [passage["text"] for passage in each["positive_passages"] + each["negative_passages"]]
        assert texts == [row["positive"], *row["negatives"]]
