"""What a step costs, nested and not, and the nested loss beside the one that torch's operations would give."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from benchmarks.smoke_model.study import with_options
from curation.training.fit import Course
from curation.training.losses import nested_loss
from curation.training.reproducible import reproducible
from curation.training.smoke import Prepared, initial_model

_DIMS = [8, 16, 32, 64, 128]
_REPEATS, _STEPS = 3, 60


def compare(prepared: Prepared) -> None:
    """Print the medians of a step of 256 pairs with 4 exits and 5 dimensions, and of one without nesting."""
    shape: dict[str, object] = {"depth": 3, "dims": _DIMS, "negatives": 0, "batch_size": 256, "steps": 10_000}
    kinds = {
        "un-nested, exit 3 of 3": shape | {"nested": ["rank"], "nested_from": 0.0},
        "nested: 4 exits x 5 dims": shape | {"nested": ["dimension", "depth", "rank"], "nested_from": 0.0},
        "un-nested, first exit (before nesting begins)": shape | {"nested": []},
    }
    courses = {name: _course(with_options(prepared, **changes)) for name, changes in kinds.items()}
    times = _interleaved({name: lambda course=course: _steps(course) for name, course in courses.items()})
    base = next(iter(times.values()))
    for name, value in times.items():
        print(f"{name}: {1_000 * value / _STEPS:.1f} ms a step, {value / base:.2f} of the first")
    print()
    _compare_losses()


def _compare_losses() -> None:
    generator = torch.Generator().manual_seed(0)
    queries, candidates = (torch.randn(4, 256, 128, generator=generator) for _ in range(2))
    masked, weights = torch.zeros(256, 256, dtype=torch.bool), torch.full((5, 4), 1 / 20)
    one = torch.ones(1, 1)

    def closed(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return nested_loss(left, right, masked, dims=_DIMS, weights=weights, temperature=0.1)

    def plain(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return nested_loss(left[-1:], right[-1:], masked, dims=[128], weights=one, temperature=0.1)

    kinds = {"by autograd, dim by dim": _by_autograd, "closed form": closed, "one exit, one dim": plain}
    times = _interleaved({name: lambda loss=loss: _losses(loss, queries, candidates) for name, loss in kinds.items()})
    for name, value in times.items():
        print(f"loss of 4 x 5 cells, forward and backward, {name}: {1_000 * value / _STEPS:.2f} ms")


def _by_autograd(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    total = left.sum() * 0
    for place in range(len(left)):
        for dim in _DIMS:
            q, c = (functional.normalize(side[place, :, :dim], dim=1) for side in (left, right))
            scores = q @ c.T / 0.1
            target = torch.arange(len(q))
            total = total + functional.cross_entropy(scores, target) + functional.cross_entropy(scores.T, target)
    return total / 40


def _losses(
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], queries: torch.Tensor, candidates: torch.Tensor
) -> None:
    for _ in range(_STEPS):
        loss(queries.requires_grad_(), candidates.requires_grad_()).backward()


def _course(prepared: Prepared) -> Course:
    model = initial_model(prepared.tokenizer, prepared.options, seed=0)
    return Course(model.encoder.requires_grad_(True), prepared.pairs, prepared.options, 0)


def _steps(course: Course) -> None:
    course.options = course.options.model_copy(update={"steps": len(course.losses) + _STEPS})
    with reproducible():
        course.run(lambda *_: None)


def _interleaved(kinds: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Return the median CPU seconds of each, run in turn, so that what else the machine does meets all alike."""
    times: dict[str, list[float]] = {name: [] for name in kinds}
    for repeat in range(_REPEATS + 1):
        for name, work in kinds.items():
            began = time.process_time()
            work()
            if repeat:
                times[name].append(time.process_time() - began)
    return {name: float(np.median(values)) for name, values in times.items()}
