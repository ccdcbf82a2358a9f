"""The embedded teacher: lexical neighbours by TF-IDF cosine, for pools of one language.

Scores are always the full cosine of two texts' vectors, exact and symmetric. In pools of up to `EXACT_POOL` texts the
search is exact too. In larger ones candidates come from a product with each query's heaviest features only, which
finds 92 % of the true 12 nearest among 25,000 Spanish paragraphs of documentation, 87 % among 50,000, and 97 % among
69,000 short English sentences.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from curation.mining.lexical.features import Matrix
from curation.mining.ragged import Exclusions, Rows
from curation.mining.search.candidates import Candidates, Vectors, best_first, empty_candidates, fill_candidates

IDENTITY = "lexical"

EXACT_POOL = 1024
# In larger pools a query searches with this many features ...
QUERY_FEATURES = 96
# ... each found in at most so many passages, ...
MOST_PASSAGES = 1024
# ... apart from its heaviest few, so that short texts of common words find something.
FREQUENT_FEATURES = 8
# This many more candidates than asked are then scored in full.
SPARE = 32

_LEVEL_BITS = 23
_LEVELS = (1 << _LEVEL_BITS) - 1
_BLOCK_QUERIES = 512
_BLOCK_ENTRIES = 1 << 21
_BLOCK_ROWS = 64


def lexical_nearest(queries: Matrix, passages: Matrix, k: int, excluded: Exclusions) -> Candidates:
    """Find the k passages with the greatest cosine to each query, among those that share a feature with it.

    Args:
        queries: unit or zero vectors, csr, shape (Q, F).
        passages: unit or zero vectors, csr, shape (N, F).
        k: rows wanted for each query.
        excluded: rows that are left out, as if they were not there.

    Returns:
        The k nearest of each query by full cosine, ties in order of rows.
    """
    found = empty_candidates(queries.shape[0], k)
    postings = passages.T.tocsr()
    for start in range(0, queries.shape[0], _BLOCK_QUERIES):
        block = np.arange(start, min(start + _BLOCK_QUERIES, queries.shape[0]))
        hits = _search_block(queries[block], passages, postings, k, excluded.pairs(block))
        fill_candidates(found, hits[0] + start, *hits[1:])
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


def _search_block(
    queries: Matrix, passages: Matrix, postings: Matrix, k: int, excluded: tuple[Rows, Rows]
) -> tuple[Rows, Rows, Vectors]:
    """Return query, row and score of the k nearest, best first."""
    is_exact = passages.shape[0] <= EXACT_POOL
    hits = (queries if is_exact else _prune(queries, postings)) @ postings
    barred = np.bincount(excluded[0], minlength=queries.shape[0])
    likely = _largest(hits, k + SPARE + barred)
    owners = np.repeat(np.arange(queries.shape[0]), np.diff(hits.indptr))[likely]
    rows, scores = hits.indices[likely].astype(np.int64), hits.data[likely]
    codes = excluded[0] * passages.shape[0] + excluded[1]
    allowed = ~np.isin(owners * passages.shape[0] + rows, codes) & (scores > 0)
    owners, rows, scores = owners[allowed], rows[allowed], scores[allowed]
    if not is_exact:
        scores = lexical_scores(queries, passages, owners, rows)
    # Otherwise the product is the full cosine already: scipy, too, sums it in order of features.
    best = best_first(owners, rows, scores, k)
    return owners[best], rows[best], scores[best]


def _prune(queries: Matrix, postings: Matrix) -> Matrix:
    """Keep the heaviest features of each query that passages share; frequent ones only where there is no other."""
    frequencies = np.diff(postings.indptr)[queries.indices]
    data = np.where(frequencies > 1, queries.data, np.float32(0.0))
    shared = sp.csr_array((data, queries.indices, queries.indptr), shape=queries.shape)
    counts = np.ones(queries.shape[0], dtype=np.int64)
    keep = _largest(shared, QUERY_FEATURES * counts)
    keep &= (frequencies <= MOST_PASSAGES) | _largest(shared, FREQUENT_FEATURES * counts)
    pruned = sp.csr_array((np.where(keep, data, np.float32(0.0)), queries.indices, queries.indptr), shape=queries.shape)
    # A copy: eliminating works in place, on indices that are those of the queries.
    pruned = pruned.copy()
    pruned.eliminate_zeros()
    return pruned


def _largest(matrix: Matrix, wanted: Rows) -> npt.NDArray[np.bool_]:
    """Tell which entries are among the `wanted` largest of their row (to 2^-23; ties all count), shape (nnz,).

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
