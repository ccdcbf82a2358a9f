"""Checks that need a trained model: does training work, and does the release teach what it says?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from curation.config.gate import Gate
from curation.config.training import Training
from curation.gate.verdict import Check, compare, skipped
from curation.mining.lexical.features import Vectoriser, count_features
from curation.release import Release
from curation.text import as_arrow
from curation.training import TrainedModel, train_smoke
from curation.training.evaluation import (
    Cell,
    PairSet,
    Score,
    evaluate,
    evaluate_grid,
    full_similarities,
    macro,
    retrieval_score,
    sample_pairs,
)
from curation.training.smoke import initial_model

# A change of the held-out score against the baseline release that needs an explanation: four times the spread between
# seeds of a run of 1,000 steps, measured as 0.5 to 0.8 points.
BASELINE_TOLERANCE = 0.03

_LOSS_POINTS = 200
_SUSPECT_LANGUAGES = 20
_SUSPECTS_EACH = 5
_SUSPECT_SAMPLE = 300

Progress = Callable[[int, str], None]


@dataclass(frozen=True, slots=True)
class Trial:
    """What training on a release has shown.

    Attributes:
        model: trained on the release.
        shuffled: trained on the release with shuffled positives, None without held-out pairs.
        pairs: held-out pairs, a set a language.
        scores: held-out score of each language.
        grid: mean score of every cell.
    """

    model: TrainedModel
    shuffled: TrainedModel | None
    pairs: Sequence[PairSet]
    scores: Mapping[str, Score]
    grid: Sequence[Cell]


def run_trial(
    release: Release, training: Training, options: Gate, *, seed: int, cache: Path, progress: Progress
) -> Trial:
    """Train on the release, and on its shuffled shadow, and evaluate both."""
    pairs = sample_pairs(release, split="test", min_pairs=options.min_language_pairs, seed=seed)

    def train(name: str, *, shuffle_positives: bool) -> TrainedModel:
        return train_smoke(
            release,
            training,
            seed=seed,
            cache=cache,
            shuffle_positives=shuffle_positives,
            progress=lambda step, _, loss: progress(step, f"training {name}, loss {loss:.3f}"),
        )

    model = train("the model", shuffle_positives=False)
    if not pairs:
        return Trial(model, None, pairs, {}, [])
    shuffled = train("its shuffled shadow", shuffle_positives=True)
    return Trial(model, shuffled, pairs, evaluate(model, pairs), evaluate_grid(model, pairs))


def mechanism_checks(trial: Trial) -> list[Check]:
    """Training ran to its end, the losses are finite and fell, and every cell of the grid has a score."""
    losses, options = trial.model.losses, trial.model.options
    checks = [
        compare(
            "mechanism.steps",
            "mechanism",
            "steps before a loss or gradient that is not finite",
            len(losses),
            "==",
            options.steps,
        )
    ]
    if not losses:
        return checks
    tenth = max(1, len(losses) // 10)
    first, last = float(np.mean(losses[:tenth])), float(np.mean(losses[-tenth:]))
    checks.append(compare("mechanism.loss", "mechanism", "mean loss of the last tenth of steps", last, "<", first))
    if not trial.pairs:
        return [*checks, skipped("mechanism.grid", "mechanism", _TOO_FEW)]
    cells = (options.depth + 1) * len(options.dims) * len(options.ranks)
    finite = sum(math.isfinite(cell.score.accuracy) for cell in trial.grid)
    return [*checks, compare("mechanism.grid", "mechanism", "cells of the grid with a score", finite, "==", cells)]


_TOO_FEW = "no language has enough held-out pairs"


def signal_checks(
    trial: Trial, options: Gate, baseline: Mapping[str, Any] | None
) -> tuple[list[Check], dict[str, Any]]:
    """Compare the held-out score with what a release without meaning would reach.

    Args:
        trial: the trained models.
        options: thresholds.
        baseline: verdict of an earlier release, empty where its gate has not run; None without such a release.

    Returns:
        The checks, and the figures that they rest on.
    """
    if trial.shuffled is None:
        return [skipped("signal.held_out", "signal", _TOO_FEW)], {}
    accuracy = macro(trial.scores.values()).accuracy
    shuffled = macro(evaluate(trial.shuffled, trial.pairs).values()).accuracy
    start = initial_model(trial.model.tokenizer, trial.model.options, seed=trial.model.seed)
    untrained = macro(evaluate(start, trial.pairs).values()).accuracy
    lexical = macro(_lexical_score(pairs) for pairs in trial.pairs).accuracy
    metric = "held-out accuracy@1, mean over languages, less that of "
    checks = [
        compare(
            "signal.gain_over_shuffled",
            "signal",
            metric + "a model trained on shuffled positives",
            accuracy - shuffled,
            ">=",
            options.min_gain_over_shuffled,
        ),
        compare("signal.gain_over_untrained", "signal", metric + "the untrained model", accuracy - untrained, ">", 0),
        compare("signal.gain_over_lexical", "signal", metric + "TF-IDF", accuracy - lexical, ">", 0, severity="warn"),
    ]
    figures = {"accuracy": accuracy, "shuffled": shuffled, "untrained": untrained, "lexical": lexical}
    return checks + _against_baseline(accuracy, baseline), figures


def _against_baseline(accuracy: float, baseline: Mapping[str, Any] | None) -> list[Check]:
    if baseline is None:
        return []
    before = baseline.get("metrics", {}).get("held_out", {}).get("accuracy")
    if before is None:
        return [skipped("signal.baseline", "signal", "the baseline has no verdict with a held-out score")]
    change, bound = accuracy - before, BASELINE_TOLERANCE
    alarm = "an unexplained gain is a contamination alarm" if change > bound else ""
    return [
        compare("signal.baseline_loss", "signal", "change against the baseline", change, ">=", -bound),
        compare(
            "signal.baseline_gain",
            "signal",
            "change against the baseline",
            change,
            "<=",
            bound,
            severity="warn",
            detail=alarm,
        ),
    ]


def _lexical_score(pairs: PairSet) -> Score:
    counts = count_features(as_arrow([*pairs.anchors, *pairs.positives]))
    vectors = Vectoriser.fit(counts).transform(counts)
    size = len(pairs.anchors)
    return retrieval_score((vectors[:size] @ vectors[size:].T).toarray().astype(np.float32), pairs.right)


def training_metrics(trial: Trial) -> dict[str, Any]:
    """Return the figures of a trial for the verdict and the report, as JSON values."""
    losses = trial.model.losses
    points = sorted({round(point) for point in np.linspace(0, len(losses) - 1, min(_LOSS_POINTS, len(losses)))})
    return {
        "losses": [{"step": point + 1, "loss": losses[point]} for point in points],
        "languages": {
            code: {"accuracy": score.accuracy, "mrr": score.mrr, "pairs": len(pairs.ids)}
            for (code, score), pairs in zip(trial.scores.items(), trial.pairs, strict=True)
        },
        "grid": [
            {
                "depth": cell.depth,
                "dim": cell.dim,
                "rank": cell.rank,
                "accuracy": cell.score.accuracy,
                "mrr": cell.score.mrr,
            }
            for cell in trial.grid
        ],
    }


def find_suspects(release: Release, model: TrainedModel, *, seed: int) -> list[dict[str, Any]]:
    """Return the training pairs whose positive the model finds least plausible, in the largest languages.

    The margin is the similarity with the positive less that with the best other positive of a sample.
    """
    samples = sample_pairs(release, split="train", min_pairs=_SUSPECTS_EACH, seed=seed, max_pairs=_SUSPECT_SAMPLE)
    largest = sorted(samples, key=lambda pairs: (-len(pairs.ids), pairs.language))[:_SUSPECT_LANGUAGES]
    return [suspect for pairs in largest for suspect in _least_plausible(pairs, full_similarities(model, pairs))]


def _least_plausible(pairs: PairSet, similarities: Any) -> list[dict[str, Any]]:
    others = np.where(pairs.right, -np.inf, similarities).max(axis=1)
    margins = np.diagonal(similarities) - others
    return [
        {
            "language": pairs.language,
            "id": pairs.ids[row],
            "anchor": pairs.anchors[row],
            "positive": pairs.positives[row],
            "margin": float(margins[row]),
        }
        for row in np.argsort(margins, kind="stable")[:_SUSPECTS_EACH]
        if math.isfinite(margins[row])
    ]
