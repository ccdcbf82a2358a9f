"""How sure a mean over queries is: percentile bootstrap (Efron and Tibshirani 1993, chapters 13 and 16).

Queries are drawn again within each language (stratified), and every language weighs the same, as in `macro`. Two
models are compared on the same queries, drawn alike for both: what is hard for both cancels out. Draws are a function
of language, size and seed. Queries are taken to be independent; a sentence that stands in many languages is drawn for
each anew, so that an interval over languages is somewhat too narrow where models fail on the same sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from curation.hashing import priority
from curation.training.evaluation.grid import Outcome
from curation.training.evaluation.retrieval import Float64s, outcomes

RESAMPLES = 1_000
LEVEL = 0.95

# Draws that are in memory at once.
_DRAWS = 1 << 22


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its confidence interval.

    Attributes:
        value: the mean.
        low: lower end of the interval.
        high: upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of two means over the same queries.

    Attributes:
        value: the first less the second.
        low: lower end of the confidence interval.
        high: upper end.
        p: two-sided: twice the share of resamples on the other side of zero than the value, at most 1, at least
            1 / (resamples + 1); below 1 - level where the interval leaves zero out.
    """

    value: float
    low: float
    high: float
    p: float


def pair_values(outcome: Outcome, measure: str = "accuracy") -> Float64s:
    """Return a measure of each pair, the mean of both directions, float64 (n,)."""
    return np.asarray(outcomes(outcome.ranks)[measure].mean(axis=0))


def interval(
    values: Mapping[str, Float64s], *, seed: int, resamples: int = RESAMPLES, level: float = LEVEL
) -> Interval:
    """Return the mean over languages of the means over queries, with its interval.

    Args:
        values: of each language the value of each query, float64 (n,), at least one.
        seed: of the draws.
        resamples: number of them.
        level: of confidence.
    """
    drawn = _drawn_means(values, seed, resamples)
    return Interval(_macro(values), *_ends(drawn, level))


def paired_difference(
    first: Mapping[str, Float64s],
    second: Mapping[str, Float64s],
    *,
    seed: int,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Difference:
    """Return how much better one model is than another; with the two changed over, exactly the negative.

    Args:
        first: of each language the value of each query, float64 (n,).
        second: the values of the other model for the same queries.
        seed: of the draws.
        resamples: number of them.
        level: of confidence.

    Raises:
        ValueError: if languages or numbers of queries differ.
    """
    if {code: len(of) for code, of in first.items()} != {code: len(of) for code, of in second.items()}:
        raise ValueError("two models can be compared on the same queries only")
    values = {code: first[code] - second[code] for code in sorted(first)}
    drawn = _drawn_means(values, seed, resamples)
    beyond = min(int(np.sum(drawn <= 0)), int(np.sum(drawn >= 0)))
    return Difference(_macro(values), *_ends(drawn, level), p=min(1.0, 2 * (beyond + 1) / (resamples + 1)))


def _macro(values: Mapping[str, Float64s]) -> float:
    return float(np.mean([np.mean(values[code]) for code in sorted(values)]))


def _drawn_means(values: Mapping[str, Float64s], seed: int, resamples: int) -> Float64s:
    """Return the mean over languages in each resample, float64 (resamples,)."""
    means = [_redrawn(code, values[code], seed, resamples) for code in sorted(values)]
    return np.asarray(np.mean(means, axis=0))


def _redrawn(language: str, values: Float64s, seed: int, resamples: int) -> Float64s:
    random = np.random.default_rng(int(priority([language], "bootstrap", seed)[0]))
    size = len(values)
    means = np.empty(resamples)
    step = max(1, _DRAWS // size)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        # How often each query is drawn: multinomial counts, all resamples of a block by one count.
        drawn = random.integers(size, size=(rows, size)) + np.arange(rows)[:, None] * size
        counts = np.bincount(drawn.ravel(), minlength=rows * size).reshape(rows, size)
        means[start : start + rows] = counts @ values / size
    return means


def _ends(drawn: Float64s, level: float) -> tuple[float, float]:
    """Return the order statistics that leave the same number of resamples out at either end."""
    ordered = np.sort(drawn)
    out = int((1 - level) / 2 * len(ordered))
    return float(ordered[out]), float(ordered[len(ordered) - 1 - out])
