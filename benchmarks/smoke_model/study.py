"""One training of the smoke model, and what it is worth at the cells that are compared."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.smoke_model.corpus import Corpus
from curation.config.training import Training
from curation.training.evaluation import evaluate_grid
from curation.training.smoke import Prepared, TrainedModel

_SAMPLE = 20_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """Accuracy@1 in percent, the mean over languages, by (depth, dim, rank); and what the training took."""

    cells: dict[tuple[int, int, int], float]
    cpu_seconds: float
    loss: float


def run(prepared: Prepared, corpus: Corpus, *, seed: int, aligned_after: bool = False) -> Outcome:
    """Train and evaluate.

    Args:
        prepared: texts and settings.
        corpus: has the held-out pairs.
        seed: of the training.
        aligned_after: turn the trained model to its principal axes: PCA of the outputs and, with it, the best table of
            every rank, after the fact.
    """
    began = time.process_time()
    model = prepared.train(seed=seed)
    seconds = time.process_time() - began
    if aligned_after:
        with torch.no_grad():
            model.encoder.align(*prepared.pairs.sample_texts(_SAMPLE, seed=seed).tensors())
    return Outcome(accuracies(model, corpus), seconds, float(np.mean(model.losses[-50:])))


def accuracies(model: TrainedModel, corpus: Corpus) -> dict[tuple[int, int, int], float]:
    """Return the accuracy of every cell."""
    grid = evaluate_grid(model, corpus.held_out)
    return {(cell.depth, cell.dim, cell.rank): 100 * cell.score.accuracy for cell in grid}


def steps_for(prepared: Prepared, seconds: float) -> int:
    """Return how many steps take so many CPU seconds, by a short training of the same shape."""
    trial = 200
    short = Prepared(
        prepared.texts, prepared.pairs, prepared.tokenizer, prepared.options.model_copy(update={"steps": trial})
    )
    short.train(seed=0)
    began = time.process_time()
    short.train(seed=0)
    return round(seconds / ((time.process_time() - began) / trial))


def with_options(prepared: Prepared, **changes: object) -> Prepared:
    """Return the same texts with other settings, which must not concern the texts."""
    options = Training.model_validate(prepared.options.model_dump() | changes)
    return Prepared(prepared.texts, prepared.pairs, prepared.tokenizer, options)
