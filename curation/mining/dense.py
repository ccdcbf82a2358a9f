"""Hard negatives from vectors: exact search, then the rules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curation.errors import CurationError
from curation.mining.ragged import Exclusions, Ragged, Rows
from curation.mining.rules import Rules, Side, judge
from curation.mining.search.candidates import Vectors
from curation.mining.search.engines import choose
from curation.mining.search.exact import nearest, pair_scores
from curation.mining.selection import Selector, as_matrix

NORM_TOLERANCE = 1e-3
_BLOCK_QUERIES = 8_192

Positives = npt.NDArray[np.integer] | Sequence[int] | Sequence[Sequence[int]] | Sequence[npt.NDArray[np.integer]]


def mine_hard_negatives(
    queries: npt.ArrayLike,
    passages: npt.ArrayLike,
    positives: Positives,
    *,
    num_negatives: int = 24,
    top_k: int = 100,
    skip_rank: int = 5,
    max_score: float = 0.8,
    max_positive_ratio: float = 0.95,
    skip_survivors: int = 0,
    min_score: float = -math.inf,
    positive_margin: float = -math.inf,
) -> tuple[Rows, Vectors]:
    """Find passages that are near to a query, but not so near that they may well be right.

    The search is exact, and the result a function of the arguments alone: equal scores stand in order of rows, and
    neither threads nor tile shapes change a bit. The defaults are the recipe of F2LLM (the 100 nearest, the first
    5 left out, below 0.8 and below 95 % of the positive, 24 negatives).

    Args:
        queries: unit vectors, float32, shape (Q, d).
        passages: unit vectors, float32, shape (N, d).
        positives: row of each query's positive, shape (Q,), or a list of rows for each query. None of them is ever
            a negative, and a negative must score below the bound of every one (so the weakest decides).
        num_negatives: negatives a query, n.
        top_k: retrieval ranks that are looked at, counted without the positives.
        skip_rank: the nearest ranks that are left out, counted likewise and before any other rule.
        max_score: a negative scores below this.
        max_positive_ratio: a negative scores below p - (1 - ratio) |p|, which is `ratio * p` for a positive's score
            p >= 0. A copy of the positive under another row falls to this rule. Infinity is no such rule.
        skip_survivors: the nearest that are left out of those that pass all other rules (what sentence-transformers
            calls `range_min`), where `skip_rank` counts ranks of the search.
        min_score: a negative scores this at least.
        positive_margin: a negative scores so much less than its positive.

    Returns:
        Rows of `passages`, int64, shape (Q, n), hardest first, and their cosines, float32, shape (Q, n). Where
        fewer than n pass the rules, the row is -1 and the score -inf.

    Raises:
        CurationError: if a vector is not finite or not of unit length, if shapes disagree, or if a positive is
            missing or out of range; the message names the row.
        ConfigError: if a rule cannot be.
    """
    rules = Rules(
        num_negatives, top_k, skip_rank, max_score, max_positive_ratio, skip_survivors, min_score, positive_margin
    )
    queries, passages = unit_vectors(queries, "queries"), unit_vectors(passages, "passages")
    if queries.shape[1] != passages.shape[1]:
        raise CurationError(
            "queries and passages have different dimensions",
            why=f"queries are {queries.shape}, passages {passages.shape}",
            hint="embed both with the same model",
        )
    mined = mine_vectors(queries, passages, _positive_rows(positives, len(queries), len(passages)), rules)
    return mined.rows, mined.scores


@dataclass(frozen=True, slots=True)
class MinedRows:
    """The negatives of Q queries, hardest first, and what they are compared with.

    Attributes:
        rows: int64, shape (Q, n); -1 where fewer than n pass the rules.
        scores: float32, shape (Q, n); -inf where `rows` is -1.
        ranks: the rank of each in the search, from 1 and without the positives, int32, shape (Q, n); 0 likewise.
        positive_scores: score of each query's weakest positive, float32, shape (Q,).
    """

    rows: Rows
    scores: Vectors
    ranks: npt.NDArray[np.int32]
    positive_scores: Vectors


def mine_vectors(
    queries: Vectors, passages: Vectors, positives: Ragged, rules: Rules, *, barred: Ragged | None = None
) -> MinedRows:
    """Return the negatives of queries whose vectors and positives are known to be sound. See `mine_hard_negatives`.

    Args:
        queries: float32, shape (Q, d).
        passages: float32, shape (N, d).
        positives: the positives of each query, at least one.
        rules: which candidates become negatives.
        barred: what each query must never get; by default its positives.
    """
    positive_scores = weakest_positive(queries, passages, positives)
    excluded = Exclusions.from_rows(positives if barred is None else barred)
    shape = len(queries), rules.num_negatives
    mined = MinedRows(
        np.full(shape, -1, np.int64), np.full(shape, -np.inf, np.float32), np.zeros(shape, np.int32), positive_scores
    )
    # Candidates are many times as many as negatives: those of a block are forgotten before the next.
    engine = choose(len(queries), *passages.shape)
    for start in range(0, len(queries), _BLOCK_QUERIES):
        part = slice(start, min(start + _BLOCK_QUERIES, len(queries)))
        _mine_block(queries, passages, excluded, rules, part, mined, engine)
    return mined


def _mine_block(
    queries: Vectors,
    passages: Vectors,
    excluded: Exclusions,
    rules: Rules,
    part: slice,
    mined: MinedRows,
    engine: str,
) -> None:
    barred = excluded.select(np.arange(part.start, part.stop, dtype=np.int64))
    candidates = nearest(queries[part], passages, min(rules.top_k, len(passages)), barred, engine=engine)
    verdicts = judge(candidates, Side.of(candidates.scores, mined.positive_scores[part], rules), rules)
    wanted = np.full(part.stop - part.start, rules.num_negatives)
    taken, _ = Selector(wanted, rules.skip_survivors).take(candidates, verdicts)
    mined.rows[part], mined.scores[part] = as_matrix(candidates, taken, rules.num_negatives)
    mined.ranks[part][mined.rows[part] >= 0] = np.nonzero(taken)[1] + 1


def unit_vectors(vectors: npt.ArrayLike, name: str) -> Vectors:
    """Return `vectors` as a contiguous float32 matrix, checked.

    Args:
        vectors: numbers, shape (n, d).
        name: what to call them in an error.

    Raises:
        CurationError: if they are not a matrix, or a row holds NaN or infinity or is not of unit length (within
            `NORM_TOLERANCE`); the message names the first such row.
    """
    matrix = np.ascontiguousarray(vectors, dtype=np.float32)
    if matrix.ndim != 2:
        raise CurationError(f"{name} must be a matrix of shape (n, d)", why=f"the shape is {matrix.shape}")
    norms = np.sqrt(np.einsum("ij,ij->i", matrix, matrix))
    wrong = np.flatnonzero(~(np.abs(norms - 1.0) <= NORM_TOLERANCE))
    if len(wrong):
        row = int(wrong[0])
        why = f"its length is {norms[row]:.6g}" if np.isfinite(matrix[row]).all() else "it holds NaN or infinity"
        raise CurationError(
            f"{name} must be finite vectors of unit length",
            where=f"{name}, row {row} (and {len(wrong) - 1} more)",
            why=why,
            hint="leave out texts that could not be embedded, and divide each vector by its length",
        )
    return matrix


def weakest_positive(queries: Vectors, passages: Vectors, positives: Ragged) -> Vectors:
    """Return the least score of each query with any of its positives, float32, shape (Q,)."""
    owners, rows = positives.take(np.arange(len(queries), dtype=np.int64))
    weakest = np.full(len(queries), np.inf, dtype=np.float32)
    np.minimum.at(weakest, owners, pair_scores(queries, passages, owners, rows))
    return weakest


def _positive_rows(positives: Positives, queries: int, passages: int) -> Ragged:
    if len(positives) != queries:
        raise CurationError("each query needs its positives", why=f"{queries} queries, {len(positives)} positives")
    values, lengths = _flatten(positives)
    owners = np.repeat(np.arange(queries, dtype=np.int64), lengths)
    _refuse(np.flatnonzero(lengths == 0), "has no positive", "it is needed for max_positive_ratio")
    if values.dtype.kind not in "iu":
        raise CurationError("positives must be row numbers", why=f"they are {values.dtype}")
    _refuse(
        owners[(values < 0) | (values >= passages)], "has a positive out of range", f"there are {passages} passages"
    )
    return Ragged.from_pairs(owners, values.astype(np.int64), queries)


def _flatten(positives: Positives) -> tuple[npt.NDArray[np.integer], Rows]:
    """Return all rows end to end, and how many each query has."""
    if isinstance(positives, np.ndarray) and positives.dtype != object:
        return positives.ravel(), np.full(len(positives), math.prod(positives.shape[1:]), dtype=np.int64)
    lists = [np.atleast_1d(np.asarray(rows, dtype=np.int64 if np.size(rows) == 0 else None)) for rows in positives]
    values = np.concatenate(lists) if lists else np.empty(0, dtype=np.int64)
    return values, np.array([len(rows) for rows in lists], dtype=np.int64)


def _refuse(wrong: Rows, what: str, why: str) -> None:
    if len(wrong):
        raise CurationError(f"a query {what}", where=f"positives, row {int(wrong[0])}", why=why)
