"""How a sketch is cut into bands, and how much of it must agree, so that similar texts are found."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from math import comb

# Min-hash values of a sketch.
SKETCH_SIZE = 64
# A little below it even bands of one value would miss more than `GREATEST_MISS`.
LOWEST_THRESHOLD = 0.1
# The bands may miss this share of the pairs at the threshold, and no more.
GREATEST_MISS = 0.002
# The comparison of whole sketches may miss this share of them: it costs little, for few pairs lie so near below.
SKETCH_MISS = 1e-4
# Where all pairs are compared by their sketches, these are all that can miss one.
EXHAUSTIVE_MISS = 1e-9


@dataclass(frozen=True, slots=True)
class Bands:
    """A cut of the sketch: two texts are compared when all values of one band are equal.

    Attributes:
        count: number of bands.
        rows: values of a band.
    """

    count: int
    rows: int

    def miss(self, similarity: float) -> float:
        """Return the share of the pairs with this Jaccard similarity that share no band.

        (1 - J^rows)^count: Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.2.
        """
        return float((1.0 - similarity**self.rows) ** self.count)


def choose_bands(threshold: float) -> Bands:
    """Return the most selective cut of the sketch that still finds the pairs at the threshold.

    | threshold | 0.1-0.42 | 0.43-0.635 | 0.64-0.75 | 0.755-0.83 | 0.835-0.875 | 0.88-0.905 | 0.91-0.925 | 0.95 | 1 |
    |---|---|---|---|---|---|---|---|---|---|
    | bands | 64 | 32 | 21 | 16 | 12 | 10 | 9 | 7 | 1 |
    | rows | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 9 | 64 |
    """
    cuts = (Bands(SKETCH_SIZE // rows, rows) for rows in range(SKETCH_SIZE, 0, -1))
    return next(bands for bands in cuts if bands.miss(threshold) <= GREATEST_MISS)


def least_agreement(threshold: float, miss: float = SKETCH_MISS) -> int:
    """Return how many values of two sketches must agree before the pair is worth an exact comparison.

    Each value agrees with probability J, so the number that agree is binomial. At 0.8 it is 38 of 64: an estimate of
    0.59, four standard deviations below the threshold.

    Args:
        threshold: Jaccard similarity that is sought.
        miss: greatest share of the pairs at the threshold that may be missed.
    """
    odds = (
        comb(SKETCH_SIZE, k) * threshold**k * (1.0 - threshold) ** (SKETCH_SIZE - k) for k in range(SKETCH_SIZE + 1)
    )
    return sum(below <= miss for below in accumulate(odds))
