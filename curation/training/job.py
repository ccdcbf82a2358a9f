"""One training of a release in a folder: it goes on after a cut, and is found when it is finished.

The folder holds `model` (as the backbone saves it, and `spec.json` last, which says what it came from) and, while the
training goes on, `state`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from curation.code import code_digest
from curation.config.training import Training
from curation.errors import ConfigError, CurationError
from curation.files import sha256_file, to_json, write_json
from curation.release import Release
from curation.training.checkpoints import Checkpoints
from curation.training.decoder.checkpoint import load_decoder
from curation.training.decoder.model import Decoder, random_decoder
from curation.training.decoder.shape import preset
from curation.training.decoder.tokenizer import DecoderTokenizer, load_tokenizer
from curation.training.decoder.training import TrainedDecoder, decoder_options, train_decoder
from curation.training.distributed import Workers
from curation.training.export.card import CellAccuracy
from curation.training.export.decoder import export_decoder
from curation.training.export.smoke import export_smoke
from curation.training.export.training_data import training_data
from curation.training.fit import Progress
from curation.training.smoke import TrainedModel, prepare

MODEL, STATE, SPEC = "model", "state", "spec.json"

Trained = TrainedModel | TrainedDecoder

# Rank of a preset's token table: that of the published recipe.
_PRESET_RANK = 512
_CHECKPOINT_FILES = ("*.json", "*.safetensors")


@dataclass(frozen=True, slots=True)
class DecoderStart:
    """Where the training of a decoder begins.

    Attributes:
        checkpoint: folder of a Qwen3 checkpoint; None to begin from random weights.
        preset: name of the shape, without a checkpoint.
        tokenizer: folder of the tokenizer; the checkpoint's own by default.
        rank: full rank of the token table; for a checkpoint all of it, for a preset 512 by default.
    """

    checkpoint: Path | None = None
    preset: str | None = None
    tokenizer: Path | None = None
    rank: int | None = None

    def __post_init__(self) -> None:
        if (self.checkpoint is None) == (self.preset is None):
            raise ConfigError("A decoder begins from a checkpoint or from a preset", why="one of them is needed")
        if self.checkpoint is None and self.tokenizer is None:
            raise ConfigError("A preset has no tokenizer of its own", hint="name a folder with --tokenizer FOLDER")

    def digest(self) -> str:
        """Return the SHA-256 of what is read from disk, and of the names."""
        digest = hashlib.sha256(f"{self.preset}\n{self.rank}\n".encode())
        for folder in dict.fromkeys(path for path in (self.checkpoint, self.tokenizer) if path is not None):
            for path in sorted(found for pattern in _CHECKPOINT_FILES for found in folder.glob(pattern)):
                digest.update(f"{path.name}\n{sha256_file(path)}\n".encode())
        return digest.hexdigest()

    def load(self, *, seed: int, device: str) -> tuple[Decoder, DecoderTokenizer]:
        """Return the decoder before the first step, and its tokenizer.

        Raises:
            ShapeError: if there is no such preset, or the checkpoint is of another model.
            CheckpointError: if the checkpoint cannot be loaded.
            TokenizerError: if the tokenizer cannot be read.
            TokenTableError: if the rank is too great.
        """
        options = decoder_options(device)
        if self.checkpoint is not None:
            decoder = load_decoder(self.checkpoint, rank=self.rank, options=options).decoder
            return decoder, load_tokenizer(self.tokenizer or self.checkpoint)
        assert self.preset is not None
        assert self.tokenizer is not None
        tokenizer = load_tokenizer(self.tokenizer)
        # Rows for tokens that the tokenizer does not have would never be trained.
        shape = replace(preset(self.preset), vocabulary=tokenizer.size)
        rank = min(self.rank or _PRESET_RANK, shape.width, shape.vocabulary)
        generator = torch.Generator().manual_seed(seed)
        return random_decoder(shape, rank=rank, generator=generator, options=options), tokenizer


@dataclass(frozen=True, slots=True)
class Job:
    """A training.

    Attributes:
        release: what is trained on.
        options: settings.
        seed: of everything that is drawn.
        out: its folder.
        start: of a decoder; None for the smoke model.
        device: where it is trained; the smoke model is always trained on the processor.
        workers: the processes that train it together.
    """

    release: Release
    options: Training
    seed: int
    out: Path
    start: DecoderStart | None = None
    device: str = "cpu"
    workers: Workers = field(default_factory=Workers)

    def spec(self) -> str:
        """Return the SHA-256 of everything that the model depends on."""
        parts = {
            "release": self.release.digest,
            "options": self.options.model_dump(mode="json"),
            "seed": self.seed,
            "code": code_digest(),
            "start": self.start.digest() if self.start else None,
            "device": self.device.partition(":")[0],
            "workers": self.workers.size,
        }
        return hashlib.sha256(to_json(parts).encode()).hexdigest()


def finished_model(job: Job, spec: str) -> Trained | None:
    """Return the model that a training with this spec has left, if it is there and whole."""
    folder = job.out / MODEL
    try:
        described = json.loads((folder / SPEC).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(described, dict) or described.get("spec") != spec:
        return None
    try:
        if job.start is None:
            return TrainedModel.load(folder)
        return TrainedDecoder.load(folder, options=decoder_options(job.device), device=job.device)
    except CurationError:
        # What is damaged is worth no more than nothing: it is trained again.
        return None


def run_job(job: Job, spec: str, progress: Progress) -> Trained:
    """Train from where the newest state is to the end; the first worker keeps the model.

    Args:
        job: the training.
        spec: `job.spec()`.
        progress: is told after each step.

    Raises:
        CurationError: as `prepare`, `train_decoder` and `DecoderStart.load` do.
    """
    checkpoints = Checkpoints(job.out / STATE, spec)
    model = (
        _train_smoke(job, checkpoints, progress) if job.start is None else _train_decoder(job, checkpoints, progress)
    )
    if job.workers.first:
        (job.out / MODEL / SPEC).unlink(missing_ok=True)
        model.save(job.out / MODEL)
        write_json(job.out / MODEL / SPEC, {"spec": spec, "release": job.release.digest})
        checkpoints.clear()
    return model


def _train_smoke(job: Job, checkpoints: Checkpoints, progress: Progress) -> TrainedModel:
    prepared = prepare(job.release, job.options, seed=job.seed, cache=job.out / STATE / "tokenizers")
    return prepared.train(seed=job.seed, progress=progress, checkpoints=checkpoints, workers=job.workers)


def _train_decoder(job: Job, checkpoints: Checkpoints, progress: Progress) -> TrainedDecoder:
    assert job.start is not None
    decoder, tokenizer = job.start.load(seed=job.seed, device=job.device)
    return train_decoder(
        job.release,
        job.options,
        decoder,
        tokenizer,
        seed=job.seed,
        device=job.device,
        workers=job.workers,
        progress=progress,
        checkpoints=checkpoints,
    )


def export_model(model: Trained, release: Release, out: Path, accuracies: list[CellAccuracy]) -> None:
    """Write a folder that sentence-transformers loads; see `export_smoke` and `export_decoder`."""
    data = training_data(release)
    if isinstance(model, TrainedModel):
        export_smoke(model, out, data=data, accuracies=accuracies)
        return
    decoder, tokenizer, limit = model.decoder, model.tokenizer, model.options.max_tokens
    export_decoder(decoder, tokenizer, out, max_tokens=limit, data=data, accuracies=accuracies)
