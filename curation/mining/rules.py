"""The rules that turn candidates into negatives: one place for every teacher."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from curation.config.mining import Mining
from curation.errors import ConfigError
from curation.mining.search.candidates import Candidates, Vectors

INFINITY = float("inf")


class Verdict(IntEnum):
    """What the rules say of a candidate: eligible, or the first rule that it breaks."""

    ELIGIBLE = 0
    ABSENT = 1
    """There is no candidate at this rank."""
    SKIP_RANK = 2
    """Among the nearest ranks that are left out."""
    TOP_K = 3
    """Beyond the ranks that are looked at."""
    MAX_SCORE = 4
    """Too similar to the anchor."""
    POSITIVE_RATIO = 5
    """Too near to the positive's own score, or above it."""
    POSITIVE_MARGIN = 6
    """Likewise, by the difference."""
    MIN_SCORE = 7
    """Not similar enough to the anchor."""
    NEAR_DUPLICATE = 8
    """Nearly the same text as the query or a positive."""
    CROSS_ENCODER = 9
    """The second opinion is that it may be right."""
    HUB_CAP = 10
    """The negative of enough other records."""
    TAKEN = 11
    """Taken from another pool already."""


Verdicts = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rules:
    """Which candidates become negatives.

    Attributes:
        num_negatives: negatives a query.
        top_k: ranks that are looked at, counted without the positives.
        skip_rank: the nearest ranks that are left out, likewise counted.
        max_score: a negative scores below this.
        max_positive_ratio: a negative scores below this multiple of its positive's score.
        skip_survivors: of those that pass all other rules, the nearest that are left out.
        min_score: a negative scores this at least.
        positive_margin: a negative scores so much less than its positive.
    """

    num_negatives: int
    top_k: int
    skip_rank: int
    max_score: float
    max_positive_ratio: float
    skip_survivors: int = 0
    min_score: float = -INFINITY
    positive_margin: float = -INFINITY

    def __post_init__(self) -> None:
        for name, least in (("num_negatives", 1), ("top_k", 1), ("skip_rank", 0), ("skip_survivors", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} must be at least {least}", why=f"it is {getattr(self, name)}")
        for name in ("max_score", "max_positive_ratio", "min_score", "positive_margin"):
            if np.isnan(getattr(self, name)):
                raise ConfigError(f"{name} must be a number", why="it is NaN, which no score is below")

    @classmethod
    def from_options(cls, options: Mining) -> Rules:
        """Return the rules of a config's `mining` section, without those that are quantiles of scores."""
        return cls(
            num_negatives=options.num_negatives,
            top_k=options.top_k,
            skip_rank=options.skip_rank,
            max_score=_number(options.max_score, INFINITY),
            max_positive_ratio=_number(options.max_positive_ratio, INFINITY),
            skip_survivors=options.skip_survivors,
            min_score=_number(options.min_score, -INFINITY),
            positive_margin=_number(options.positive_margin, -INFINITY),
        )


@dataclass(frozen=True, slots=True)
class Side:
    """The scores of candidates with one anchor.

    Attributes:
        scores: float32, shape (Q, k); -inf where there is no candidate.
        positive_scores: score of each query's weakest positive with the anchor, float32, shape (Q,). With several
            positives a negative must stay below every one of them, which is what the weakest asks.
        max_scores: what a negative must stay below, float32, shape (Q,).
        min_scores: what it must reach, float32, shape (Q,).
    """

    scores: Vectors
    positive_scores: Vectors
    max_scores: Vectors
    min_scores: Vectors

    @classmethod
    def of(cls, scores: Vectors, positive_scores: Vectors, rules: Rules) -> Side:
        """Return the side where one threshold holds for all queries."""
        count = len(positive_scores)
        highest, lowest = (np.full(count, bound, dtype=np.float32) for bound in (rules.max_score, rules.min_score))
        return cls(scores, positive_scores, highest, lowest)


def _number(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) else default


def positive_bound(positive_scores: Vectors, max_positive_ratio: float) -> Vectors:
    """Return the score that a negative must stay below: p - (1 - ratio) |p|, shape as given.

    For p >= 0 that is `ratio * p`. A plain product would turn round for p < 0 and let through candidates that
    score above their positive. An infinite ratio bounds nothing, not even where p is 0.
    """
    if np.isposinf(max_positive_ratio):
        return np.full_like(positive_scores, np.inf)
    factor = np.where(positive_scores >= 0, max_positive_ratio, 2.0 - max_positive_ratio).astype(np.float32)
    return factor * positive_scores


def judge(candidates: Candidates, side: Side, rules: Rules) -> Verdicts:
    """Return the verdict on every candidate by its rank and score.

    Args:
        candidates: rows and scores, shape (Q, k), best first, without the positives.
        side: the scores that the rules look at.
        rules: the rules.

    Returns:
        Values of `Verdict`, int8, shape (Q, k).
    """
    ranks = np.arange(candidates.rows.shape[1])
    relative, absolute = _positive_bounds(side, rules)
    broken = {
        Verdict.ABSENT: candidates.rows < 0,
        Verdict.SKIP_RANK: (ranks < rules.skip_rank)[None, :],
        Verdict.TOP_K: (ranks >= rules.top_k)[None, :],
        Verdict.MAX_SCORE: ~(side.scores < side.max_scores[:, None]),
        Verdict.POSITIVE_RATIO: ~(side.scores < relative[:, None]),
        Verdict.POSITIVE_MARGIN: ~(side.scores < absolute[:, None]),
        Verdict.MIN_SCORE: side.scores < side.min_scores[:, None],
    }
    verdicts = np.zeros(candidates.rows.shape, dtype=np.int8)
    for verdict, rejects in broken.items():
        verdicts[(verdicts == Verdict.ELIGIBLE) & rejects] = verdict
    return verdicts


def as_near_as_positive(side: Side, rules: Rules) -> Bools:
    """Tell which candidates are as near as the positive or within its margin, shape (Q, k): they may be right.

    Without a rule that compares with the positive, the positive's own score is the bound.
    """
    bound = np.minimum.reduce([*_positive_bounds(side, rules), side.positive_scores])
    near: Bools = np.isfinite(side.scores) & ~(side.scores < bound[:, None])
    return near


def _positive_bounds(side: Side, rules: Rules) -> tuple[Vectors, Vectors]:
    relative = positive_bound(side.positive_scores, rules.max_positive_ratio)
    return relative, side.positive_scores - np.float32(rules.positive_margin)
