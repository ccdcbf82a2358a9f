"""Tasks on cores: pure arithmetic."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Chance:
    """What happens to tasks by chance.

    Attributes:
        spread: standard deviation of the logarithm of a task's time; the mean is what it should be.
        failures: share of attempts that fail, at any moment of their time.
        attempts: most attempts of a task.
        seed: makes the draws.
    """

    spread: float = 0.0
    failures: float = 0.0
    attempts: int = 4
    seed: int = 0

    def applied(self, seconds: Floats, *place: int) -> Floats:
        """Return how long tasks really take, failed attempts included, shape (n,).

        Args:
            seconds: how long they should take, shape (n,).
            place: numbers that tell these tasks from others; the draws depend on them and on nothing else.
        """
        draw = np.random.default_rng([self.seed, *place])
        factors = np.exp(draw.normal(-(self.spread**2) / 2, self.spread, len(seconds)))
        extra = np.zeros(len(seconds))
        failing = np.ones(len(seconds), dtype=bool)
        for _ in range(self.attempts - 1):
            failing &= draw.random(len(seconds)) < self.failures
            extra += np.where(failing, draw.random(len(seconds)), 0.0)
        return seconds * factors * (1 + extra)


def makespan(seconds: Floats, cores: int) -> float:
    """Return when the last of some tasks ends, if each goes to the core that is free first, in their order.

    Graham (1966): at most (2 - 1/cores) times the shortest time possible. More cores are never slower, for the tasks
    do not wait for each other.
    """
    free = [0.0] * min(cores, len(seconds))
    for task in seconds.tolist():
        heapq.heapreplace(free, free[0] + task)
    return max(free, default=0.0)
