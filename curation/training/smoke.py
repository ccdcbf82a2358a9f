"""The smoke model: trained on a release, used, and kept on disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import safetensors
import torch
from safetensors.torch import load_file, save_file

from curation.config.training import Training
from curation.errors import CurationError
from curation.files import atomic_path, write_json
from curation.release import Release
from curation.training.bag import BagEncoder
from curation.training.checkpoints import Checkpoints
from curation.training.distributed import Workers
from curation.training.fit import Course, Progress
from curation.training.pairs import TrainingPairs, TrainingTexts, read_texts
from curation.training.ragged import Ragged
from curation.training.reproducible import reproducible
from curation.training.tokenizer import Tokenizer, train_tokenizer

Float32s = npt.NDArray[np.float32]

_FORMAT = "smoke-model/2"
_CONFIG, _WEIGHTS, _TOKENIZER = "config.json", "weights.safetensors", "tokenizer.model"
# What JSON, safetensors, SentencePiece and torch raise on files that are damaged or not theirs.
_BROKEN_FILES = (OSError, EOFError, ValueError, TypeError, KeyError, RuntimeError, safetensors.SafetensorError)
_ENCODE_ROWS = 4_096


class ModelError(CurationError):
    """A folder does not hold a smoke model."""


@dataclass(frozen=True)
class TrainedModel:
    """A smoke model with what it needs to be used again.

    Attributes:
        encoder: the backbone.
        tokenizer: its tokenizer.
        options: what it was trained with.
        seed: of everything that was drawn.
        losses: one number a step; training ends before a step whose loss or gradient is not finite, so there are fewer
            than `options.steps` if it diverged.
    """

    encoder: BagEncoder
    tokenizer: Tokenizer
    options: Training
    seed: int
    losses: tuple[float, ...]

    @property
    def depths(self) -> tuple[int, ...]:
        """Number of blocks below each exit."""
        return self.encoder.depths

    @property
    def dims(self) -> tuple[int, ...]:
        """Nested output dimensions."""
        return self.encoder.dims

    @property
    def ranks(self) -> tuple[int, ...]:
        """Nested ranks of the token table."""
        return self.encoder.ranks

    def exits(self, texts: Sequence[str], *, rank: int) -> Float32s:
        """Return the output of every exit, not normalised: float32 (depth + 1, n, width)."""
        prepared = self.tokenizer.prepare(pa.array(texts, type=pa.large_string())).to_pylist()
        tokens = self.tokenizer.encode(prepared, max_tokens=self.options.max_tokens)
        pieces = [np.zeros((self.options.depth + 1, 0, self.options.dims[-1]), np.float32)]
        with reproducible(), torch.no_grad():
            for start in range(0, len(texts), _ENCODE_ROWS):
                rows = np.arange(start, min(start + _ENCODE_ROWS, len(texts)))
                pieces.append(self._forward(tokens.take(rows), rank))
        return np.concatenate(pieces, axis=1)

    def _forward(self, tokens: Ragged, rank: int) -> Float32s:
        exits: torch.Tensor = self.encoder(*tokens.tensors(), rank=rank, exits=len(self.depths))
        return np.asarray(exits.numpy())

    def encode(self, texts: Sequence[str], *, depth: int, dim: int, rank: int) -> Float32s:
        """Return unit vectors, float32 (n, dim), of one cell of the grid.

        Args:
            texts: n texts.
            depth: exit, 0 to the options' depth.
            dim: leading dimensions that are kept.
            rank: of the token table.
        """
        return unit(self.exits(texts, rank=rank)[depth, :, :dim])

    def save(self, folder: Path) -> None:
        """Write weights, tokenizer and options; the options last, so that nothing half-written is taken for a model."""
        (folder / _CONFIG).unlink(missing_ok=True)
        with atomic_path(folder / _WEIGHTS) as temporary:
            save_file(self.encoder.state_dict(), temporary)
        with atomic_path(folder / _TOKENIZER) as temporary:
            temporary.write_bytes(self.tokenizer.model)
        config = {"format": _FORMAT, "seed": self.seed, "options": self.options.model_dump(), "losses": self.losses}
        write_json(folder / _CONFIG, config)

    @classmethod
    def load(cls, folder: Path) -> TrainedModel:
        """Read what `save` wrote.

        Raises:
            ModelError: if the folder does not hold a smoke model.
        """
        try:
            config = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
            if config["format"] != _FORMAT:
                raise ValueError(f"format {config['format']!r}, not {_FORMAT!r}")
            tokenizer = Tokenizer((folder / _TOKENIZER).read_bytes())
            options = Training.model_validate(config["options"])
            model = initial_model(tokenizer, options, seed=config["seed"])
            model.encoder.load_state_dict(load_file(folder / _WEIGHTS))
            return replace(model, losses=tuple(config["losses"]))
        except _BROKEN_FILES as error:
            raise ModelError("This folder does not hold a smoke model", where=str(folder), why=str(error)) from error


def unit(vectors: Float32s) -> Float32s:
    """Scale vectors (n, d) to length 1; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Float32s = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return scaled


def initial_model(tokenizer: Tokenizer, options: Training, *, seed: int) -> TrainedModel:
    """Return the model as it is before the first step."""
    encoder = BagEncoder(
        vocabulary=tokenizer.size,
        ranks=tuple(options.ranks),
        dims=tuple(options.dims),
        depth=options.depth,
        generator=torch.Generator().manual_seed(seed),
    )
    return TrainedModel(encoder.requires_grad_(False), tokenizer, options, seed, losses=())


@dataclass(frozen=True, slots=True)
class Prepared:
    """A release's training texts, read and encoded once for any number of trainings.

    Attributes:
        texts: as they were read.
        pairs: the same, encoded.
        tokenizer: that was trained on them.
        options: of the trainings.
    """

    texts: TrainingTexts
    pairs: TrainingPairs
    tokenizer: Tokenizer
    options: Training

    def train(
        self,
        *,
        seed: int,
        shuffle_positives: bool = False,
        progress: Progress | None = None,
        checkpoints: Checkpoints | None = None,
        workers: Workers | None = None,
    ) -> TrainedModel:
        """Train the smoke model.

        The result is a function of the texts, the options and the seed, whatever the thread settings, and however often
        the training was cut and went on from a checkpoint.

        Args:
            seed: of initial values, batches and ranks.
            shuffle_positives: train the control, whose pairs mean nothing: each anchor gets the positive (and
                negatives) of another pair of its source and language; a pair that is alone there keeps its own.
            progress: called after each step with the number of steps done, of all steps, and the loss.
            checkpoints: where the training's state is kept.
            workers: the processes that train it together; one by default.
        """
        pairs = self.pairs.shuffled(self.texts.shuffled_order(seed=seed)) if shuffle_positives else self.pairs
        return self.train_on(pairs, seed=seed, progress=progress, checkpoints=checkpoints, workers=workers)

    def train_on(
        self,
        pairs: TrainingPairs,
        *,
        seed: int,
        progress: Progress | None = None,
        checkpoints: Checkpoints | None = None,
        workers: Workers | None = None,
    ) -> TrainedModel:
        """Train the smoke model on other pairs of these texts, for example a part; otherwise as `train`."""
        model = initial_model(self.tokenizer, self.options, seed=seed)
        course = Course(model.encoder.requires_grad_(True), pairs, self.options, seed, workers or Workers())
        if checkpoints is not None:
            checkpoints.restore(course)
        with reproducible():
            course.run(progress or _silent, checkpoints)
        model.encoder.requires_grad_(False)
        return replace(model, losses=tuple(course.losses))


def prepare(release: Release, options: Training, *, seed: int, cache: Path) -> Prepared:
    """Read the train split of a release, train the tokenizer on it and encode it.

    Args:
        release: the release.
        options: of the model and the training.
        seed: of the choice of pairs and of the tokenizer's texts.
        cache: folder in which trained tokenizers are kept.

    Raises:
        ReleaseError: if there is nothing to train on.
        TokenizerError: if the texts are blank.
    """
    texts = read_texts(release, options, seed=seed)
    # The tokenizer's texts are those that it will see: two that fold to one count once.
    distinct = list(dict.fromkeys(Tokenizer.prepare(texts.distinct).to_pylist()))
    tokenizer = train_tokenizer(
        distinct, vocabulary=options.vocabulary, lines=options.tokenizer_lines, seed=seed, cache=cache
    )
    return Prepared(texts, texts.encode(tokenizer, max_tokens=options.max_tokens), tokenizer, options)


def train_smoke(
    release: Release,
    options: Training,
    *,
    seed: int,
    cache: Path,
    shuffle_positives: bool = False,
    progress: Progress | None = None,
) -> TrainedModel:
    """Train the smoke model on the train split of a release: `prepare`, then `Prepared.train`."""
    prepared = prepare(release, options, seed=seed, cache=cache)
    return prepared.train(seed=seed, shuffle_positives=shuffle_positives, progress=progress)


def _silent(_done: int, _total: int, _loss: float) -> None:
    return
