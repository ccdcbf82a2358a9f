"""What a search finds: the nearest rows of each query."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curation.mining.ragged import Rows, positions_in_runs

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Candidates:
    """The nearest rows of each query, best first, ties in order of rows.

    Attributes:
        rows: int64, shape (Q, k); -1 where there are fewer than k.
        scores: cosines, float32, shape (Q, k); -inf where `rows` is -1.
    """

    rows: Rows
    scores: Vectors


def empty_candidates(count: int, k: int) -> Candidates:
    """Return candidates for `count` queries, none found yet, to be filled in."""
    return Candidates(np.full((count, k), -1, np.int64), np.full((count, k), -np.inf, np.float32))


def fill_candidates(candidates: Candidates, queries: Rows, rows: Rows, scores: Vectors) -> None:
    """Write hits, grouped by query and best first, at most k a query, into `candidates`."""
    ranks = positions_in_runs(queries)
    candidates.rows[queries, ranks] = rows
    candidates.scores[queries, ranks] = scores


def best_first(queries: Rows, rows: Rows, scores: Vectors, k: int) -> Rows:
    """Return the positions of the k best hits of each query: by query, then score falling, then row."""
    order = np.lexsort((rows, -scores, queries))
    return order[positions_in_runs(queries[order]) < k]
