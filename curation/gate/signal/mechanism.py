"""Does training work? The steps were run, the losses are sane, the grid is whole and the model survives its folder."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from curation.config.gate import Gate
from curation.gate.baseline import Before, figure
from curation.gate.signal.trial import Trial
from curation.gate.verdict import Check, compare, skipped
from curation.training import TrainedModel

TOO_FEW = "no language has enough held-out pairs"

# Texts of several scripts that a model must encode to the same vectors after it was saved and loaded.
_PROBES = ("a sentence", "ein Satz", "предложение", "문장", "جملة", "वाक्य", "句子", "문장 ein 句子")
# Embeddings of an exported model and of ours.
MAX_EXPORT_DIFFERENCE = 1e-5

# Exports a model into a folder and returns the greatest difference between the loaded export's embeddings and ours.
ExportProbe = Callable[[TrainedModel, Path, tuple[str, ...]], float]


def mechanism_checks(
    trial: Trial, options: Gate, before: Before | None, *, export: ExportProbe | None = None
) -> list[Check]:
    """Return the checks of the mechanism.

    Args:
        trial: what was trained.
        options: thresholds.
        before: the baseline.
        export: how a model is exported and loaded again; without it that check is skipped.
    """
    checks = [_steps(trial)]
    if all(model.losses for model in trial.models):
        checks += [_falling(trial), *([] if before is None else _end_loss(trial, options, before))]
        checks += [_grid(trial), check_reload(trial.model), export_loads(trial.model, export)]
    return checks


def end_loss(model: TrainedModel) -> float:
    """Return the mean loss of the last tenth of a model's steps."""
    return float(np.mean(model.losses[-_tenth(model) :]))


def check_reload(model: TrainedModel) -> Check:
    """A model that was saved and loaded gives the same vectors, bit by bit."""
    options, name = model.options, "mechanism.reload"
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder))
        loaded = TrainedModel.load(Path(folder))
    vectors = [which.exits(_PROBES, rank=options.ranks[-1]) for which in (model, loaded)]
    metric = "greatest difference of an embedding after saving and loading"
    return compare(name, "mechanism", metric, float(np.abs(vectors[0] - vectors[1]).max()), "==", 0)


def export_loads(model: TrainedModel, export: ExportProbe | None) -> Check:
    """The exported model loads, and gives our embeddings."""
    name = "mechanism.export_loads"
    if export is None:
        return skipped(name, "mechanism", "transformers is not installed: see the extra hub-teacher")
    with tempfile.TemporaryDirectory() as folder:
        difference = export(model, Path(folder), _PROBES)
    metric = "greatest difference between the embeddings of the loaded export and of the model"
    return compare(name, "mechanism", metric, difference, "<=", MAX_EXPORT_DIFFERENCE)


def _steps(trial: Trial) -> Check:
    metric = "steps before a loss or gradient that is not finite, fewest of all seeds"
    fewest = min(len(model.losses) for model in trial.models)
    return compare("mechanism.steps", "mechanism", metric, fewest, "==", trial.model.options.steps)


def _falling(trial: Trial) -> Check:
    """The model whose loss fell least must have learnt too."""
    first, last = max(
        ((float(np.mean(model.losses[: _tenth(model)])), end_loss(model)) for model in trial.models),
        key=lambda ends: ends[1] - ends[0],
    )
    return compare("mechanism.loss", "mechanism", "mean loss of the last tenth of steps", last, "<", first)


def _end_loss(trial: Trial, options: Gate, before: Before) -> list[Check]:
    """A changed loss at equal settings says that the data changed; which way is better it does not say."""
    name, earlier = "mechanism.end_loss", figure(before.metrics, "end_loss", "mean")
    if before.why or earlier is None:
        return [skipped(name, "mechanism", before.why or "the baseline's verdict has no end loss", severity="warn")]
    mean = float(np.mean([end_loss(model) for model in trial.models]))
    return [
        compare(
            name,
            "mechanism",
            "change of the loss at the end against the baseline, either way",
            abs(mean - earlier),
            "<=",
            options.max_end_loss_change,
            severity="warn",
            detail=f"{earlier:.3f} -> {mean:.3f}",
        )
    ]


def _grid(trial: Trial) -> Check:
    if not trial.pairs:
        return skipped("mechanism.grid", "mechanism", TOO_FEW)
    options = trial.model.options
    cells = (options.depth + 1) * len(options.dims) * len(options.ranks)
    finite = sum(math.isfinite(cell.score.accuracy) for cell in trial.grid)
    return compare("mechanism.grid", "mechanism", "cells of the grid with a score", finite, "==", cells)


def _tenth(model: TrainedModel) -> int:
    return max(1, len(model.losses) // 10)
