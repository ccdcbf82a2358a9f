"""The embedded teacher: lexical neighbours by TF-IDF cosine, for pools of one language.

The search is exact in pools of any size. Scores are a function of the two texts' vectors alone (see
`curation.mining.lexical.pairs`), so that no result depends on blocks, on threads, or on which kernels there are.
"""

from __future__ import annotations

from curation.mining.lexical.index import Matrix
from curation.mining.lexical.kernels import kernels
from curation.mining.ragged import Exclusions
from curation.mining.search.candidates import Candidates

IDENTITY = "lexical"


def lexical_nearest(queries: Matrix, passages: Matrix, k: int, excluded: Exclusions) -> Candidates:
    """Find the k passages with the greatest product with each query, among those that share a feature with it.

    Args:
        queries: vectors without negative entries, csr with sorted indices, float32, shape (Q, F); of unit length or
            zero where the product is to be a cosine.
        passages: likewise, shape (N, F).
        k: rows wanted for each query.
        excluded: rows that are left out, as if they were not there.

    Returns:
        The exact k nearest of each query, ties in order of rows.
    """
    return kernels().nearest(queries, passages, k, excluded)
