"""An evaluation as plain values, for a file: every cell, and each language with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from curation.training.evaluation.bootstrap import interval, pair_values
from curation.training.evaluation.grid import Evaluation, Outcome
from curation.training.evaluation.retrieval import Score


def summarise(evaluation: Evaluation, *, seed: int) -> dict[str, Any]:
    """Return what JSON can hold of an evaluation.

    Args:
        evaluation: of a model at every cell.
        seed: of the intervals' draws.

    Returns:
        `grid` with every cell's means; `full` and `corner`, the largest and the joint smallest cell, each with its
        accuracy and interval, None where no language was evaluated; `languages` with the number of pairs and the
        accuracy and interval at either.
    """
    cells = [{"depth": cell.depth, "dim": cell.dim, "rank": cell.rank} | _score(cell.score) for cell in evaluation.grid]
    sides = {"full": evaluation.full, "corner": evaluation.corner}
    return {
        "grid": cells,
        **{name: _over(outcomes, seed) if outcomes else None for name, outcomes in sides.items()},
        "languages": {
            full.language: {"pairs": len(full.ids), "full": _over([full], seed), "corner": _over([corner], seed)}
            for full, corner in zip(evaluation.full, evaluation.corner, strict=True)
        },
    }


def _over(outcomes: Sequence[Outcome], seed: int) -> dict[str, float]:
    """Return the accuracy over some languages with its interval."""
    found = asdict(interval({outcome.language: pair_values(outcome) for outcome in outcomes}, seed=seed))
    return {"accuracy": found["value"], "low": found["low"], "high": found["high"]}


def _score(score: Score) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in asdict(score).items()}
