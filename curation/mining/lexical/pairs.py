"""The score of a pair of texts: a function of their two vectors alone."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from curation.mining.lexical.index import Matrix
from curation.mining.ragged import Rows
from curation.mining.search.candidates import Vectors

_BLOCK_ENTRIES = 1 << 20
_BLOCK_ROWS = 64


def pair_scores(left: Matrix, right: Matrix, left_rows: Rows, right_rows: Rows) -> Vectors:
    """Return the product of each pair of rows, float32, shape (n,): summed in order of features, so symmetric.

    The product of two float32 is exact in float64; the sum is rounded at the end. Fastest where pairs with the same
    left row stand together.
    """
    scores = np.empty(len(left_rows), dtype=np.float32)
    entries = np.cumsum(np.diff(right.indptr)[right_rows], dtype=np.int64) // _BLOCK_ENTRIES
    changes = np.cumsum(np.diff(left_rows, prepend=left_rows[:1]) != 0) // _BLOCK_ROWS
    cuts = np.flatnonzero(np.diff(entries) | np.diff(changes)) + 1
    for start, stop in zip(np.append(0, cuts), np.append(cuts, len(left_rows)), strict=True):
        part = slice(start, stop)
        scores[part] = _score_block(left, right, left_rows[part], right_rows[part])
    return scores


def _score_block(left: Matrix, right: Matrix, left_rows: Rows, right_rows: Rows) -> Vectors:
    """Score pairs by one product of a sparse matrix, a row a pair, with the left rows laid end to end."""
    rows, places = np.unique(left_rows, return_inverse=True)
    block = left[rows].tocoo()
    columns, slots = np.unique(block.col, return_inverse=True)
    # Slot 0 stays empty: it stands for the features that no left row of the block has.
    dense = np.zeros((len(rows), len(columns) + 1), dtype=np.float64)
    dense[block.row, slots + 1] = block.data
    slot_of = np.zeros(left.shape[1], dtype=np.int32)
    slot_of[columns] = np.arange(1, len(columns) + 1)
    pairs = right[right_rows]
    indices = slot_of[pairs.indices]
    indices += np.repeat((places * dense.shape[1]).astype(np.int32), np.diff(pairs.indptr))
    data = pairs.data.astype(np.float64)
    scores: Vectors = sp.csr_array((data, indices, pairs.indptr), shape=(len(places), dense.size)) @ dense.ravel()
    return scores.astype(np.float32)
