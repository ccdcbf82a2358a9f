"""The embedded teacher: lexical neighbours by TF-IDF cosine, for pools of one language.

Scores are the full cosine of two texts' vectors, exact and symmetric. The candidates that are scored are exact in
pools of up to `EXACT_POOL` texts. In larger ones they come from a sparse product with the heaviest features of each
query only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from curation.mining.features import Matrix
from curation.mining.ragged import Exclusions, Rows
from curation.mining.search import Candidates, Vectors, best_first, empty_candidates, fill_candidates

IDENTITY = "lexical"

EXACT_POOL = 1024
QUERY_FEATURES = 64
MOST_PASSAGES = 512
# Of the pruned ranking this many more than asked are scored in full.
SPARE = 32

_LEVEL_BITS = 23
_LEVELS = (1 << 22) - 1
_BLOCK_QUERIES = 512
_BLOCK_ENTRIES = 1 << 21
_BLOCK_ROWS = 64


def lexical_nearest(queries: Matrix, passages: Matrix, k: int, excluded: Exclusions) -> Candidates:
    """Find the k passages with the greatest cosine to each query, among those that share a feature with it.

    Args:
        queries: unit or zero vectors, csr, shape (Q, F).
        passages: unit or zero vectors, csr, shape (N, F), N below 2^28.
        k: rows wanted for each query.
        excluded: rows that are left out, as if they were not there.

    Returns:
        The k nearest of each query by full cosine, ties in order of rows.
    """
    found = empty_candidates(queries.shape[0], k)
    postings = passages.T.tocsr()
    for start in range(0, queries.shape[0], _BLOCK_QUERIES):
        block = np.arange(start, min(start + _BLOCK_QUERIES, queries.shape[0]))
        owners, rows = _search_block(queries[block], postings, k, excluded.pairs(block))
        owners += start
        scores = lexical_scores(queries, passages, owners, rows)
        best = best_first(owners, rows, scores, k)
        fill_candidates(found, owners[best], rows[best], scores[best])
    return found


def lexical_scores(left: Matrix, right: Matrix, left_rows: Rows, right_rows: Rows) -> Vectors:
    """Return the cosine of each pair of rows, float32, shape (n,): summed in order of features, so symmetric.

    Fastest where pairs with the same left row stand together.
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
    dense = np.zeros((len(rows), len(columns) + 1), dtype=np.float32)
    dense[block.row, slots + 1] = block.data
    slot_of = np.zeros(left.shape[1], dtype=np.int32)
    slot_of[columns] = np.arange(1, len(columns) + 1)
    pairs = right[right_rows]
    indices = slot_of[pairs.indices]
    indices += np.repeat((places * dense.shape[1]).astype(np.int32), np.diff(pairs.indptr))
    scores: Vectors = sp.csr_array((pairs.data, indices, pairs.indptr), shape=(len(places), dense.size)) @ dense.ravel()
    return scores


def _search_block(queries: Matrix, postings: Matrix, k: int, excluded: tuple[Rows, Rows]) -> tuple[Rows, Rows]:
    """Return the queries and rows that are worth a full score; queries ascending."""
    hits = (queries if postings.shape[1] <= EXACT_POOL else _prune(queries, postings)) @ postings
    barred = np.bincount(excluded[0], minlength=queries.shape[0])
    best = _largest(hits, k + SPARE + barred)
    owners = np.repeat(np.arange(queries.shape[0]), np.diff(hits.indptr))[best]
    rows = hits.indices[best].astype(np.int64)
    count = postings.shape[1]
    allowed = ~np.isin(owners * count + rows, excluded[0] * count + excluded[1])
    return owners[allowed], rows[allowed]


def _prune(queries: Matrix, postings: Matrix) -> Matrix:
    """Keep the heaviest features of each query, among those that several passages share but not too many."""
    frequencies = np.diff(postings.indptr)[queries.indices]
    most = MOST_PASSAGES
    data = np.where((frequencies > 1) & (frequencies <= most), queries.data, np.float32(0.0))
    pruned = sp.csr_array((data, queries.indices, queries.indptr), shape=queries.shape)
    pruned.data[~_largest(pruned, np.full(queries.shape[0], QUERY_FEATURES))] = 0.0
    pruned = pruned.copy()
    pruned.eliminate_zeros()
    return pruned


def _largest(matrix: Matrix, wanted: Rows) -> npt.NDArray[np.bool_]:
    """Tell which entries are among the `wanted` largest of their row (to 2^-22; ties all count), shape (nnz,).

    Row and value share one 32-bit integer, so that one flat sort does for all rows; there are at most 512.
    """
    lengths = np.diff(matrix.indptr)
    owners = np.repeat(np.arange(len(lengths), dtype=np.uint32), lengths)
    levels = (owners << np.uint32(_LEVEL_BITS)) | (np.clip(matrix.data, 0.0, 1.0) * np.float32(_LEVELS)).astype(
        np.uint32
    )
    ranked = np.sort(levels)
    floors = np.zeros(len(lengths), dtype=np.uint32)
    is_long = lengths > 0
    floors[is_long] = ranked[(matrix.indptr[1:] - np.minimum(wanted, lengths))[is_long]]
    chosen: npt.NDArray[np.bool_] = levels >= np.repeat(floors, lengths)
    return chosen
