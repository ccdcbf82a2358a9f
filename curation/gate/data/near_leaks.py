"""Held-out pairs that stand in the training data with a word changed.

Two pairs are nearly the same when of both their sides one text holds nearly all features of the other and little else:
words and the character n-grams inside them, so that case, punctuation and the order of words do not count, and a word
more or less counts for itself alone. Neighbours in a template ("Enter a valid ...") hold something else each, which
Jaccard similarity alone does not tell from a word that is gone.

Prefix filtering (Chaudhuri et al. 2006; Bayardo et al. 2007) finds the candidates without missing any: of two sets
with Jaccard similarity of t or more, the first (1 - t) n + 1 features of each, the rarest first, share one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from curation.config.gate import Gate
from curation.gate.data.corpus import Corpus, Numbers, Rows
from curation.gate.shares import at_least
from curation.gate.verdict import Check, compare, skipped
from curation.mining.lexical.features import FEATURE_BITS
from curation.mining.lexical.index import Matrix

NEAR_LEAK_JACCARD = 0.7
NEAR_LEAK_CONTAINMENT = 0.95
# Texts with fewer features say too little to be known again.
MIN_FEATURES = 12
# Candidates that are compared at a time.
_BLOCK = 1 << 14

Int64s = npt.NDArray[np.int64]


def check_near_leaks(corpus: Corpus, options: Gate) -> list[Check]:
    """Few held-out pairs nearly stand in the training data of their language."""
    train, held_out = corpus.train, list(corpus.held_out)
    if train is None or not held_out:
        return [skipped("data.near_leaks", "data", "nothing is held out")]
    return [_check(corpus, train, split, rows, options) for split, rows in held_out]


def _check(corpus: Corpus, train: Rows, split: str, rows: Rows, options: Gate) -> Check:
    name = f"data.near_leaks.{split}"
    known = dict(corpus.groups(train.facts["language"]))
    near = judged = 0
    for language, here in corpus.groups(rows.facts["language"]):
        here = here[_long(corpus, rows, here)]
        judged += len(here)
        if language in known and len(here):
            near += _count_near(corpus, _Side(rows, here), _Side(train, known[language]))
    if not judged:
        return skipped(name, "data", "the held-out texts are too short")
    metric = f"share of {split} pairs of which one in train holds all, and little else, on both sides"
    share, detail = at_least(near, judged), f"{near:,} of {judged:,} pairs judged"
    return compare(name, "data", metric, share, "<=", options.max_near_leak_share, detail=detail)


def _long(corpus: Corpus, rows: Rows, here: Int64s) -> npt.NDArray[np.bool_]:
    sizes = np.diff(corpus.features.indptr)
    long: npt.NDArray[np.bool_] = sizes[rows.anchors[here]] + sizes[rows.positives[here]] >= 2 * MIN_FEATURES
    return long & ~corpus.is_labelled(rows)[here]


class _Side:
    """The pairs of one language in one split, as numbers of their texts."""

    def __init__(self, rows: Rows, here: Int64s) -> None:
        self.anchors: Numbers = rows.anchors[here]
        self.positives: Numbers = rows.positives[here]


def _count_near(corpus: Corpus, held_out: _Side, train: _Side) -> int:
    """Return how many held-out pairs nearly equal one of train."""
    near = np.zeros(len(held_out.anchors), dtype=bool)
    for left, right in _candidates(corpus.features, held_out.positives, train.positives):
        for texts, others in ((held_out.anchors, train.anchors), (held_out.positives, train.positives)):
            similar = _are_similar(corpus, texts[left], others[right])
            left, right = left[similar], right[similar]
        near[left] = True
    return int(near.sum())


def _candidates(features: Matrix, texts: Numbers, others: Numbers) -> Iterator[tuple[Int64s, Int64s]]:
    """Yield pairs of places in `texts` and `others` that may be similar, a block at a time."""
    left, right = features[texts], features[others]
    frequencies = np.bincount(right.indices, minlength=features.shape[1])
    found = (_prefixes(left, frequencies) @ _prefixes(right, frequencies).T).tocoo()
    for start in range(0, found.nnz, _BLOCK):
        part = slice(start, start + _BLOCK)
        yield found.row[part].astype(np.int64), found.col[part].astype(np.int64)


def _prefixes(features: Matrix, frequencies: Int64s) -> Matrix:
    """Keep of each row the rarest features that any similar row must share one of."""
    import scipy.sparse as sp

    sizes = np.diff(features.indptr)
    owners = np.repeat(np.arange(features.shape[0]), sizes)
    # Rank by frequency in 20 bits, then by number: one sort of whole numbers in place of three.
    capped = np.minimum(frequencies[features.indices], (1 << FEATURE_BITS) - 1)
    keys = np.sort((owners << (2 * FEATURE_BITS)) | (capped << FEATURE_BITS) | features.indices)
    ranks = np.arange(len(keys)) - np.repeat(features.indptr[:-1], sizes)
    allowed = np.floor((1.0 - NEAR_LEAK_JACCARD) * sizes + 1e-9).astype(np.int64) + 1
    kept = ranks < np.repeat(allowed, sizes)
    rows, columns = owners[kept], keys[kept] & ((1 << FEATURE_BITS) - 1)
    return sp.csr_array((np.ones(len(rows), np.int32), (rows, columns)), shape=features.shape)


def _are_similar(corpus: Corpus, left: Numbers, right: Numbers) -> npt.NDArray[np.bool_]:
    """Say of pairs of texts whether one nearly is the other, with a little more."""
    features = corpus.features
    sizes = np.diff(features.indptr)
    swapped = sizes[left] > sizes[right]
    left, right = np.where(swapped, right, left), np.where(swapped, left, right)
    smaller, larger = sizes[left], sizes[right]
    # By their sizes, or by what is lacking in any case, most pairs cannot be similar.
    lacking = np.bitwise_count(corpus.signatures[left] & ~corpus.signatures[right]).sum(axis=1, dtype=np.int64)
    similar: npt.NDArray[np.bool_] = (smaller > 0) & _suffice(smaller - lacking, smaller, larger)
    possible = np.flatnonzero(similar)
    ones = features[left[possible]].sign().multiply(features[right[possible]].sign())
    similar[possible] = _suffice(ones.sum(axis=1), smaller[possible], larger[possible])
    return similar


def _suffice(shared: Int64s, smaller: Int64s, larger: Int64s) -> npt.NDArray[np.bool_]:
    """Say whether so many features of two texts are enough, of which one has no fewer than the other."""
    enough: npt.NDArray[np.bool_] = shared >= NEAR_LEAK_CONTAINMENT * smaller
    return enough & (shared >= NEAR_LEAK_JACCARD * (smaller + larger - shared))
