"""What each step of a training does: a function of the settings, the step and the seed alone."""

from __future__ import annotations

import math

import numpy as np

from curation.config.training import Training

# A stream of its own, apart from the batches' (seed, step).
_RANK_STREAM = 1 << 32


def learning_rate(step: int, options: Training) -> float:
    """Return the learning rate of a step: a linear rise, then half a cosine down to zero."""
    warmup = max(1, round(options.steps * options.warmup))
    if step < warmup:
        return options.learning_rate * (step + 1) / warmup
    done = (step - warmup) / max(1, options.steps - warmup)
    return options.learning_rate * (1 + math.cos(math.pi * done)) / 2


def first_nested_step(options: Training) -> int:
    """Return the step from which on all nestings are trained; before it, the full model is, at its first exit."""
    return round(options.steps * options.nested_from) if options.nested else options.steps


def sample_rank(step: int, ranks: tuple[int, ...], *, seed: int) -> int:
    """Return the rank that a step trains, drawn in proportion to its size; every process of a run draws the same."""
    random = np.random.default_rng((seed, step, _RANK_STREAM))
    weights = np.array(ranks, dtype=np.float64)
    return int(random.choice(ranks, p=weights / weights.sum()))
