"""Exact scores of pairs: a function of the two vectors alone."""

from __future__ import annotations

import numpy as np

from curation.mining.ragged import Rows
from curation.mining.search.candidates import Vectors
from curation.mining.search.corpus import ArrayCorpus, Corpus
from curation.mining.search.kernels import kernels

# Values of passages that are in memory together for scoring.
_TAKEN_VALUES = 1 << 22


def pair_scores(left: Vectors, right: Vectors, left_rows: Rows, right_rows: Rows) -> Vectors:
    """Return the dot product of each pair of rows, float32, shape (n,): the same for the same two vectors, always."""
    scores = np.empty(len(left_rows), dtype=np.float32)
    kernels().pair_scores(_read_only(left), _read_only(right), left_rows, right_rows, scores)
    return scores


def score_pairs(queries: Vectors, passages: Corpus, query_rows: Rows, passage_rows: Rows) -> Vectors:
    """Return the score of each pair of a query and a passage, float32, shape (n,).

    Passages are visited in order of their rows, however often they occur: pairs that share one are neighbours in
    time, and a corpus on disk is read in one direction.
    """
    scores = np.empty(len(passage_rows), dtype=np.float32)
    if isinstance(passages, ArrayCorpus):
        order = _nearly_ascending(passage_rows, passages.shape[0])
        scores[order] = pair_scores(queries, passages.vectors, query_rows[order], passage_rows[order])
        return scores
    order = np.argsort(passage_rows, kind="stable")
    taken, places = np.unique(passage_rows[order], return_inverse=True)
    step = max(1, _TAKEN_VALUES // max(1, passages.shape[1]))
    for start in range(0, len(taken), step):
        begin, end = np.searchsorted(places, [start, start + step])
        part = order[begin:end]
        vectors = passages.take(taken[start : start + step])
        scores[part] = pair_scores(queries, vectors, query_rows[part], places[begin:end] - start)
    return scores


def _nearly_ascending(rows: Rows, count: int) -> Rows:
    """Return an order of rows by 2^16 equal parts of `count`: numpy sorts 16-bit numbers several times as fast."""
    shift = max(0, (count - 1).bit_length() - 16)
    return np.argsort((rows >> shift).astype(np.uint16), kind="stable")


def _read_only(vectors: Vectors) -> Vectors:
    # Compiled code tells arrays that can be written, or that are not contiguous, from others, and is made for each.
    view = np.ascontiguousarray(vectors).view(np.ndarray)
    view = view[:]
    view.flags.writeable = False
    return view
