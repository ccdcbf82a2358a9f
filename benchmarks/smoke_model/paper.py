"""The paper's loss, with its gathered passages that carry no gradient, against ours: equal data, model and steps.

Their loss is one-way, query to passage, over the passages of all processes; these come from a gather without history,
so that passages learn nothing from it. Two processes are emulated: half of the batch each, on one model.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from benchmarks.smoke_model.corpus import Corpus
from benchmarks.smoke_model.study import accuracies, run, with_options
from curation.training.fit import Course
from curation.training.reproducible import reproducible
from curation.training.smoke import Prepared, TrainedModel, initial_model


class PaperCourse(Course):
    """A course with the paper's in-batch loss at the full cell, as each of two processes would compute it."""

    def _loss(self, step: int) -> torch.Tensor:
        batch = self.pairs.batch(step, size=self.options.batch_size, seed=self.seed)
        queries, passages = (side[0] for side in self._vectors(batch, rank=self.backbone.ranks[-1], exits=1))
        gathered = functional.normalize(passages, dim=1).detach()
        scores = functional.normalize(queries, dim=1) @ gathered.T / self.options.loss_temperature
        return functional.cross_entropy(scores, torch.arange(len(scores)))


class LivePaperCourse(PaperCourse):
    """The same with the one fault mended: the passages are live."""

    def _loss(self, step: int) -> torch.Tensor:
        batch = self.pairs.batch(step, size=self.options.batch_size, seed=self.seed)
        queries, passages = (side[0] for side in self._vectors(batch, rank=self.backbone.ranks[-1], exits=1))
        scores = functional.normalize(queries, dim=1) @ functional.normalize(passages, dim=1).T
        return functional.cross_entropy(scores / self.options.loss_temperature, torch.arange(len(scores)))


def compare(prepared: Prepared, corpus: Corpus, *, seeds: int) -> None:
    """Print the held-out accuracy of each at the full cell."""
    plain = with_options(prepared, nested=[], negatives=0)
    full = (prepared.options.depth, prepared.options.dims[-1], prepared.options.ranks[-1])
    kinds = {"paper: gathered passages without gradient": PaperCourse, "paper, live passages": LivePaperCourse}
    found = {name: [_trained(kind, plain, corpus, seed)[full] for seed in range(seeds)] for name, kind in kinds.items()}
    found["ours: both ways, masked, live"] = [run(plain, corpus, seed=seed).cells[full] for seed in range(seeds)]
    for name, values in found.items():
        shown = ", ".join(f"{value:.1f}" for value in values)
        print(f"{name}, {prepared.options.steps:,} steps: {np.mean(values):.1f} ({shown})")


def _trained(
    kind: type[PaperCourse], prepared: Prepared, corpus: Corpus, seed: int
) -> dict[tuple[int, int, int], float]:
    model = initial_model(prepared.tokenizer, prepared.options, seed=seed)
    course = kind(model.encoder.requires_grad_(True), prepared.pairs, prepared.options, seed)
    with reproducible():
        course.run(lambda *_: None)
    model.encoder.requires_grad_(False)
    return accuracies(TrainedModel(model.encoder, prepared.tokenizer, prepared.options, seed, ()), corpus)
