"""The rules that turn candidates into negatives: one place for every teacher."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from curation.config.model import Mining
from curation.errors import ConfigError
from curation.mining.ragged import Rows
from curation.mining.search.candidates import Candidates, Vectors, empty_candidates, fill_candidates


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
    NEAR_DUPLICATE = 6
    """Nearly the same text as the positive."""


Verdicts = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Rules:
    """Which candidates become negatives.

    Attributes:
        num_negatives: negatives a query.
        top_k: ranks that are looked at, counted without the positives.
        skip_rank: the nearest ranks that are left out, likewise counted.
        max_score: a negative scores below this.
        max_positive_ratio: a negative scores below this multiple of its positive's score.
    """

    num_negatives: int
    top_k: int
    skip_rank: int
    max_score: float
    max_positive_ratio: float

    def __post_init__(self) -> None:
        for name, least in (("num_negatives", 1), ("top_k", 1), ("skip_rank", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} must be at least {least}", why=f"it is {getattr(self, name)}")
        for name in ("max_score", "max_positive_ratio"):
            if np.isnan(getattr(self, name)):
                raise ConfigError(f"{name} must be a number", why="it is NaN, which no score is below")

    @classmethod
    def from_options(cls, options: Mining) -> Rules:
        """Return the rules of a config's `mining` section."""
        return cls(
            num_negatives=options.num_negatives,
            top_k=options.top_k,
            skip_rank=options.skip_rank,
            max_score=options.max_score,
            max_positive_ratio=options.max_positive_ratio,
        )


@dataclass(frozen=True, slots=True)
class Selection:
    """The negatives of each query, hardest first.

    Attributes:
        rows: int64, shape (Q, n); -1 where there are fewer than n.
        scores: float32, shape (Q, n); -inf where `rows` is -1.
        rejected: how many candidates each rule rejected.
    """

    rows: Rows
    scores: Vectors
    rejected: dict[Verdict, int]


def positive_bound(positive_scores: Vectors, max_positive_ratio: float) -> Vectors:
    """Return the score that a negative must stay below: p - (1 - ratio) |p|, shape as given.

    For p >= 0 that is `ratio * p`. A plain product would turn round for p < 0 and let through candidates that
    score above their positive. An infinite ratio bounds nothing, not even where p is 0.
    """
    if np.isposinf(max_positive_ratio):
        return np.full_like(positive_scores, np.inf)
    factor = np.where(positive_scores >= 0, max_positive_ratio, 2.0 - max_positive_ratio).astype(np.float32)
    return factor * positive_scores


def judge(candidates: Candidates, positive_scores: Vectors, rules: Rules) -> Verdicts:
    """Return the verdict on every candidate by its rank and score.

    Args:
        candidates: rows and scores, shape (Q, k), best first, without the positives.
        positive_scores: score of each query's weakest positive, float32, shape (Q,). With several positives a
            negative must stay below every one of them, which is what the weakest asks.
        rules: the rules.

    Returns:
        Values of `Verdict`, int8, shape (Q, k).
    """
    ranks = np.arange(candidates.rows.shape[1])
    bounds = positive_bound(positive_scores, rules.max_positive_ratio)
    broken = {
        Verdict.ABSENT: candidates.rows < 0,
        Verdict.SKIP_RANK: (ranks < rules.skip_rank)[None, :],
        Verdict.TOP_K: (ranks >= rules.top_k)[None, :],
        Verdict.MAX_SCORE: ~(candidates.scores < np.float32(rules.max_score)),
        Verdict.POSITIVE_RATIO: ~(candidates.scores < bounds[:, None]),
    }
    verdicts = np.zeros(candidates.rows.shape, dtype=np.int8)
    for verdict, rejects in broken.items():
        verdicts[(verdicts == Verdict.ELIGIBLE) & rejects] = verdict
    return verdicts


def select(candidates: Candidates, verdicts: Verdicts, num_negatives: int) -> Selection:
    """Take the first `num_negatives` eligible candidates of each query.

    Args:
        candidates: rows and scores, shape (Q, k), best first.
        verdicts: values of `Verdict`, shape (Q, k).
        num_negatives: negatives a query, n.

    Returns:
        Shapes (Q, n).
    """
    eligible = verdicts == Verdict.ELIGIBLE
    taken = eligible & (np.cumsum(eligible, axis=1) <= num_negatives)
    queries = np.nonzero(taken)[0]
    chosen = empty_candidates(len(candidates.rows), num_negatives)
    fill_candidates(chosen, queries, candidates.rows[taken], candidates.scores[taken])
    counts = np.bincount(verdicts.ravel(), minlength=len(Verdict))
    rejected = {verdict: int(counts[verdict]) for verdict in Verdict if verdict > Verdict.ABSENT}
    return Selection(chosen.rows, chosen.scores, rejected)
