"""What names a training, and when its model is found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from curation.config.training import Training
from curation.errors import ConfigError, CurationError
from curation.release import Release
from curation.training.distributed import Workers
from curation.training.job import MODEL, SPEC, STATE, DecoderStart, Job, Trained, finished_model, run_job

OPTIONS = Training(steps=6, batch_size=16, vocabulary=1_000, dims=[8], ranks=[8], depth=1)


@pytest.fixture
def tokenizer(tmp_path: Path, sentences: Mapping[str, str]) -> Path:
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<|im_end|>"], initial_alphabet=alphabet)
    made.train_from_iterator(sentences.values(), trainer)
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"eos_token": "<|im_end|>"}')
    return folder


@pytest.fixture(scope="module")
def trained(release: Release, tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, Trained]:
    job = Job(release, OPTIONS, 5, tmp_path_factory.mktemp("job"))
    return job, run_job(job, job.spec(), lambda *_: None)


def test_a_finished_model_is_found(trained: tuple[Job, Trained], sentences: Mapping[str, str]) -> None:
    job, model = trained
    found = finished_model(job, job.spec())
    assert found is not None
    texts = list(sentences.values())
    assert np.array_equal(found.exits(texts, rank=8), model.exits(texts, rank=8))
    assert not list((job.out / STATE).glob("*.safetensors"))


def test_whatever_the_model_depends_on_names_it(trained: tuple[Job, Trained], tokenizer: Path) -> None:
    job, _ = trained
    decoder = DecoderStart(preset="140M", tokenizer=tokenizer)
    others = [
        replace(job, seed=6),
        replace(job, options=OPTIONS.model_copy(update={"learning_rate": 0.01})),
        replace(job, release=replace(job.release, digest="f" * 64)),
        replace(job, device="cuda"),
        replace(job, workers=Workers(0, 2)),
        replace(job, start=decoder),
        replace(job, start=replace(decoder, preset="330M")),
        replace(job, start=replace(decoder, rank=64)),
    ]
    specs = [each.spec() for each in [job, *others]]
    assert len(set(specs)) == len(specs)
    assert all(finished_model(job, spec) is None for spec in specs[1:])
    # Where it lies, and which of the processes asks, is not what it is.
    assert replace(job, out=Path("elsewhere")).spec() == specs[0]
    assert replace(job, workers=Workers(1, 2)).spec() == replace(job, workers=Workers(0, 2)).spec()


def test_other_files_of_a_checkpoint_are_another_start(tokenizer: Path) -> None:
    start = DecoderStart(preset="140M", tokenizer=tokenizer)
    before = start.digest()
    assert start.digest() == before
    (tokenizer / "tokenizer_config.json").write_text('{"eos_token": "<|endoftext|>"}')
    assert start.digest() != before


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"spec": 1}', "[" * 100_000])
def test_a_model_without_its_spec_is_not_found(trained: tuple[Job, Trained], tmp_path: Path, content: str) -> None:
    job, model = trained
    model.save(tmp_path / MODEL)
    (tmp_path / MODEL / SPEC).write_text(content)
    assert finished_model(replace(job, out=tmp_path), job.spec()) is None


def test_a_damaged_model_is_not_found(trained: tuple[Job, Trained], tmp_path: Path) -> None:
    job, model = trained
    model.save(tmp_path / MODEL)
    (tmp_path / MODEL / SPEC).write_text(json.dumps({"spec": job.spec()}))
    assert finished_model(replace(job, out=tmp_path), job.spec()) is not None
    (tmp_path / MODEL / "weights.safetensors").write_bytes(b"nothing")
    assert finished_model(replace(job, out=tmp_path), job.spec()) is None


def test_a_preset_begins_from_random_weights(tokenizer: Path) -> None:
    start = DecoderStart(preset="140M", tokenizer=tokenizer, rank=1_000)
    decoder, loaded = start.load(seed=1, device="cpu")
    assert (decoder.shape.layers, decoder.shape.width, decoder.shape.vocabulary) == (9, 640, loaded.size)
    assert decoder.table.rank == loaded.size
    again, _ = start.load(seed=1, device="cpu")
    other, _ = start.load(seed=2, device="cpu")
    assert np.array_equal(decoder.table.u.detach().numpy(), again.table.u.detach().numpy())
    assert not np.array_equal(decoder.table.u.detach().numpy(), other.table.u.detach().numpy())


@pytest.mark.parametrize(
    "given", [{}, {"preset": "140M"}, {"preset": "140M", "checkpoint": Path("x")}, {"tokenizer": Path("x")}], ids=str
)
def test_a_start_is_a_checkpoint_or_a_preset(given: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        DecoderStart(**given)  # type: ignore[arg-type]


def test_an_unknown_preset_is_named(tokenizer: Path) -> None:
    with pytest.raises(CurationError, match="700B"):
        DecoderStart(preset="700B", tokenizer=tokenizer).load(seed=1, device="cpu")
