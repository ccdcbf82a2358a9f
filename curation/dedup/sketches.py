"""What is remembered of a document, and the constants that every way of computing it shares.

A document is one text, or a pair of texts, as a set of hashed character 5-grams. The 5-grams of a pair's two sides
are kept apart, so that the Jaccard similarity of the whole lies between those of the sides (it is their mediant): a
pair of documents that are similar on both sides is similar as a whole, and its sketches find it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from curation.dedup.bands import SKETCH_SIZE
from curation.ngrams import UInt64s, mix

UInt8s: TypeAlias = npt.NDArray[np.uint8]
UInt32s: TypeAlias = npt.NDArray[np.uint32]
Float64s: TypeAlias = npt.NDArray[np.float64]

NGRAM = 5

# Value k of a sketch is the least FACTORS[k] * x mod 2^32 over the low halves x of a document's hashes: min-hashing (A.
# Broder, On the resemblance and containment of documents, 1997) with multiplication for the permutations, which the
# factors are since they are odd. The hashes are mixed, so no constant need be added.
FACTORS = mix(np.arange(1, SKETCH_SIZE + 1, dtype=np.uint64)).astype(np.uint32) | np.uint32(1)
# Band b of n has the values b, b + n, b + 2n, ...; its key takes them in one by one with this multiplier.
KEY_FACTOR = np.uint32(0x9E3779B1)


@dataclass(frozen=True, slots=True)
class Sketches:
    """What is remembered of n documents, 136 bytes of each at the default threshold.

    Attributes:
        values: uint8 (n, SKETCH_SIZE), the low byte of each min-hash value. Two different values agree in it once in
            256 times, so that an estimate is at most that much too high and never too low.
        keys: uint32 (bands, n), a hash of the whole values of each band.
        fingerprints: uint64 (n,), the sum of the hashes of all 5-grams, a function of the content alone: 0 for an
            empty document, and equal only for documents whose sets of 5-grams are equal, chance aside.
    """

    values: UInt8s
    keys: UInt32s
    fingerprints: UInt64s

    def __len__(self) -> int:
        return len(self.fingerprints)

    @classmethod
    def blank(cls, count: int, bands: int) -> Sketches:
        """Return room for the sketches of so many documents, with fingerprints of zero."""
        return cls(
            np.empty((count, SKETCH_SIZE), dtype=np.uint8),
            np.empty((bands, count), dtype=np.uint32),
            np.zeros(count, dtype=np.uint64),
        )
