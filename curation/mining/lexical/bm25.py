"""BM25 over the same features: a source of candidates beside a dense teacher.

Of 2,000 first sentences of Japanese documentation it finds the rest of the paragraph among 11,223 for 17.5 %, TF-IDF
cosine for 15.8 %, BM25 over words for 8.1 % (Spanish: 13.6, 12.0 and 12.4 % among 15,302; `benchmarks/lexical.py`). Its
scores are no cosines, and what rules bound must be one: so the teacher stays with TF-IDF, and BM25 brings candidates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from curation.mining.lexical.features import FEATURES
from curation.mining.lexical.index import Matrix
from curation.mining.lexical.search import lexical_nearest
from curation.mining.ragged import Exclusions
from curation.mining.search.candidates import Candidates

# Robertson and Zaragoza (2009), The Probabilistic Relevance Framework, section 3.5.1: good values lie between 1.2 and
# 2, and between 0.5 and 0.8.
K1 = 1.5
B = 0.75


@dataclass(frozen=True, slots=True)
class Bm25:
    """Turns feature counts into vectors whose product is the BM25 score, weighted for one pool.

    The inverse document frequency is shared evenly between query and passage: the bounds of the search are closest
    where the vectors of both sides are alike.

    Attributes:
        weights: square root of the inverse document frequency of each feature, float64, shape (FEATURES,).
        mean_length: features of a passage on average, repeats included.
    """

    weights: npt.NDArray[np.float64]
    mean_length: float

    @classmethod
    def fit(cls, counts: Matrix) -> Bm25:
        """Return the weights of a pool, given the feature counts of its texts.

        The inverse document frequency of a feature that n of N texts have is ln(1 + (N - n + 0.5) / (n + 0.5)), as in
        Lucene: never negative, however frequent.
        """
        size = counts.shape[0]
        frequencies = np.bincount(counts.indices, minlength=FEATURES)
        weight_of = np.sqrt(np.log1p((size - np.arange(size + 1) + 0.5) / (np.arange(size + 1) + 0.5)))
        return cls(weight_of[frequencies], float(counts.data.sum(dtype=np.float64)) / max(1, size))

    def queries(self, counts: Matrix) -> Matrix:
        """Return the vectors of queries: their counts."""
        return _with_data(counts, counts.data * self.weights[counts.indices])

    def passages(self, counts: Matrix) -> Matrix:
        """Return the vectors of passages: counts that saturate, the sooner the shorter the passage is."""
        sizes = np.diff(counts.indptr)
        owners = np.repeat(np.arange(counts.shape[0]), sizes)
        lengths = np.bincount(owners, weights=counts.data, minlength=counts.shape[0])
        damping = K1 * (1.0 - B + B * lengths / max(self.mean_length, 1.0))
        saturated = counts.data * (K1 + 1.0) / (counts.data + np.repeat(damping, sizes))
        return _with_data(counts, saturated * self.weights[counts.indices])


def bm25_nearest(queries: Matrix, passages: Matrix, k: int, excluded: Exclusions) -> Candidates:
    """Find the k passages with the greatest BM25 score for each query, among those that share a feature with it.

    Args:
        queries: feature counts (see `count_features`), csr, shape (Q, FEATURES).
        passages: likewise, shape (N, FEATURES): the pool, which weighs the features.
        k: rows wanted for each query.
        excluded: rows that are left out, as if they were not there.

    Returns:
        The exact k best of each query, ties in order of rows. Scores have no upper bound, and are not symmetric.
    """
    weighted = Bm25.fit(passages)
    return lexical_nearest(weighted.queries(queries), weighted.passages(passages), k, excluded)


def _with_data(counts: Matrix, data: npt.NDArray[np.float64]) -> Matrix:
    return sp.csr_array((data.astype(np.float32), counts.indices, counts.indptr), shape=counts.shape)
