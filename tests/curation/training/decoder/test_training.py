"""A tiny decoder on a real release: it learns, is measured, goes on after a cut, and can be exported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from curation.config.training import Training
from curation.errors import ConfigError
from curation.release import Release
from curation.training.checkpoints import Checkpoints
from curation.training.decoder.attention import Kernel
from curation.training.decoder.checkpoint import CheckpointError, load_decoder
from curation.training.decoder.model import Decoder, random_decoder
from curation.training.decoder.shape import DecoderShape
from curation.training.decoder.tokenizer import DecoderTokenizer, load_tokenizer
from curation.training.decoder.training import TrainedDecoder, decoder_options, length_batches, train_decoder
from curation.training.evaluation import evaluate_grid, sample_pairs
from curation.training.export.decoder import export_decoder

END = "<|im_end|>"
OPTIONS = Training(steps=30, batch_size=16, learning_rate=0.01, max_tokens=24, nested_from=0.0, loss_temperature=0.1)


@pytest.fixture(scope="module")
def tokenizer(sentences: Mapping[str, str]) -> DecoderTokenizer:
    processor = Tokenizer(models.BPE())
    processor.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=[END], initial_alphabet=alphabet, show_progress=False)
    processor.train_from_iterator(sentences.values(), trainer)
    return DecoderTokenizer(processor, processor.token_to_id(END))


def fresh(tokenizer: DecoderTokenizer) -> Decoder:
    shape = DecoderShape(tokenizer.size, width=32, mlp_width=40, layers=3, query_heads=4, key_heads=2, head_dim=8)
    return random_decoder(shape, rank=32, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def trained(release: Release, tokenizer: DecoderTokenizer) -> TrainedDecoder:
    return train_decoder(release, OPTIONS, fresh(tokenizer), tokenizer, seed=4)


def weights(model: TrainedDecoder) -> bytes:
    return b"".join(value.numpy().tobytes() for _, value in sorted(model.decoder.state_dict().items()))


def test_the_loss_falls(trained: TrainedDecoder) -> None:
    assert len(trained.losses) == OPTIONS.steps
    assert np.mean(trained.losses[-5:]) < 0.95 * np.mean(trained.losses[:5])


def test_every_cell_can_be_evaluated(trained: TrainedDecoder, release: Release) -> None:
    sets = sample_pairs(release, split="test", min_pairs=5, seed=4)[:3]
    cells = evaluate_grid(trained, sets)
    assert [(cell.depth, cell.dim, cell.rank) for cell in cells] == [(d, n, 32) for d in (1, 2, 3) for n in (8, 16, 32)]
    assert all(0 <= cell.score.accuracy <= 1 for cell in cells)


class KilledError(Exception):
    """The process is killed."""


def test_a_training_that_was_cut_goes_on_to_the_same_bits(
    release: Release, tokenizer: DecoderTokenizer, trained: TrainedDecoder, tmp_path: Path
) -> None:
    def kill(done: int, _total: int, _loss: float) -> None:
        if done == 12:
            raise KilledError

    checkpoints, steps = Checkpoints(tmp_path, "spec", seconds=0), []
    with pytest.raises(KilledError):
        train_decoder(release, OPTIONS, fresh(tokenizer), tokenizer, seed=4, progress=kill, checkpoints=checkpoints)
    again = train_decoder(
        release,
        OPTIONS,
        fresh(tokenizer),
        tokenizer,
        seed=4,
        progress=lambda done, *_: steps.append(done),
        checkpoints=checkpoints,
    )
    assert steps[0] == 12
    assert again.losses == trained.losses
    assert weights(again) == weights(trained)


def test_exits_do_not_depend_on_what_else_is_encoded(trained: TrainedDecoder, sentences: Mapping[str, str]) -> None:
    texts = [*sentences.values(), "", "x" * 500]
    together = trained.exits(texts, rank=32)
    assert together.shape == (3, len(texts), 32)
    assert together.dtype == np.float32
    for row, text in enumerate(texts):
        np.testing.assert_allclose(together[:, row], trained.exits([text], rank=32)[:, 0], rtol=1e-4, atol=1e-5)
    assert trained.exits([], rank=32).shape == (3, 0, 32)


def test_what_is_saved_can_be_read_back(trained: TrainedDecoder, sentences: Mapping[str, str], tmp_path: Path) -> None:
    trained.save(tmp_path)
    again = TrainedDecoder.load(tmp_path)
    texts = list(sentences.values())
    assert np.array_equal(again.exits(texts, rank=32), trained.exits(texts, rank=32))
    assert (again.options, again.seed, again.losses) == (trained.options, trained.seed, trained.losses)
    assert load_tokenizer(tmp_path).end == trained.tokenizer.end


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"format": "other"}', "[" * 100_000])
def test_a_folder_that_holds_no_trained_decoder(trained: TrainedDecoder, tmp_path: Path, content: str | None) -> None:
    trained.save(tmp_path)
    (tmp_path / "training.json").unlink()
    if content is not None:
        (tmp_path / "training.json").write_text(content)
    with pytest.raises(CheckpointError, match="does not hold a trained decoder"):
        TrainedDecoder.load(tmp_path)


def test_it_can_be_exported(trained: TrainedDecoder, tmp_path: Path) -> None:
    export_decoder(trained.decoder, trained.tokenizer, tmp_path / "model", max_tokens=24)
    assert load_decoder(tmp_path / "model").decoder.shape.width == 32


def test_a_tokenizer_with_more_tokens_than_the_table_is_refused(release: Release, tokenizer: DecoderTokenizer) -> None:
    decoder = fresh(tokenizer)
    decoder.shape = replace(decoder.shape, vocabulary=tokenizer.size - 1)
    with pytest.raises(ConfigError, match="not that of the decoder"):
        train_decoder(release, OPTIONS, decoder, tokenizer, seed=0)


@pytest.mark.parametrize(("device", "kernel"), [("cpu", Kernel.EXPLICIT), ("cuda", Kernel.VARLEN)])
def test_how_a_decoder_computes_is_the_devices(device: str, kernel: Kernel) -> None:
    options = decoder_options(device)
    assert (options.kernel, options.bf16, options.checkpointing) == (kernel, device == "cuda", device == "cuda")


@given(st.lists(st.integers(1, 60), max_size=80), st.integers(1, 200))
def test_batches_hold_every_row_once_and_not_too_many_tokens(lengths: list[int], tokens: int) -> None:
    given_lengths = np.array(lengths, np.int64)
    batches = list(length_batches(given_lengths, tokens))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * given_lengths[batch].max() <= tokens
