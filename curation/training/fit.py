"""The training loop of every backbone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from curation.config.training import Training
from curation.training.backbone import Alignable, Backbone
from curation.training.distributed import Workers
from curation.training.losses import dimension_weights, forbidden, nested_loss
from curation.training.losses.distillation import distillation_loss
from curation.training.optimiser import Optimiser
from curation.training.pairs import Batch, TrainingPairs
from curation.training.schedule import first_nested_step, learning_rate, sample_rank

# Told after each step: the number of steps done, of all steps, and the loss.
Progress = Callable[[int, int, float], None]

_WEIGHT_DECAY = 0.01
_MAX_GRADIENT_NORM = 1.0
# Texts by which the axes of a bag are found.
_ALIGNED_TEXTS = 20_000


@dataclass
class Course:
    """A training under way.

    Attributes:
        backbone: what is trained; a module, on the device where it is to be trained.
        pairs: what it is trained on.
        options: settings.
        seed: of batches and ranks.
        workers: the processes that train it together, each with a course of its own.
        losses: of each step so far.
    """

    backbone: Backbone
    pairs: TrainingPairs
    options: Training
    seed: int
    workers: Workers = field(default_factory=Workers)
    losses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        assert isinstance(self.backbone, torch.nn.Module)
        self.module: torch.nn.Module = self.backbone
        self.optimiser = Optimiser(
            dict(self.module.named_parameters()), weight_decay=_WEIGHT_DECAY, scale=self._rate_scale
        )

    def run(self, progress: Progress, checkpoint: Callable[[Course], None] | None = None) -> None:
        """Train from the steps done so far to the end, or to a step whose loss or gradient is not finite.

        Args:
            progress: is told after each step.
            checkpoint: is called after each step with the course, and may save it.
        """
        for step in range(len(self.losses), self.options.steps):
            if step == first_nested_step(self.options) and step:
                self._align()
            loss = self._loss(step)
            loss.backward()  # type: ignore[no-untyped-call]
            self.workers.sum_gradients(self.optimiser.parameters.values())
            taken = math.isfinite(loss.item()) and self.optimiser.step(
                learning_rate(step, self.options), max_norm=_MAX_GRADIENT_NORM
            )
            if not taken:
                break
            self.losses.append(loss.item())
            progress(step + 1, self.options.steps, self.losses[-1])
            if checkpoint is not None:
                checkpoint(self)

    def _rate_scale(self, name: str) -> float:
        return self.options.block_learning_rate if name.startswith("blocks.") else 1.0

    def _align(self) -> None:
        """Turn a bag to its principal axes before nesting begins."""
        if isinstance(self.backbone, Alignable) and self.options.align:
            self.backbone.align(*self.pairs.sample_texts(_ALIGNED_TEXTS, seed=self.seed).tensors())
            self.optimiser.forget()

    def _loss(self, step: int) -> torch.Tensor:
        batch = self.pairs.batch(step, size=self.options.batch_size * self.workers.size, seed=self.seed)
        if len(batch.anchors) % self.workers.size:
            batch = batch.take(slice(0, len(batch.anchors) // self.workers.size * self.workers.size))
        nested = step >= first_nested_step(self.options)
        rank, exits = self._cell(step, nested=nested)
        queries, candidates = self._vectors(batch, rank=rank, exits=exits)
        if not (nested and "depth" in self.options.nested):
            queries, candidates = queries[-1:], candidates[-1:]
        dims = self.backbone.dims if nested and "dimension" in self.options.nested else self.backbone.dims[-1:]
        masked = torch.from_numpy(forbidden(*batch.numbers())).to(queries.device)
        loss = nested_loss(
            queries,
            candidates,
            masked,
            dims=dims,
            weights=self._weights(dims, len(queries)).to(queries.device),
            temperature=self.options.loss_temperature,
        )
        if self.options.distillation and batch.teacher_scores is not None:
            loss = loss + self.options.distillation * distillation_loss(
                queries[-1], candidates[-1], batch.teacher_scores, temperature=self.options.loss_temperature
            )
        return loss

    def _cell(self, step: int, *, nested: bool) -> tuple[int, int]:
        """Return the rank and the number of exits of a step."""
        ranks, depths = self.backbone.ranks, self.backbone.depths
        # Blocks that start as the identity are left out until nesting begins: they slow the table down.
        first = not nested and isinstance(self.backbone, Alignable)
        rank = sample_rank(step, ranks, seed=self.seed) if nested and "rank" in self.options.nested else ranks[-1]
        return rank, 1 if first else len(depths)

    def _weights(self, dims: tuple[int, ...], exits: int) -> torch.Tensor:
        each = dimension_weights(dims, full_share=self.options.full_share)
        return torch.tensor(each)[:, None].expand(len(dims), exits) / exits

    def _vectors(self, batch: Batch, *, rank: int, exits: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the vectors of the whole batch: queries (e, b, width) and candidates (e, b + b k, width)."""
        mine = batch.take(self.workers.share(len(batch.anchors)))
        parameter = next(iter(self.optimiser.parameters.values()))
        tokens, lengths = (part.to(parameter.device) for part in self.pairs.texts.take(mine.texts()).tensors())
        vectors = self.backbone(tokens, lengths, rank=rank, exits=exits)
        size = len(mine.anchors)
        sides = torch.split(vectors, [size, size, vectors.shape[1] - 2 * size], dim=1)
        queries, positives, negatives = (self.workers.gather(side) for side in sides)
        return queries, torch.cat([positives, negatives], dim=1)
