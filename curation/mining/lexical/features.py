"""Texts as sparse vectors of hashed words and character n-grams, weighted by TF-IDF.

A word of a script with blanks gives itself and its 3-, 4- and 5-grams, with a blank at either end; a run of a script
without blanks gives its 1-, 2- and 3-grams. On XQuAD in 12 languages the TF-IDF cosine of these features finds the
right paragraph of 240 for 90 % of questions, BM25 over words alone for 75 % (Thai 22 %, Chinese 11 %).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from curation.mining.lexical.scripts import SEPARATOR, SPACED, character_classes
from curation.mining.ragged import Rows, within_runs
from curation.ngrams import Codepoints, codepoints, offsets_of, span_hashes
from curation.text import fold

FEATURE_BITS = 20
FEATURES = 1 << FEATURE_BITS
SPACED_SIZES = (3, 4, 5)
UNSPACED_SIZES = (1, 2, 3)

# Characters that are cut into features at a time: about 100 MB of work space.
_BLOCK_CHARS = 1 << 20
_BLANK = 0x20

Matrix = Any
"""A scipy.sparse.csr_array, float32, shape (n, FEATURES), with sorted indices; scipy has no types."""


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
    """
    folded = fold(texts)
    parts = [_count(codepoints(block)) for block in _blocks(folded)]
    return sp.vstack([sp.csr_array((0, FEATURES), dtype=np.float32), *parts], format="csr")


def _blocks(texts: pa.Array) -> Iterator[pa.Array]:
    ends = np.cumsum(pc.utf8_length(texts).to_numpy(zero_copy_only=False), dtype=np.int64)
    start = 0
    while start < len(texts):
        reached = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, reached + _BLOCK_CHARS, side="right")))
        yield texts[start:stop]
        start = stop


def _count(points: Codepoints) -> Matrix:
    tokens = _cut(points)
    owners, features = _features(tokens)
    keys, counts = _run_lengths(np.sort((owners << FEATURE_BITS) | features))
    indptr = np.searchsorted(keys >> FEATURE_BITS, np.arange(len(points) + 1))
    indices = (keys & (FEATURES - 1)).astype(np.int32)
    return sp.csr_array((counts.astype(np.float32), indices, indptr), shape=(len(points), FEATURES))


@dataclass(frozen=True, slots=True)
class _Tokens:
    """Runs of word characters of one class: their texts, with a blank at either end where words have blanks.

    Attributes:
        points: the runs as texts of their own.
        owners: the text that each run stands in.
        spaced: whether the run's script puts blanks between words.
    """

    points: Codepoints
    owners: Rows
    spaced: npt.NDArray[np.bool_]


def _cut(points: Codepoints) -> _Tokens:
    classes = character_classes()[points.codes]
    begins = np.ones(len(classes), dtype=bool)
    begins[1:] = classes[1:] != classes[:-1]
    begins[points.offsets[:-1][points.lengths > 0]] = True
    starts = np.flatnonzero(begins)
    lengths = np.diff(np.append(starts, len(classes)))
    is_token = classes[starts] != SEPARATOR
    starts, lengths = starts[is_token], lengths[is_token]
    spaced = classes[starts] == SPACED
    offsets = offsets_of(lengths + 2 * spaced)
    codes = np.full(offsets[-1], _BLANK, dtype=np.uint32)
    steps = within_runs(lengths)
    codes[np.repeat(offsets[:-1] + spaced, lengths) + steps] = points.codes[np.repeat(starts, lengths) + steps]
    owners = np.searchsorted(points.offsets, starts, side="right") - 1
    return _Tokens(Codepoints(codes, offsets), owners, spaced)


def _features(tokens: _Tokens) -> tuple[Rows, Rows]:
    """Return the text and the number of every feature, repeats included."""
    points = tokens.points
    begins, ends = points.offsets[:-1], points.offsets[1:]
    spans = [(np.flatnonzero(tokens.spaced), begins[tokens.spaced] + 1, ends[tokens.spaced] - 1)]
    for spaced, sizes in ((True, SPACED_SIZES), (False, UNSPACED_SIZES)):
        spans += [_windows(points, np.flatnonzero(tokens.spaced == spaced), size) for size in sizes]
    owners, starts, stops = (np.concatenate(parts) for parts in zip(*spans, strict=True))
    hashes = span_hashes(points, starts, stops)
    return tokens.owners[owners], (hashes >> np.uint64(64 - FEATURE_BITS)).astype(np.int64)


def _windows(points: Codepoints, tokens: Rows, size: int) -> tuple[Rows, Rows, Rows]:
    """Return token, start and end of every window of `size` in `tokens`; none in a shorter token."""
    counts = np.maximum(points.lengths[tokens] - size + 1, 0)
    starts = np.repeat(points.offsets[tokens], counts) + within_runs(counts)
    return np.repeat(tokens, counts), starts, starts + size


def _run_lengths(keys: Rows) -> tuple[Rows, Rows]:
    """Return the distinct keys of a sorted array, and how often each stands there."""
    fresh = np.ones(len(keys), dtype=bool)
    fresh[1:] = keys[1:] != keys[:-1]
    starts = np.flatnonzero(fresh)
    return keys[starts], np.diff(np.append(starts, len(keys)))
