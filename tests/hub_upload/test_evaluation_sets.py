"""The real mteb, offline: what its tasks say of themselves, and the texts of tasks that are made up here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from curation.cli.main import run_command
from curation.config import parse_config
from curation.decontamination.sets import find_evaluation_sets, read_evaluation_sets
from curation.errors import ConfigError, CurationError
from hub_upload.evaluation_sets import describe, export, find_tasks, to_yaml

mteb = pytest.importorskip("mteb", reason="pip install 'ml-embed-curation[eval]'")

SOURCES = "name: x\nsources: [{name: s, format: tsv, path: x, licence: CC0-1.0, task: bitext}]\n"


def metadata(**values: Any) -> Any:
    from mteb.abstasks.task_metadata import TaskMetadata

    given = {"name": "Ours", "description": "Made up.", "type": "STS", "main_score": "cosine_spearman"}
    given |= {"dataset": {"path": "nobody/nothing", "revision": "0" * 40}, "eval_splits": ["test"]}
    return TaskMetadata.model_validate(given | {"eval_langs": ["eng-Latn"]} | values)


def sts(subsets: dict[str, list[str]], rows: dict[str, dict[str, list[tuple[str, str]]]]) -> Any:
    from datasets import Dataset, DatasetDict
    from mteb.abstasks import AbsTaskSTS

    class Ours(AbsTaskSTS):
        metadata = globals()["metadata"](eval_langs=subsets, eval_splits=["validation", "test"])

        def load_data(self, num_proc: int | None = None, **_: Any) -> None:
            columns = ("sentence1", "sentence2")
            self.dataset = {
                subset: DatasetDict(
                    {
                        split: Dataset.from_list(
                            [dict(zip(columns, pair, strict=True)) | {"score": 1.0} for pair in pairs]
                        )
                        for split, pairs in splits.items()
                    }
                )
                for subset, splits in rows.items()
            }
            self.data_loaded = True

    return Ours()


def retrieval() -> Any:
    from datasets import Dataset
    from mteb.abstasks import AbsTaskRetrieval

    class OursRetrieval(AbsTaskRetrieval):
        metadata = globals()["metadata"](
            name="Ours/Retrieval",
            type="Retrieval",
            main_score="ndcg_at_10",
            eval_langs=["tha-Thai"],
            eval_splits=["train"],
        )

        def load_data(self, num_proc: int | None = None, **_: Any) -> None:
            queries = Dataset.from_list([{"id": "q", "text": "ห้องสมุดปิดกี่โมง"}])
            corpus = [{"id": "1", "text": "ห้องสมุดปิดเวลาสองทุ่ม", "title": ""}, {"id": "2", "text": "", "title": "ว่าง"}]
            part = {"queries": queries, "corpus": Dataset.from_list(corpus), "relevant_docs": {}, "top_ranked": None}
            self.dataset = {"default": {"train": part}}
            self.data_loaded = True

    return OursRetrieval()


@pytest.mark.parametrize(
    ("name", "splits", "kinds", "subset", "languages"),
    [
        ("STS17", ("test",), ("sentence1", "sentence2"), "en-de", ("eng-Latn", "deu-Latn")),
        ("SIB200Classification", ("train", "validation", "test"), ("text",), "khm_Khmr", ("khm-Khmr",)),
        ("MKQARetrieval", ("train",), ("query", "document"), "th", ("tha-Thai",)),
        ("BibleNLPBitextMining", ("train",), ("sentence1", "sentence2"), "eng_Latn-aai_Latn", ("eng-Latn", "aai-Latn")),
        ("NanoNFCorpusRetrieval", ("train",), ("query", "document"), "default", ("eng-Latn",)),
    ],
)
def test_real_tasks_say_what_they_evaluate_on(
    name: str, splits: tuple[str, ...], kinds: tuple[str, ...], subset: str, languages: tuple[str, ...]
) -> None:
    [task] = find_tasks([name])
    listing = describe(task)
    assert (listing.task, listing.splits, listing.kinds) == (name, splits, kinds)
    assert listing.subsets[subset] == languages
    assert len(listing.revision) == 40


def test_aggregates_and_benchmarks_come_as_their_parts_each_once() -> None:
    names = [describe(task).task for task in find_tasks(["CQADupstackRetrieval", "MTEB(eng, v1)", "STS17"])]
    assert names[:2] == ["CQADupstackAndroidRetrieval", "CQADupstackEnglishRetrieval"]
    assert len(names) == len(set(names)) > 60


def test_every_text_task_of_mteb_can_be_described() -> None:
    tasks = mteb.get_tasks(modalities=["text"], exclusive_modality_filter=True, exclude_superseded=False)
    listings = [describe(task) for task in tasks if not getattr(task.metadata, "tasks", None)]
    assert len(listings) > 900
    assert [listing.task for listing in listings if not (listing.splits and listing.subsets and listing.kinds)] == []


def test_languages_narrow_a_task_down() -> None:
    [task] = find_tasks(["STS17", "NFCorpus"], ["deu"])
    assert set(describe(task).subsets) == {"en-de"}


@pytest.mark.parametrize(
    ("names", "languages", "words"),
    [(["STS71"], [], "STS17"), (["Nothing at all"], [], "Nothing at all"), (["NFCorpus"], ["deu"], "No task")],
)
def test_unknown_names_are_refused(names: list[str], languages: list[str], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find_tasks(names, languages)
    assert words in str(caught.value)


def test_texts_are_written_once_with_the_language_of_their_column(tmp_path: Path) -> None:
    pairs = {"validation": [("Ein Satz", "One")], "test": [("Noch einer", "One"), ("Noch einer", "  ")]}
    task = sts(
        {"de-en": ["deu-Latn", "eng-Latn"], "ja": ["jpn-Jpan"]},
        {"de-en": pairs, "ja": {"validation": [("一", "二")], "test": [("三", "One")]}},
    )
    written = export(task, tmp_path)
    assert written == [tmp_path / "Ours" / "validation.parquet", tmp_path / "Ours" / "test.parquet"]
    columns = ("subset", "language", "kind", "text")
    assert [tuple(row[name] for name in columns) for row in pq.read_table(written[1]).to_pylist()] == [
        ("de-en", "deu-Latn", "sentence1", "Noch einer"),
        ("de-en", "eng-Latn", "sentence2", "One"),
        ("ja", "jpn-Jpan", "sentence1", "三"),
        ("ja", "jpn-Jpan", "sentence2", "One"),
    ]


def test_the_yaml_reads_what_was_written(tmp_path: Path) -> None:
    tasks = [retrieval(), sts({"de": ["deu-Latn"]}, {"de": {"validation": [("a", "b")], "test": [("c", "d")]}})]
    for task in tasks:
        export(task, tmp_path / "texts")
    config = parse_config(SOURCES + to_yaml([describe(task) for task in tasks], "texts"))
    rows = read_evaluation_sets(find_evaluation_sets(config.decontaminate.sets, tmp_path)).to_pylist()
    assert [(row["task"], row["split"], row["language"], row["text"]) for row in rows] == [
        ("Ours/Retrieval", "train", "tha_Thai", "ห้องสมุดปิดกี่โมง"),
        ("Ours/Retrieval", "train", "tha_Thai", "ห้องสมุดปิดเวลาสองทุ่ม"),
        ("Ours", "validation", "deu_Latn", "a"),
        ("Ours", "validation", "deu_Latn", "b"),
        ("Ours", "test", "deu_Latn", "c"),
        ("Ours", "test", "deu_Latn", "d"),
    ]


def test_a_task_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    task = retrieval()
    task.load_data = lambda: (_ for _ in ()).throw(ConnectionError("no network"))
    with pytest.raises(CurationError, match="Ours/Retrieval cannot be loaded") as caught:
        export(task, tmp_path)
    assert "no network" in caught.value.why
    assert list(tmp_path.iterdir()) == []


def test_the_verb_prints_yaml_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["eval-sets", "STS17", "--language", "kor"]) == 0
    config = parse_config(SOURCES + capsys.readouterr().out)
    assert [(item.task, item.path) for item in config.decontaminate.sets] == [
        ("STS17", "evaluation/STS17/test.parquet")
    ]
    assert run_command(["eval-sets", "STS17", "--json"]) == 0
    [task] = json.loads(capsys.readouterr().out)["tasks"]
    assert task["dataset"] == "mteb/sts17-crosslingual-sts"


def test_the_names_are_what_the_zero_shot_check_takes() -> None:
    from curation.release.zero_shot import mteb_training_datasets

    sources = parse_config(SOURCES.replace("task: bitext", "task: bitext, mteb_tasks: [NFCorpus]")).sources
    names = mteb_training_datasets(sources)["names"]
    meta = mteb.get_model_meta("intfloat/multilingual-e5-small", fetch_from_hf=False).model_copy(
        update={"training_datasets": set(names), "adapted_from": None}
    )
    assert meta.is_zero_shot_on(["STS17"]) is True
    # A task that was made from it counts as trained on, too.
    assert meta.is_zero_shot_on(["NanoNFCorpusRetrieval"]) is False
