"""Several claims on one total: what they ask for, and what they get."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from curation.quota.filling import Int64s, Whole, exact, fill, proportional

NONE_STATED = -1


@dataclass(frozen=True, slots=True)
class Claims:
    """What is known of n claims.

    Attributes:
        weights: whole numbers, none negative.
        targets: rows that are stated by number, `NONE_STATED` where none are, int64 (n,).
        lowers: least rows of each, int64 (n,).
        uppers: greatest, int64 (n,).
    """

    weights: Sequence[int] | Whole
    targets: Int64s
    lowers: Int64s
    uppers: Int64s

    def asked(self, total: int) -> Int64s:
        """Return what the targets and, of what they leave of `total`, the weights alone would give, int64 (n,)."""
        stated = self.targets != NONE_STATED
        asked = np.where(stated, self.targets, 0)
        free = np.flatnonzero(~stated)
        left = max(total - int(asked.sum()), 0)
        if len(free):
            weights = self.weights if len(free) == len(stated) else [self.weights[place] for place in free.tolist()]
            asked[free] = proportional(weights, left)
        return asked

    def given(self, total: int) -> Int64s:
        """Return what each gets of `total`, int64 (n,); where the least is too much already, in proportion to that.

        Raises:
            ValueError: if the total is more than all can take.
        """
        lowers, uppers = self.bounds()
        if int(lowers.sum()) > total:
            return fill(lowers, np.zeros_like(lowers), lowers, total)
        return fill(self.weights, lowers, uppers, total)

    def bounds(self) -> tuple[Int64s, Int64s]:
        """Return the least and the greatest rows of each claim: a target is both, as far as there are rows."""
        stated = self.targets != NONE_STATED
        targets = np.minimum(self.targets, self.uppers)
        return np.where(stated, targets, self.lowers), np.where(stated, targets, self.uppers)


def combine(natural: Sequence[int], proportions: Sequence[float | None]) -> list[int]:
    """Return weights where some claims state their proportion and the others share the rest by natural weights.

    Args:
        natural: whole numbers, shape (n,).
        proportions: in (0, 1], or None; their sum is at most 1.
    """
    stated = [None if proportion is None else exact(proportion) for proportion in proportions]
    fractions = [proportion for proportion in stated if proportion is not None]
    if not fractions:
        return list(natural)
    free = max(1 - sum(fractions), exact(0.0))
    whole = sum(weight for weight, proportion in zip(natural, stated, strict=True) if proportion is None) or 1
    unit = math.lcm(*(fraction.denominator for fraction in (free, *fractions)))
    return [
        int(free * unit) * weight if proportion is None else int(proportion * unit) * whole
        for weight, proportion in zip(natural, stated, strict=True)
    ]
