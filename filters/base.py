"""What a filter is: a score, a direction, a threshold, and from these a decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from filters.columns import Bools, Floats, PairColumns, TextColumn

Direction = Literal["at_least", "at_most"]
PairScore = Callable[[PairColumns], Floats]
SideScore = Callable[[TextColumn], Floats]
Scores = npt.NDArray[np.float32]

NOT_APPLICABLE = np.float32(np.nan)


@dataclass(frozen=True, slots=True)
class Filter:
    """One configured filter.

    Attributes:
        name: the knob of the config that switches it on, and the reason in the ledger.
        direction: whether a record passes with a score of at least or at most the threshold.
        threshold: the bound, in units of the score.
        score: scores all records of a slice; NaN where there is nothing to judge.
        tasks: task types that it judges; empty means all.
    """

    name: str
    direction: Direction
    threshold: float
    score: PairScore
    tasks: frozenset[str] = frozenset()

    def applies(self, tasks: pa.Array) -> Bools:
        """Return which records it judges by their task type, shape (n,)."""
        if not self.tasks:
            return np.ones(len(tasks), dtype=np.bool_)
        judged: Bools = pc.is_in(tasks, value_set=pa.array(sorted(self.tasks))).to_numpy(zero_copy_only=False)
        return judged

    def measure(self, columns: PairColumns) -> Scores:
        """Return the scores as they are stored, shape (n,): NaN where the filter does not apply."""
        judged = self.applies(columns.tasks)
        if not judged.any():
            return np.full(len(judged), NOT_APPLICABLE)
        return np.where(judged, self.score(columns).astype(np.float32), NOT_APPLICABLE)

    def rejects(self, scores: Scores) -> Bools:
        """Return which of the stored scores fail, shape (n,).

        Compared as float32, so that a later decision from stored scores cannot differ from the first.
        """
        bound = np.float32(self.threshold)
        return scores < bound if self.direction == "at_least" else scores > bound


def worse_side(score: SideScore, direction: Direction) -> PairScore:
    """Lift a score of one text to pairs: the worse of the two sides, ignoring a side that is exempt."""
    worst = np.fmin if direction == "at_least" else np.fmax

    def score_pairs(columns: PairColumns) -> Floats:
        result: Floats = worst(score(columns.query), score(columns.positive))
        return result

    return score_pairs
