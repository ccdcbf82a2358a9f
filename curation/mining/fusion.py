"""One list of candidates from two searches, each candidate with where it came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curation.mining.origins import Origin
from curation.mining.ragged import Rows, positions_in_runs
from curation.mining.search.candidates import Candidates

# Cormack, Clarke and Buettcher (2009), Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
# Methods: what is added to a rank, counted from 1, before it is inverted.
RANK_OFFSET = 60


@dataclass(frozen=True, slots=True)
class Union:
    """The candidates of two searches for each query, those first that stand high in both lists.

    Attributes:
        rows: int64, shape (Q, m), each row at most once a query; -1 beyond the last.
        dense_ranks: rank in the dense list, from 0; int32, shape (Q, m); -1 where it is not in the list.
        lexical_ranks: rank in the lexical list, likewise.
        origins: values of `Origin`, int8, shape (Q, m); of no meaning where there is no candidate.
    """

    rows: Rows
    dense_ranks: npt.NDArray[np.int32]
    lexical_ranks: npt.NDArray[np.int32]
    origins: npt.NDArray[np.int8]


def merge(dense: Candidates, lexical: Candidates) -> Union:
    """Unite two lists of candidates for each query, by reciprocal-rank fusion.

    Scores of different kinds cannot be compared, but ranks can: a candidate counts 1 / (60 + rank) for each list that
    it stands in, ranks from 1. Ties stand in order of rows.

    Args:
        dense: candidates of Q queries, shape (Q, k).
        lexical: candidates of the same queries, shape (Q, l).

    Returns:
        Shapes (Q, m), where m is the greatest number of candidates of a query.

    Raises:
        ValueError: if there are not as many queries on both sides.
    """
    if len(dense.rows) != len(lexical.rows):
        raise ValueError(f"{len(dense.rows)} queries have dense candidates, but {len(lexical.rows)} lexical ones")
    queries, rows, ranks = _joined(_flat(dense), _flat(lexical))
    order = np.lexsort((rows, -_worth(ranks).sum(axis=0), queries))
    queries, rows, ranks = queries[order], rows[order], ranks[:, order]
    places = positions_in_runs(queries)
    shape = (len(dense.rows), int(places.max(initial=-1)) + 1)
    union = Union(
        np.full(shape, -1, np.int64),
        np.full(shape, -1, np.int32),
        np.full(shape, -1, np.int32),
        np.zeros(shape, np.int8),
    )
    union.rows[queries, places] = rows
    union.dense_ranks[queries, places], union.lexical_ranks[queries, places] = ranks
    union.origins[queries, places] = Origin.DENSE * (ranks[0] >= 0) + Origin.LEXICAL * (ranks[1] >= 0)
    return union


def _flat(candidates: Candidates) -> tuple[Rows, Rows, Rows]:
    """Return query, row and rank of all candidates."""
    queries, ranks = np.nonzero(candidates.rows >= 0)
    return queries, candidates.rows[queries, ranks], ranks


def _joined(dense: tuple[Rows, Rows, Rows], lexical: tuple[Rows, Rows, Rows]) -> tuple[Rows, Rows, Rows]:
    """Return the distinct pairs of query and row, and their ranks in both lists, shape (2, pairs); -1 for none."""
    queries, rows = (np.concatenate(pair) for pair in zip(dense[:2], lexical[:2], strict=True))
    pairs, numbers = np.unique(np.stack([queries, rows]), axis=1, return_inverse=True)
    ranks = np.full((2, pairs.shape[1]), -1, dtype=np.int64)
    ranks[0, numbers[: len(dense[2])]] = dense[2]
    ranks[1, numbers[len(dense[2]) :]] = lexical[2]
    return pairs[0], pairs[1], ranks


def _worth(ranks: Rows) -> npt.NDArray[np.float64]:
    return np.where(ranks >= 0, 1.0 / (RANK_OFFSET + 1 + ranks), 0.0)
