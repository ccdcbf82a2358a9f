"""Training the decoder backbone on a release, and using and keeping what comes of it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from curation.config.training import Training
from curation.errors import ConfigError
from curation.files import atomic_path, write_json
from curation.release import Release
from curation.training.checkpoints import Checkpoints
from curation.training.decoder.attention import Kernel
from curation.training.decoder.checkpoint import CheckpointError, load_decoder, write_checkpoint
from curation.training.decoder.model import Decoder, DecoderOptions
from curation.training.decoder.tokenizer import SETTINGS, TOKENIZER, DecoderTokenizer, load_tokenizer
from curation.training.distributed import Workers
from curation.training.fit import Course, Progress
from curation.training.pairs import read_texts
from curation.training.ragged import Ragged
from curation.training.reproducible import reproducible

Float32s = npt.NDArray[np.float32]
Int64s = npt.NDArray[np.int64]

TRAINING = "training.json"

_FORMAT = "trained-decoder/1"
# Texts that are tokenised at once, and tokens, padding included, that the model computes at once.
_ENCODE_ROWS, _ENCODE_TOKENS = 8_192, 16_384


@dataclass(frozen=True)
class TrainedDecoder:
    """A trained decoder with what it needs to be used again; a `curation.training.evaluation.Encoder`.

    Attributes:
        decoder: the backbone, on the device where it is used.
        tokenizer: its tokenizer.
        options: what it was trained with; nesting is the decoder's own.
        seed: of everything that was drawn.
        losses: one number a step; fewer than `options.steps` if the training diverged.
    """

    decoder: Decoder
    tokenizer: DecoderTokenizer
    options: Training
    seed: int
    losses: tuple[float, ...]

    @property
    def depths(self) -> tuple[int, ...]:
        """Number of layers below each exit."""
        return self.decoder.depths

    @property
    def dims(self) -> tuple[int, ...]:
        """Nested output dimensions."""
        return self.decoder.dims

    @property
    def ranks(self) -> tuple[int, ...]:
        """Nested ranks of the token table."""
        return self.decoder.ranks

    def exits(self, texts: Sequence[str], *, rank: int) -> Float32s:
        """Return the output of every exit, not normalised: float32 (len(depths), n, width).

        Besides the result, memory is bounded: texts are encoded in batches of similar length.

        Args:
            texts: n texts.
            rank: of the token table, one of `ranks`.
        """
        found = np.zeros((len(self.depths), len(texts), self.dims[-1]), np.float32)
        with arithmetic(self._device), torch.no_grad():
            for start in range(0, len(texts), _ENCODE_ROWS):
                part = texts[start : start + _ENCODE_ROWS]
                tokens = self.tokenizer.encode(part, max_tokens=self.options.max_tokens)
                for rows in length_batches(np.diff(tokens.offsets), _ENCODE_TOKENS):
                    found[:, start + rows] = self._forward(tokens.take(rows), rank)
        return found

    @property
    def _device(self) -> torch.device:
        return self.decoder.norm.weight.device

    def _forward(self, tokens: Ragged, rank: int) -> Float32s:
        flat, lengths = (part.to(self._device) for part in tokens.tensors())
        exits: torch.Tensor = self.decoder(flat, lengths, rank=rank, exits=len(self.depths))
        return np.asarray(exits.cpu().numpy())

    def save(self, folder: Path) -> None:
        """Write a checkpoint that transformers loads, its tokenizer, and last what it was trained with."""
        (folder / TRAINING).unlink(missing_ok=True)
        write_checkpoint(self.decoder, folder)
        with atomic_path(folder / TOKENIZER) as temporary:
            self.tokenizer.processor.save(str(temporary))
        end = self.tokenizer.processor.id_to_token(self.tokenizer.end)
        write_json(folder / SETTINGS, {"eos_token": end, "tokenizer_class": "PreTrainedTokenizerFast"})
        described = {"format": _FORMAT, "seed": self.seed, "options": self.options.model_dump(), "end_token": end}
        write_json(folder / TRAINING, described | {"losses": self.losses})

    @classmethod
    def load(cls, folder: Path, *, options: DecoderOptions | None = None, device: str = "cpu") -> TrainedDecoder:
        """Read what `save` wrote.

        Args:
            folder: the folder.
            options: how the decoder computes.
            device: where it is used.

        Raises:
            CheckpointError: if the folder does not hold a trained decoder.
            TokenizerError: if its tokenizer cannot be read.
            ShapeError: if its config cannot be read.
        """
        path = folder / TRAINING
        try:
            described = json.loads(path.read_text(encoding="utf-8"))
            if described["format"] != _FORMAT:
                raise ValueError(f"format {described['format']!r:.60}, not {_FORMAT!r}")
            settings = Training.model_validate(described["options"])
            seed, losses = int(described["seed"]), tuple(map(float, described["losses"]))
            end = str(described["end_token"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            why = f"{type(error).__name__}: {error}"
            raise CheckpointError("This folder does not hold a trained decoder", str(path), why) from error
        decoder = load_decoder(folder, options=options).decoder.requires_grad_(False).to(device)
        return cls(decoder, load_tokenizer(folder, end_token=end), settings, seed, losses)


def train_decoder(
    release: Release,
    options: Training,
    decoder: Decoder,
    tokenizer: DecoderTokenizer,
    *,
    seed: int,
    device: str = "cpu",
    workers: Workers | None = None,
    progress: Progress | None = None,
    checkpoints: Checkpoints | None = None,
) -> TrainedDecoder:
    """Train a decoder on the train split of a release.

    On a CPU the result is a function of release, options, decoder and seed, however often the training was cut and
    went on from a checkpoint. Of the options, `dims`, `ranks`, `depth`, `vocabulary`, `tokenizer_lines`, `align` and
    `block_learning_rate` are the smoke model's alone.

    Args:
        release: the release.
        options: settings.
        decoder: what is trained, in place; `decoder_options` says how it best computes.
        tokenizer: its own.
        seed: of batches and ranks.
        device: where to train, as torch names it.
        workers: the processes that train it together; one by default.
        progress: called after each step with the number of steps done, of all steps, and the loss.
        checkpoints: where the training's state is kept.

    Raises:
        ReleaseError: if there is nothing to train on.
        ConfigError: if the tokenizer has more tokens than the decoder's table.
    """
    if tokenizer.size > decoder.shape.vocabulary:
        why = f"{tokenizer.size:,} tokens, but the token table has {decoder.shape.vocabulary:,} rows"
        raise ConfigError("The tokenizer is not that of the decoder", why=why, hint="take both from one checkpoint")
    pairs = read_texts(release, options, seed=seed).encode(tokenizer, max_tokens=options.max_tokens)
    decoder = decoder.to(device).requires_grad_(True)
    course = Course(decoder, pairs, options, seed, workers or Workers())
    if checkpoints is not None:
        checkpoints.restore(course)
    with arithmetic(torch.device(device)):
        course.run(progress or _silent, checkpoints)
    return TrainedDecoder(decoder.requires_grad_(False), tokenizer, options, seed, tuple(course.losses))


def decoder_options(device: str) -> DecoderOptions:
    """Return how a decoder is trained on a device: on a GPU in bfloat16, its layers computed again for the gradient."""
    if torch.device(device).type == "cuda":
        return DecoderOptions(kernel=Kernel.VARLEN, checkpointing=True, bf16=True)
    return DecoderOptions()


def arithmetic(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Return the context of computations on a device: `reproducible` on a CPU, none elsewhere."""
    return reproducible() if device.type == "cpu" else contextlib.nullcontext()


def length_batches(lengths: Int64s, tokens: int) -> Iterator[Int64s]:
    """Yield the rows of batches, the shortest first; every row is in one of them.

    Args:
        lengths: int64 (n,), tokens of each row.
        tokens: of a batch, padded to its longest row; a longer row is a batch of its own.
    """
    order = np.argsort(lengths, kind="stable")
    start = 0
    for end in range(1, len(order) + 1):
        if end == len(order) or (end + 1 - start) * lengths[order[end]] > tokens:
            yield order[start:end]
            start = end


def _silent(_done: int, _total: int, _loss: float) -> None:
    return
