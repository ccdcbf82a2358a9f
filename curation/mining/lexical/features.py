"""Texts as sparse vectors of hashed words and character n-grams, weighted by TF-IDF.

A word of a script with blanks gives itself and its 3-, 4- and 5-grams, with a blank at either end; a run of a script
without blanks gives its 1-, 2- and 3-grams. On XQuAD in 12 languages the TF-IDF cosine of these features finds the
right paragraph of 240 for 90 % of questions, BM25 over words alone for 75 % (Thai 22 %, Chinese 11 %).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse as sp

from curation.dedup.columns import blocks, byte_lengths, text_column
from curation.mining.lexical.index import Matrix
from curation.mining.lexical.kernels import kernels
from curation.mining.ragged import Rows

FEATURE_BITS = 20
FEATURES = 1 << FEATURE_BITS

# Texts that are cut into features at a time: their number and the feature's share 32 bits, ...
_BLOCK_TEXTS = 1 << (32 - FEATURE_BITS)
# ... and bytes of text: some 30 MB of work space.
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Vectoriser:
    """Turns texts into vectors, weighted for one pool.

    Attributes:
        weights: the inverse document frequency of each feature, float32, shape (FEATURES,).
    """

    weights: npt.NDArray[np.float32]

    @classmethod
    def fit(cls, counts: Matrix) -> Vectoriser:
        """Return the vectoriser of a pool, given the feature counts of its texts (see `count_features`).

        The weight of a feature that n of N texts have is ln((1 + N) / (1 + n)) + 1: smoothed, as if one more text
        had every feature.
        """
        frequencies = np.bincount(counts.indices, minlength=FEATURES)
        weight_of = np.log((1.0 + counts.shape[0]) / (1.0 + np.arange(counts.shape[0] + 1))) + 1.0
        return cls(weight_of.astype(np.float32)[frequencies])

    def transform(self, counts: Matrix) -> Matrix:
        """Return unit vectors with entries proportional to (1 + ln count) * weight; zero for texts without words."""
        data = (1.0 + np.log(counts.data.astype(np.float64))) * self.weights[counts.indices]
        owners = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
        norms = np.sqrt(np.bincount(owners, weights=data * data, minlength=counts.shape[0]))
        data /= norms[owners]
        return sp.csr_array((data.astype(np.float32), counts.indices, counts.indptr), shape=counts.shape)


def count_features(texts: pa.Array) -> Matrix:
    """Count the features of texts, after folding (NFKC, lower case).

    Args:
        texts: Arrow strings, shape (n,).

    Returns:
        csr_array of float32 counts, shape (n, FEATURES), with sorted indices.

    Raises:
        ValueError: if a text is null.
        InvalidTextError: if a text is not UTF-8.
    """
    column = text_column(texts)
    parts = [_count(column[start:stop]) for start, stop in _blocks(column)]
    return sp.vstack([sp.csr_array((0, FEATURES), dtype=np.float32), *parts], format="csr")


def _blocks(column: pa.Array) -> Iterator[tuple[int, int]]:
    for start in range(0, len(column), _BLOCK_TEXTS):
        part = column[start : start + _BLOCK_TEXTS]
        yield from ((start + begin, start + end) for begin, end in blocks(byte_lengths([part]), _BLOCK_BYTES))


def _count(texts: pa.Array) -> Matrix:
    keys, counts = _run_lengths(np.sort(kernels().feature_keys(texts, FEATURE_BITS)))
    indptr = np.searchsorted(keys >> FEATURE_BITS, np.arange(len(texts) + 1))
    indices = (keys & (FEATURES - 1)).astype(np.int32)
    return sp.csr_array((counts.astype(np.float32), indices, indptr), shape=(len(texts), FEATURES))


def _run_lengths(keys: npt.NDArray[np.uint32]) -> tuple[npt.NDArray[np.uint32], Rows]:
    """Return the distinct keys of a sorted array, and how often each stands there."""
    fresh = np.ones(len(keys), dtype=bool)
    fresh[1:] = keys[1:] != keys[:-1]
    starts = np.flatnonzero(fresh)
    return keys[starts], np.diff(np.append(starts, len(keys)))
