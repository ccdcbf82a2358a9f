"""Checks that need a trained model: does training work, and does the release teach what it says?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from curation.config.gate import Gate
from curation.gate.baseline import comparable, settings
from curation.gate.signal.alignment import alignment_checks, alignment_figures
from curation.gate.signal.held_out import held_out_checks, held_out_figures, language_figures
from curation.gate.signal.mechanism import ExportProbe, end_loss, mechanism_checks
from curation.gate.signal.negatives import negative_checks, negative_figures
from curation.gate.signal.suspects import find_suspects
from curation.gate.signal.trial import Trial, run_trial
from curation.gate.verdict import Check

__all__ = ["Trial", "find_suspects", "run_trial", "trial_checks", "trial_metrics"]

_LOSS_POINTS = 200


def trial_checks(
    trial: Trial,
    metrics: Mapping[str, Any],
    options: Gate,
    baseline: Mapping[str, Any] | None,
    *,
    export: ExportProbe | None = None,
) -> list[Check]:
    """Return the checks of mechanism and signal.

    Args:
        trial: what training has shown.
        metrics: as of `trial_metrics`.
        options: thresholds.
        baseline: verdict of an earlier release, empty where its gate has not run; None without such a release.
        export: how a model is exported and loaded again.
    """
    before = None if baseline is None else comparable(baseline, metrics["settings"])
    return [
        *mechanism_checks(trial, options, before, export=export),
        *alignment_checks(metrics["alignment"], options, before),
        *held_out_checks(trial, metrics["held_out"], metrics["languages"], options, before),
        *negative_checks(metrics["negatives"], options, before),
    ]


def trial_metrics(trial: Trial) -> dict[str, Any]:
    """Return all figures of a trial as JSON values: for the verdict, the report and the gate of a later release."""
    losses = trial.model.losses
    points = sorted({round(point) for point in np.linspace(0, len(losses) - 1, min(_LOSS_POINTS, len(losses)))})
    ends = [end_loss(model) for model in trial.models if model.losses]
    return {
        "settings": settings(trial.model.options, trial.pairs, seeds=len(trial.models)),
        "losses": [{"step": point + 1, "loss": losses[point]} for point in points],
        "end_loss": {"mean": float(np.mean(ends)), "seeds": ends} if ends else {},
        "held_out": held_out_figures(trial),
        "seeds": list(trial.spread),
        "languages": language_figures(trial, trial.pairs),
        "alignment": alignment_figures(trial.fit, trial.rows.languages, trial.rows.sources),
        "negatives": negative_figures(trial.negatives),
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
