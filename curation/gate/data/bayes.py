"""How much likelier is each text under another label? Naive Bayes over the release's own labels, leaving each text out.

Wrong labels are invisible to a training run (its loss even falls), but not to this: a text whose character n-grams
are far likelier under another label speaks for that one, although the classifier was trained on the wrong labels too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curation.mining.lexical.features import FEATURE_BITS
from curation.mining.lexical.index import Matrix
from language_configs import confusable

# Shorter texts have too few features to speak for any label.
MIN_FEATURES = 30

_BITS = 16
_SMOOTHING = 0.1
_BLOCK = 4_096

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Margins:
    """What n texts say of their labels.

    Attributes:
        values: how much likelier the best other label is than the text's own, the natural logarithm of the ratio per
            feature occurrence, shape (n,); above 0 where another one is likelier.
        judged: which texts have enough features, shape (n,).
    """

    values: Floats
    judged: Bools


def label_margins(features: Matrix, labels: npt.NDArray[np.str_]) -> Margins:
    """Compare each text's likelihood under its own label with that under the likeliest other one.

    Close relatives (`language_configs.confusable`) do not count as another label, nor do scripts of one language.
    A text that stands twice under one label speaks for itself: leave repeats out.

    Args:
        features: counts of the texts' features (`curation.mining.lexical.features.count_features`), n rows.
        labels: language of each, shape (n,).
    """
    codes, numbers = np.unique(labels, return_inverse=True)
    counts = _hashed(features)
    values = _margins(counts, numbers, _relatives(codes)) if len(codes) > 1 else np.full(len(labels), -np.inf)
    return Margins(values, np.diff(features.indptr) >= MIN_FEATURES)


def _hashed(counts: Matrix) -> Matrix:
    """Fold the features into fewer, so that a table of languages by features is small."""
    import scipy.sparse as sp

    indices = counts.indices >> (FEATURE_BITS - _BITS)
    folded = sp.csr_array((counts.data, indices, counts.indptr), shape=(counts.shape[0], 1 << _BITS))
    folded.sum_duplicates()
    return folded


def _relatives(codes: npt.NDArray[np.str_]) -> Bools:
    """Return which labels are no other label for which, bool (l, l)."""
    bases = [str(code).partition("_")[0] for code in codes]
    return np.array([[other in confusable(base) for other in bases] for base in bases], dtype=bool)


def _margins(counts: Matrix, numbers: Int64s, relatives: Bools) -> Floats:
    """Return for each text how much likelier the best other label is than its own, per feature occurrence."""
    import scipy.sparse as sp

    labels, size = len(relatives), counts.shape[0]
    member = sp.csr_array((np.ones(size), (numbers, np.arange(size))), shape=(labels, size))
    totals = (member @ counts).toarray()
    mass = totals.sum(axis=1)
    width = counts.shape[1]
    log_likelihood = np.log(totals + _SMOOTHING) - np.log(mass + _SMOOTHING * width)[:, None]
    by_feature = np.ascontiguousarray(log_likelihood.T, dtype=np.float32)
    margins = np.empty(size)
    for start in range(0, size, _BLOCK):
        block, mine = counts[start : start + _BLOCK], numbers[start : start + _BLOCK]
        scores = block @ by_feature
        scores[relatives[mine]] = -np.inf
        own = _left_out(block, mine, totals, mass, width)
        occurrences = np.maximum(block.sum(axis=1), 1)
        margins[start : start + _BLOCK] = (scores.max(axis=1) - own) / occurrences
    return margins


def _left_out(block: Matrix, mine: Int64s, totals: Floats, mass: Floats, width: int) -> Floats:
    """Return each text's log-likelihood under its own label, counted without the text itself."""
    rows = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
    others = totals[mine[rows], block.indices] - block.data
    rest = mass[mine] - block.sum(axis=1)
    terms = block.data * (np.log(others + _SMOOTHING) - np.log(rest + _SMOOTHING * width)[rows])
    return np.bincount(rows, weights=terms, minlength=block.shape[0]).astype(np.float64)
