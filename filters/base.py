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
Place = Literal["query", "positive", "pair"]
SIDES: tuple[Place, Place] = ("query", "positive")
Scores = npt.NDArray[np.float32]

NOT_APPLICABLE = np.float32(np.nan)


@dataclass(frozen=True, slots=True)
class SideScore:
    """Something that is measured of each side of a record.

    Attributes:
        name: its field in `filter_scores`, on both sides.
        version: rises with every change of what is measured, so that stored scores of another kind are not used.
        measure: scores the texts of a slice; NaN where there is nothing to judge.
    """

    name: str
    version: int
    measure: Callable[[TextColumn], Floats]

    def __call__(self, column: TextColumn) -> Scores:
        """Return the scores as they are stored, shape (n,)."""
        return column.once(self.measure).astype(np.float32)


@dataclass(frozen=True, slots=True)
class PairScore:
    """Something that is measured of a record as a whole.

    Attributes:
        name: its field in `filter_scores`.
        version: as of a `SideScore`.
        measure: scores the records of a slice; NaN where there is nothing to judge.
        tasks: task types that it is measured for; empty means all.
    """

    name: str
    version: int
    measure: Callable[[PairColumns], Floats]
    tasks: frozenset[str] = frozenset()

    def __call__(self, columns: PairColumns) -> Scores:
        """Return the scores as they are stored, shape (n,): NaN where the task has no use for them."""
        judged = self.applies(columns.tasks)
        if not judged.any():
            return np.full(len(judged), NOT_APPLICABLE)
        return np.where(judged, columns.once(self.measure).astype(np.float32), NOT_APPLICABLE)

    def applies(self, tasks: pa.Array) -> Bools:
        """Return which records it is measured for by their task type, shape (n,)."""
        if not self.tasks:
            return np.ones(len(tasks), dtype=np.bool_)
        judged: Bools = pc.is_in(tasks, value_set=pa.array(sorted(self.tasks))).to_numpy(zero_copy_only=False)
        return judged


@dataclass(frozen=True, slots=True)
class Filter:
    """What a bound is compared with, and how.

    Attributes:
        name: the bound in `language_configs.bounds.Bounds`, and the reason in the ledger.
        score: what it judges by.
        direction: whether a text or pair passes with a score of at least or at most the bound.
    """

    name: str
    score: SideScore | PairScore
    direction: Direction

    @property
    def places(self) -> tuple[Place, ...]:
        """What it judges: each side, or the pair."""
        return SIDES if isinstance(self.score, SideScore) else ("pair",)


def rejects(direction: Direction, scores: Scores, bounds: Floats) -> Bools:
    """Return which scores fail their bounds, shape (n,); NaN on either side passes.

    Compared as float32: a score that equals its bound as written must not fail by a rounding.
    """
    rounded = bounds.astype(np.float32)
    return scores < rounded if direction == "at_least" else scores > rounded
