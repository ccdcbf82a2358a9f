"""Training the smoke model."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from curation.config.training import Training
from curation.errors import CurationError
from curation.files import atomic_path, write_json
from curation.release import Release
from curation.text import fold
from curation.training.loss import forbidden, nested_loss
from curation.training.model import BagEncoder
from curation.training.pairs import TrainingPairs, load_pairs
from curation.training.ragged import Ragged
from curation.training.reproducible import reproducible
from curation.training.tokenizer import Tokenizer

Float32s = npt.NDArray[np.float32]
Progress = Callable[[int, int, float], None]

_FORMAT = "smoke-model/1"
_CONFIG, _WEIGHTS, _TOKENIZER = "config.json", "weights.npz", "tokenizer.model"
# What JSON, NumPy, zipfile, SentencePiece and torch raise on files that are damaged or not theirs.
_BROKEN_FILES = (OSError, EOFError, ValueError, TypeError, KeyError, RuntimeError, zipfile.BadZipFile)
_WEIGHT_DECAY = 0.01
_MAX_GRADIENT_NORM = 1.0
_ENCODE_ROWS = 4_096
# A stream of its own, apart from the batches' (seed, step).
_CELL_STREAM = 1 << 32


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
        return tuple(range(self.options.depth + 1))

    @property
    def dims(self) -> tuple[int, ...]:
        """Nested output dimensions."""
        return tuple(self.options.dims)

    @property
    def ranks(self) -> tuple[int, ...]:
        """Nested ranks of the token table."""
        return tuple(self.options.ranks)

    def exits(self, texts: Sequence[str], *, rank: int) -> Float32s:
        """Return the output of every exit, not normalised: float32 (depth + 1, n, width)."""
        folded = fold(pa.array(texts, type=pa.large_string())).to_pylist()
        tokens = self.tokenizer.encode(folded, max_tokens=self.options.max_tokens)
        pieces = [np.zeros((self.options.depth + 1, 0, self.options.dims[-1]), np.float32)]
        with reproducible(), torch.no_grad():
            for start in range(0, len(texts), _ENCODE_ROWS):
                rows = np.arange(start, min(start + _ENCODE_ROWS, len(texts)))
                pieces.append(self._forward(tokens.take(rows), rank))
        return np.concatenate(pieces, axis=1)

    def _forward(self, tokens: Ragged, rank: int) -> Float32s:
        exits: torch.Tensor = self.encoder(*tokens.tensors(), rank=rank, depth=self.options.depth)
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
        """Write weights (NumPy archive, no pickle), tokenizer and options."""
        weights = {name: value.numpy() for name, value in self.encoder.state_dict().items()}
        with atomic_path(folder / _WEIGHTS) as temporary, temporary.open("wb") as stream:
            np.savez(stream, **weights)
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
            with np.load(folder / _WEIGHTS, allow_pickle=False) as archive:
                model.encoder.load_state_dict({name: torch.from_numpy(archive[name]) for name in archive.files})
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
        rank=options.ranks[-1],
        width=options.dims[-1],
        depth=options.depth,
        generator=torch.Generator().manual_seed(seed),
    )
    return TrainedModel(encoder.requires_grad_(False), tokenizer, options, seed, losses=())


def train_smoke(
    release: Release,
    options: Training,
    *,
    seed: int,
    cache: Path,
    shuffle_positives: bool = False,
    progress: Progress | None = None,
) -> TrainedModel:
    """Train the smoke model on the train split of a release.

    The result is a function of the release's content, the options and the seed, whatever the thread settings.

    Args:
        release: the release.
        options: of the model and the training.
        seed: of initial values, batches and ranks.
        cache: folder in which trained tokenizers are kept.
        shuffle_positives: train the control, whose pairs mean nothing (see `load_pairs`).
        progress: called after each step with the number of steps done, of all steps, and the loss.

    Raises:
        ReleaseError: if there is nothing to train on.
        TokenizerError: if the texts are blank.
    """
    pairs, tokenizer = load_pairs(release, options, seed=seed, cache=cache, shuffle_positives=shuffle_positives)
    model = initial_model(tokenizer, options, seed=seed)
    with reproducible():
        losses = _fit(model.encoder.requires_grad_(True), pairs, options, seed, progress or _silent)
    model.encoder.requires_grad_(False)
    return replace(model, losses=tuple(losses))


def learning_rate(step: int, options: Training) -> float:
    """Return the learning rate of a step: a linear rise, then half a cosine down to zero."""
    warmup = max(1, round(options.steps * options.warmup))
    if step < warmup:
        return options.learning_rate * (step + 1) / warmup
    done = (step - warmup) / max(1, options.steps - warmup)
    return options.learning_rate * (1 + math.cos(math.pi * done)) / 2


def sample_cell(step: int, options: Training, *, seed: int) -> tuple[int, int]:
    """Return the rank and the depth that a step trains; every process of a run draws the same.

    Ranks are drawn in proportion to their size, depths evenly. To train all exits at each step costs 1.8 times as much
    and was worth 1 to 2 points of held-out accuracy, about the spread between seeds (Django's catalogues, 600 steps).
    """
    random = np.random.default_rng((seed, step, _CELL_STREAM))
    weights = np.array(options.ranks, dtype=np.float64)
    rank = random.choice(options.ranks, p=weights / weights.sum())
    return int(rank), int(random.integers(options.depth + 1))


def _fit(encoder: BagEncoder, pairs: TrainingPairs, options: Training, seed: int, progress: Progress) -> list[float]:
    optimiser = torch.optim.AdamW(encoder.parameters(), weight_decay=_WEIGHT_DECAY, fused=True)
    losses: list[float] = []
    for step in range(options.steps):
        loss = _loss(encoder, pairs, options, step, seed)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(encoder.parameters(), _MAX_GRADIENT_NORM)
        if not (math.isfinite(loss.item()) and math.isfinite(norm.item())):
            break
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, options)
        optimiser.step()
        losses.append(loss.item())
        progress(step + 1, options.steps, losses[-1])
    return losses


def _loss(encoder: BagEncoder, pairs: TrainingPairs, options: Training, step: int, seed: int) -> torch.Tensor:
    rows = pairs.batch(step, size=options.batch_size, seed=seed)
    anchors, positives, negatives = pairs.anchors[rows], pairs.positives[rows], pairs.negatives[rows]
    tokens, lengths = pairs.texts.take(np.concatenate([anchors, positives, negatives.ravel()])).tensors()
    rank, depth = sample_cell(step, options, seed=seed)
    vectors = encoder(tokens, lengths, rank=rank, depth=depth)[-1]
    masked = torch.from_numpy(forbidden(anchors, positives, pairs.groups[rows], negatives))
    queries, candidates = vectors[: len(rows)], vectors[len(rows) :]
    return nested_loss(queries, candidates, masked, dims=options.dims, temperature=options.loss_temperature)


def _silent(_done: int, _total: int, _loss: float) -> None:
    return
