"""The libraries that a release is made for open it: datasets, sentence-transformers, DuckDB, polars."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from curation.export import export_release
from curation.release import open_release
from curation.release.snippets import MODEL, PLACE

EXPORTS = (Path(__file__).parents[1] / "docs" / "export.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?# view: (\S+)\n.*?)```", EXPORTS, re.DOTALL)
FOLDERS = {"sentence-transformers": "st", "flagembedding": "flag"}


@pytest.fixture(scope="module")
def release(finished: Path) -> Path:
    return finished / "release"


def test_datasets_opens_every_config(release: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    front = yaml.safe_load((release / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    opened = open_release(release)
    for config in front["configs"]:
        name = config["config_name"]
        dataset = datasets.load_dataset(str(release), name, cache_dir=str(tmp_path))
        assert set(dataset) == {entry["split"] for entry in config["data_files"]}
        view, language = ("full", name.removesuffix("-full")) if name.endswith("-full") else ("data", name)
        for split, rows in dataset.items():
            expected = opened.read(view, split=split, language=None if name == "all" else language)  # type: ignore[arg-type]
            assert rows.num_rows == expected.num_rows
            assert rows[0]["anchor"] == expected["anchor"][0].as_py()


def test_sentence_transformers_trains_two_steps(release: Path, tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    from datasets import load_dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.losses import MatryoshkaLoss, MultipleNegativesRankingLoss
    from sentence_transformers.models import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    rows = load_dataset(str(release), "all", split="train", cache_dir=str(tmp_path / "cache")).select(range(16))
    assert rows.column_names == ["anchor", "positive", "negative_1", "negative_2", "negative_3"]
    words = sorted({word for row in rows for text in row.values() for word in text.split()})
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0} | {word: n for n, word in enumerate(words, 1)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=16)], device="cpu")
    loss = MatryoshkaLoss(model, MultipleNegativesRankingLoss(model), matryoshka_dims=[16, 8])
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(tmp_path / "model"), max_steps=2, per_device_train_batch_size=8, report_to="none", use_cpu=True
    )
    trainer = SentenceTransformerTrainer(model=model, args=arguments, train_dataset=rows, loss=loss)
    assert trainer.train().global_step == 2


def snippets(release: Path) -> list[str]:
    card = (release / "README.md").read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", card, re.DOTALL)


def run_snippet(code: str, release: Path) -> dict[str, Any]:
    assert PLACE in code
    names: dict[str, Any] = {}
    exec(code.replace(PLACE, str(release)), names)
    return names


def test_the_card_shows_how_to_load_it(release: Path) -> None:
    pytest.importorskip("datasets")
    datasets, polars, duckdb, _ = snippets(release)
    rows = run_snippet(datasets, release)["rows"]
    frame = run_snippet(polars, release)["rows"]
    assert rows.num_rows == frame.height > 0
    assert frame.columns == ["anchor", "positive"]
    opened = open_release(release)
    counted = {(source, licence): count for source, licence, count in run_snippet(duckdb, release)["rows"].fetchall()}
    full = opened.read("full", split="train", columns=["source", "licence"]).to_pylist()
    assert counted == Counter((row["source"], row["licence"]) for row in full)


def test_the_card_shows_how_to_train_with_it(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sentence_transformers")
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    model = StaticEmbedding(Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]")), embedding_dim=16)
    SentenceTransformer(modules=[model], device="cpu").save(str(tmp_path / "tiny"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    code = snippets(release)[3]
    for shown, small in ((MODEL, str(tmp_path / "tiny")), ("max_steps=1000", 'max_steps=2, report_to="none"')):
        assert shown in code
        code = code.replace(shown, small)
    run_snippet(code, release)


def test_duckdb_and_polars_read_it(release: Path) -> None:
    duckdb, polars = pytest.importorskip("duckdb"), pytest.importorskip("polars")
    rows = open_release(release).read("data", split="train").num_rows
    pattern = f"{release}/data/*/train-*.parquet"
    assert duckdb.sql(f"select count(*), count(negative_1) from '{pattern}'").fetchall() == [(rows, rows)]
    frame = polars.scan_parquet(pattern).select("anchor", "positive").collect()
    assert frame.shape == (rows, 2)
    full = polars.read_parquet(f"{release}/full/tha_Thai/train-*.parquet")
    assert {"id", "source", "licence", "task", "teacher", "cluster_size", "filter_scores"} <= set(full.columns)


@pytest.mark.parametrize(("code", "view"), SNIPPETS, ids=[view for _, view in SNIPPETS])
def test_an_export_is_read_as_the_documents_show(
    code: str, view: str, release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("datasets")
    if view == "beir":
        pytest.importorskip("beir", reason="see tests/readers.txt")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    export = export_release(release, view, tmp_path / "exports" / FOLDERS.get(view, view))
    found: dict[str, Any] = {}
    exec(code.replace("subtitles", "django"), found)
    rows = {each["name"]: each["rows"] for each in export.value["datasets"]}
    if view == "sentence-transformers":
        assert {name: table.num_rows for name, table in found["train"].items()} == rows
        assert found["prompts"] == {}
    elif view == "ml-embed":
        assert {name: len(frame) for name, frame in found["frames"].items()} == rows
    elif view == "beir":
        assert len(found["qrels"]) == len(found["queries"]) > 0
    else:
        assert found["rows"].num_rows == (rows["django_tha_Thai"] if view == "flagembedding" else sum(rows.values()))


def test_every_view_has_a_snippet() -> None:
    from curation.export.registry import VIEWS

    assert [view for _, view in SNIPPETS] == list(VIEWS)
