"""What the training code of F2LLM and ML-Embed reads: its rules, said anew, applied to every file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from curation.errors import ConfigError
from curation.export import Options, export_release
from curation.hashing import priority

GREATEST = 80_000


def tokenising_step(folder: Path) -> dict[str, tuple[list[dict[str, Any]], dict[str, str]]]:
    """Do with a folder what the step does, but for the tokens: rows that name passages, and the passages by id.

    It takes every entry of the folder for a data set that is named up to the first dot; looks for the column
    `negative_2` to say whether there are 24 negatives or one; reads the first row by its label 0; and gives each
    distinct passage an id that begins with the name.
    """
    done: dict[str, tuple[list[dict[str, Any]], dict[str, str]]] = {}
    for entry in sorted(folder.iterdir()):
        name = entry.name.split(".")[0]
        assert name not in done, "a second file of the name would be passed over"
        frame = pd.read_parquet(entry)
        assert len(frame) <= GREATEST, "a sample would be drawn"
        assert isinstance(frame.loc[0].query, str)
        count = 24 if "negative_2" in frame.columns else 1
        columns = ["passage", *(f"negative_{number}" for number in range(1, count + 1))]
        assert list(frame.columns) == ["query", *columns]
        passages = sorted({text for column in columns for text in frame[column]})
        ids = {text: f"{name}_{index}" for index, text in enumerate(passages)}
        rows = [
            {"query": values["query"], **{column: ids[values[column]] for column in columns}}
            for values in frame.to_dict("records")
        ]
        done[name] = rows, {key: text for text, key in ids.items()}
    return done


def test_every_row_comes_back(mixed: Path, tmp_path: Path, expected: Callable[..., Any]) -> None:
    export = export_release(mixed, "ml-embed", tmp_path / "out")
    done, wanted = tokenising_step(tmp_path / "out" / "raw_training_data"), expected(mixed)
    assert set(done) == set(wanted)
    prefixes = {each["name"]: each["instruction"] for each in export.value["datasets"]}
    for name, (rows, passages) in done.items():
        assert len(rows) == len(wanted[name])
        for found, row in zip(rows, wanted[name], strict=True):
            prefix = f"Instruct: {prefixes[name]}\nQuery: " if prefixes[name] else ""
            assert found["query"] == prefix + row["anchor"]
            assert passages[found["passage"]] == row["positive"]
            negatives = [passages[found[key]] for key in found if key.startswith("negative_")]
            own = [row[f"negative_{number}"] for number in range(1, 8)]
            assert negatives == ([own[0]] if row["task"] == "classification" else (own * 4)[:24])
    assert len(done["talks_deu_Latn"][0]) == 6
    assert "7 negatives" in export.value["warnings"][0]
    assert "mining.preset: f2llm" in export.value["warnings"][0]


def test_the_registry_names_every_dataset_once_by_its_losses(mixed: Path, tmp_path: Path) -> None:
    export_release(mixed, "ml-embed", tmp_path / "out", Options(languages=("hin_Deva", "kat_Geor")))
    registry = json.loads((tmp_path / "out" / "datasets.json").read_text(encoding="utf-8"))
    assert registry == {
        "RETRIEVAL_DATASETS": ["faq_v1_hin_Deva", "talks_hin_Deva", "faq_v1_kat_Geor", "talks_kat_Geor"],
        "CLUSTERING_DATASETS": ["groups_hin_Deva", "groups_kat_Geor"],
        "CLASSIFICATION_DATASETS": ["topics_hin_Deva", "topics_kat_Geor"],
    }


@pytest.mark.parametrize("limit", [1, 2, 4])
def test_of_a_large_dataset_the_rows_of_least_priority_are_taken(
    limit: int, mixed: Path, tmp_path: Path, expected: Callable[..., Any]
) -> None:
    export = export_release(mixed, "ml-embed", tmp_path / "out", Options(max_rows=limit, languages=("ell_Grek",)))
    done = tokenising_step(tmp_path / "out" / "raw_training_data")
    for name, (rows, passages) in done.items():
        all_rows = expected(mixed)[name]
        keys = priority([row["id"] for row in all_rows], "export", 5)
        kept = sorted(keys.argsort(kind="stable")[:limit])
        assert [passages[row["passage"]] for row in rows] == [all_rows[index]["positive"] for index in kept]
    assert any(f"{(5 - limit) * 4} rows of 4 datasets are left out" in text for text in export.value["warnings"])
    assert any("cannot split" in text for text in export.value["warnings"]) == (limit == 1)


@pytest.mark.parametrize(("limit", "once", "twice"), [(3, 3, 0), (11, 11, 0), (13, 9, 2), (22, 0, 11)])
def test_no_record_is_left_out_for_a_copy_of_another(
    limit: int, once: int, twice: int, make_release: Callable[..., Path], hostile: list[Any], tmp_path: Path
) -> None:
    release = make_release([each | {"copy": copy} for each in hostile for copy in (0, 1)])
    export_release(release, "ml-embed", tmp_path / "out", Options(max_rows=limit))
    rows, _ = tokenising_step(tmp_path / "out" / "raw_training_data")["talks_deu_Latn"]
    times = Counter(Counter(row["query"] for row in rows).values())
    assert (times[1], times[2]) == (once, twice)


@pytest.mark.parametrize(("rows", "can"), [(1, False), (2, True)])
def test_its_loader_splits_two_rows_and_not_one(rows: int, can: bool) -> None:
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_dict({"query": ["q"] * rows})
    if can:
        assert table.train_test_split(train_size=0.99, shuffle=True, seed=0)["train"].num_rows == 1
    else:
        with pytest.raises(ValueError, match="train set will be empty"):
            table.train_test_split(train_size=0.99, shuffle=True, seed=0)


@pytest.mark.parametrize("negatives", [24, 30])
def test_a_release_with_enough_negatives_gives_the_first_24(
    negatives: int, make_release: Callable[..., Path], hostile: list[Any], tmp_path: Path
) -> None:
    rows = [each | {"negatives": [f"{each['query']} {k}" for k in range(negatives)]} for each in hostile[:9]]
    export = export_release(make_release(rows, negatives=negatives), "ml-embed", tmp_path / "out")
    found, passages = tokenising_step(tmp_path / "out" / "raw_training_data")["talks_deu_Latn"]
    wanted = {each["positive"]: each["negatives"][:24] for each in rows}
    for row in found:
        texts = [passages[row[f"negative_{number}"]] for number in range(1, 25)]
        assert texts == wanted[passages[row["passage"]]]
    assert export.value["warnings"] == []


def test_hostile_texts_come_back(make_release: Callable[..., Path], hostile: list[Any], tmp_path: Path) -> None:
    export_release(make_release(hostile), "ml-embed", tmp_path / "out")
    found, passages = tokenising_step(tmp_path / "out" / "raw_training_data")["talks_deu_Latn"]
    rows = {row["query"].rpartition("\nQuery: ")[2]: passages[row["passage"]] for row in found}
    assert rows == {each["query"].rpartition("\nQuery: ")[2]: each["positive"] for each in hostile}


def test_two_splits_have_no_place(mixed: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds one split, not train and test"):
        export_release(mixed, "ml-embed", tmp_path / "out", Options(splits=("test", "train")))
