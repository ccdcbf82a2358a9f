"""How records are shared out among languages, and languages among tasks."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np

from benchmarks.scale.schedule import Floats


@dataclass(frozen=True, slots=True)
class Languages:
    """Shares of the records.

    Attributes:
        largest_share: of the largest language.
        others: how many others there are.
        exponent: the n-th of them has records in proportion to n to the power of minus this (Zipf).
    """

    largest_share: float
    others: int
    exponent: float

    def records(self, total: float) -> Floats:
        """Return the records of each language, the largest first, shape (others + 1,)."""
        weights = np.arange(1, self.others + 1, dtype=np.float64) ** -self.exponent
        tail = (1 - self.largest_share) * total * weights / weights.sum()
        return np.concatenate([[self.largest_share * total], tail])


def even(total: float, tasks: int) -> Floats:
    """Return the records of tasks of one size, shape (tasks,)."""
    return np.full(tasks, total / tasks)


def by_hash(languages: Floats, tasks: int) -> Floats:
    """Return the records of each task when each language is whole in one that its hash names, shape (tasks,)."""
    found = np.zeros(tasks)
    for number, records in enumerate(languages.tolist()):
        digest = hashlib.blake2b(str(number).encode(), digest_size=8).digest()
        found[int.from_bytes(digest, "big") % tasks] += records
    return found


def cut(languages: Floats, most: float) -> Floats:
    """Return the records of each task when large languages are cut to at most `most` records, and small ones joined."""
    found: list[float] = []
    joined = 0.0
    for records in languages.tolist():
        if records >= most:
            pieces = math.ceil(records / most)
            found += [records / pieces] * pieces
        elif joined + records > most:
            found.append(joined)
            joined = records
        else:
            joined += records
    return np.array([*found, *([joined] if joined else [])])
