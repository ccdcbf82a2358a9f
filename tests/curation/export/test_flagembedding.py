"""FlagEmbedding's own training datasets read their view."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from curation.errors import ReleaseError
from curation.export import Options, export_release
from curation.export.flagembedding import TYPES


@pytest.fixture(scope="module")
def readers() -> Any:
    """Return the module of the real classes, without what the package's own imports load for inference (peft)."""
    found = importlib.util.find_spec("FlagEmbedding")
    if found is None:
        pytest.skip("FlagEmbedding is not installed, see tests/readers.txt")
    package = ModuleType("FlagEmbedding")
    package.__path__ = list(found.submodule_search_locations or ())
    sys.modules["FlagEmbedding"] = package
    return importlib.import_module("FlagEmbedding.abc.finetune.embedder")


def arguments(readers: Any, data: Path, tmp_path: Path, **options: Any) -> Any:
    return readers.AbsEmbedderDataArguments(train_data=[str(data)], cache_path=str(tmp_path / "cache"), **options)


@pytest.mark.slow
def test_every_row_comes_back(
    mixed: Path, readers: Any, tmp_path: Path, expected: Callable[..., Any], tokenizer: Any
) -> None:
    languages = ("tha_Thai", "heb_Hebr")
    export_release(mixed, "flagembedding", tmp_path / "out", Options(languages=languages))
    for name, rows in expected(mixed).items():
        if name[-8:] not in languages:
            continue
        file = tmp_path / "out" / "train" / f"{name}.jsonl"
        read = readers.AbsEmbedderTrainDataset(arguments(readers, file, tmp_path, train_group_size=8), tokenizer)
        assert len(read) == len(rows)
        for index, row in enumerate(rows):
            query, passages, scores = read[index]
            assert (query, passages[0], scores) == (row["anchor"], row["positive"], None)
            assert sorted(passages[1:]) == sorted(row[f"negative_{number}"] for number in range(1, 8))
    whole = readers.AbsEmbedderTrainDataset(arguments(readers, tmp_path / "out" / "train", tmp_path), tokenizer)
    assert len(whole) == 4 * 2 * 5 + 1


@pytest.mark.slow
def test_batches_of_one_dataset_have_its_prompt_and_type(
    mixed: Path, readers: Any, tmp_path: Path, tokenizer: Any
) -> None:
    options = Options(languages=("arb_Arab",), sources=("faq.v1", "topics", "groups"))
    export_release(mixed, "flagembedding", tmp_path / "out", options)
    wanted = arguments(
        readers,
        tmp_path / "out" / "train",
        tmp_path,
        knowledge_distillation=True,
        train_group_size=4,
        query_instruction_format="<{}>{}",
        small_threshold=0,
        drop_threshold=0,
    )
    read = readers.AbsEmbedderSameDatasetTrainDataset(wanted, 2, 0, tokenizer)
    prompts = set()
    for _ in range(len(read)):
        queries, passages, scores, no_in_batch_negatives = read[0]
        assert len(passages) == 4 * len(queries) == len(scores)
        assert not no_in_batch_negatives
        assert set(scores[::4]) == {0.75}
        prompts |= {query.partition(">")[0] for query in queries}
    assert prompts == {"<Find the answer to this question.", "<Name the topic.", "<"}


def test_scores_that_are_not_all_there_are_left_out(mixed: Path, tmp_path: Path) -> None:
    options = Options(languages=("tha_Thai", "deu_Latn"), sources=("talks",))
    export = export_release(mixed, "flagembedding", tmp_path / "out", options)
    lines = {
        language: (tmp_path / "out" / "train" / f"talks_{language}.jsonl").read_text(encoding="utf-8")
        for language in options.languages
    }
    assert "scores" not in lines["tha_Thai"]
    assert lines["deu_Latn"].count('"neg_scores": [0.5, 0.4375, 0.375') == 6
    assert "knowledge_distillation" in export.value["warnings"][0]


def test_hostile_texts_come_back(make_release: Callable[..., Path], hostile: list[Any], tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    export_release(make_release(hostile), "flagembedding", tmp_path / "out")
    file = str(tmp_path / "out" / "train" / "talks_deu_Latn.jsonl")
    found = datasets.load_dataset("json", data_files=file, split="train", cache_dir=str(tmp_path / "cache"))
    rows = {each["query"]: (each["pos"], each["neg"]) for each in found}
    assert rows == {each["query"]: ([each["positive"]], each["negatives"]) for each in hostile}


def test_a_release_without_negatives_is_refused(
    make_release: Callable[..., Path], hostile: list[Any], tmp_path: Path
) -> None:
    release = make_release(hostile, negatives=0)
    for view in ("flagembedding", "tevatron", "ml-embed"):
        with pytest.raises(ReleaseError, match=f"{view} needs hard negatives"):
            export_release(release, view, tmp_path / "out")


def test_every_task_has_a_type() -> None:
    from typing import get_args

    from curation.config.base import TaskType

    assert set(TYPES) == set(get_args(TaskType))
