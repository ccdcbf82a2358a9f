"""sentence-transformers and datasets read their view."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation.export import Options, export_release

datasets = pytest.importorskip("datasets")

COLUMNS = ["anchor", "positive", *(f"negative_{number}" for number in range(1, 8))]


def load(folder: Path, name: str, tmp_path: Path, split: str = "train") -> Any:
    return datasets.load_dataset(str(folder), name, split=split, cache_dir=str(tmp_path / "cache"))


def texts_of(row: dict[str, Any]) -> list[str]:
    return [row[name] for name in COLUMNS]


def test_datasets_opens_every_config_and_nothing_is_lost(
    mixed: Path, tmp_path: Path, expected: Callable[..., Any]
) -> None:
    options = Options(splits=("test", "train"), languages=("tha_Thai", "amh_Ethi", "deu_Latn"))
    export_release(mixed, "sentence-transformers", tmp_path / "out", options)
    names = datasets.get_dataset_config_names(str(tmp_path / "out"))
    wanted = {split: expected(mixed, split) for split in ("train", "test")}
    assert set(names) == {name for name in wanted["train"] if name[-8:] in options.languages}
    for name in names:
        for split, rows in wanted.items():
            found = load(tmp_path / "out", name, tmp_path, split)
            assert found.column_names == COLUMNS
            assert [texts_of(each) for each in found] == [texts_of(each) for each in rows[name]]


def test_hostile_texts_come_back(make_release: Callable[..., Path], hostile: list[Any], tmp_path: Path) -> None:
    export_release(make_release(hostile), "sentence-transformers", tmp_path / "out")
    found = load(tmp_path / "out", "talks_deu_Latn", tmp_path)
    assert sorted(texts_of(each) for each in found) == sorted(
        [r["query"], r["positive"], *r["negatives"]] for r in hostile
    )


def test_instructions_are_prompts_or_stand_in_the_text(mixed: Path, tmp_path: Path) -> None:
    prefix = "Instruct: Find the translation.\nQuery: "
    for name, baked in (("a", False), ("b", True)):
        options = Options(languages=("kor_Hang",), instruction_in_text=baked)
        export_release(mixed, "sentence-transformers", tmp_path / name, options)
    prompts = json.loads((tmp_path / "a" / "prompts.json").read_text(encoding="utf-8"))
    assert (prompts["talks_kor_Hang"], prompts["groups_kor_Hang"]) == ({"anchor": prefix}, {})
    assert json.loads((tmp_path / "b" / "prompts.json").read_text(encoding="utf-8")) == {}
    plain, baked = (load(tmp_path / name, "talks_kor_Hang", tmp_path) for name in ("a", "b"))
    assert baked["anchor"][:] == [prefix + text for text in plain["anchor"]]
    assert baked["positive"][:] == plain["positive"][:]


@pytest.mark.slow
def test_the_trainer_takes_a_step_with_the_prompts(mixed: Path, tmp_path: Path, tokenizer: Any) -> None:
    pytest.importorskip("sentence_transformers")
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.losses import MultipleNegativesRankingLoss
    from sentence_transformers.models import StaticEmbedding

    out = tmp_path / "out"
    export_release(mixed, "sentence-transformers", out, Options(languages=("kor_Hang", "hin_Deva")))
    names = datasets.get_dataset_config_names(str(out))
    train = datasets.DatasetDict({name: load(out, name, tmp_path) for name in names})
    seen: list[tuple[str, str | None]] = []
    tokens = tokenizer.backend_tokenizer

    class Listening(StaticEmbedding):
        def preprocess(self, inputs: Any, prompt: str | None = None, **options: Any) -> Any:
            seen.extend((text, prompt) for text in inputs)
            return super().preprocess(inputs, prompt=prompt, **options)

    model = SentenceTransformer(modules=[Listening(tokens, embedding_dim=8)], device="cpu")
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(tmp_path / "model"),
        max_steps=3,
        per_device_train_batch_size=2,
        report_to="none",
        use_cpu=True,
        prompts=json.loads((out / "prompts.json").read_text(encoding="utf-8")),
    )
    loss = MultipleNegativesRankingLoss(model)
    trainer = SentenceTransformerTrainer(model=model, args=arguments, train_dataset=train, loss=loss)
    assert trainer.train().global_step == 3
    anchors = {text for rows in train.values() for text in rows["anchor"][:]}
    assert {bool(prompt) for text, prompt in seen if text in anchors} >= {True}
    assert not any(prompt for text, prompt in seen if text not in anchors)
