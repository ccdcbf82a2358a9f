"""Cross-domain similarity local scaling: cosines corrected for hubs, which are near to everything.

csls(q, p) = 2 cos(q, p) - r(q) - r(p), where r is the mean cosine to the m nearest on the other side (Conneau et al.,
Word Translation Without Parallel Data, 2018, section 2.3; m is 10 there).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from curation.mining.ragged import Exclusions, Ragged
from curation.mining.search.candidates import Candidates, Vectors
from curation.mining.search.corpus import Corpus, as_corpus
from curation.mining.search.exact import nearest

NEIGHBOURS = 10


@dataclass(frozen=True, slots=True)
class Reranked:
    """Candidates in the order of their CSLS.

    Attributes:
        candidates: the rows in their new order, with their cosines.
        csls: float32, shape (Q, k), falling; -inf where there is no row.
    """

    candidates: Candidates
    csls: Vectors


def mean_similarity(
    vectors: Vectors | Corpus, others: Vectors | Corpus, neighbours: int = NEIGHBOURS, *, engine: str = "auto"
) -> Vectors:
    """Return r of each vector, float32 (n,): its mean cosine to the nearest of the other side.

    Args:
        vectors: unit vectors, float32 (n, d).
        others: those of the other side, float32 (N, d).
        neighbours: how many count, m; all of them where there are fewer. Without any, r is 0.
        engine: see `curation.mining.search.exact.nearest`.
    """
    count = as_corpus(vectors).shape[0]
    none = np.empty(0, dtype=np.int64)
    found = nearest(
        vectors, others, neighbours, Exclusions.from_rows(Ragged.from_pairs(none, none, count)), engine=engine
    )
    there = found.rows >= 0
    total = np.sum(found.scores, axis=1, where=there, dtype=np.float64)
    return np.asarray(total / np.maximum(there.sum(axis=1), 1), dtype=np.float32)


def rerank(candidates: Candidates, of_queries: Vectors, of_passages: Vectors) -> Reranked:
    """Order candidates by CSLS, ties in order of rows.

    Args:
        candidates: rows and cosines, shape (Q, k).
        of_queries: r of each query, float32 (Q,).
        of_passages: r of each passage, float32 (N,).
    """
    there = candidates.rows >= 0
    hubness = np.zeros(candidates.rows.shape)
    hubness[there] = of_passages[candidates.rows[there]]
    csls = (2.0 * candidates.scores - of_queries[:, None] - hubness).astype(np.float32)
    # What is not there stays behind.
    order = np.lexsort((np.where(there, candidates.rows, np.iinfo(np.int64).max), -csls), axis=1)
    rows = np.take_along_axis(candidates.rows, order, axis=1)
    scores = np.take_along_axis(candidates.scores, order, axis=1)
    return Reranked(Candidates(rows, scores), np.take_along_axis(csls, order, axis=1))
