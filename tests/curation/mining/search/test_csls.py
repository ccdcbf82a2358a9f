from __future__ import annotations

import numpy as np

from curation.mining.search.candidates import Candidates
from curation.mining.search.csls import mean_similarity, rerank
from curation.mining.search.exact import nearest
from tests.curation.mining.search.vectors import nothing, randomly


def test_mean_similarity_is_that_of_the_nearest() -> None:
    left, right = randomly(1, 20, 8), randomly(2, 50, 8)
    best = np.sort(left.astype(np.float64) @ right.T.astype(np.float64), axis=1)[:, -10:]
    np.testing.assert_allclose(mean_similarity(left, right), best.mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(mean_similarity(left, right[:3], 10), (left @ right[:3].T).mean(axis=1), rtol=1e-5)
    assert mean_similarity(left, right[:0]).tolist() == [0.0] * 20


def test_order_is_that_of_csls_and_cosines_are_untouched() -> None:
    left, right = randomly(1, 20, 8), randomly(2, 50, 8)
    found = nearest(left, right, 50, nothing(20))
    of_left, of_right = mean_similarity(left, right), mean_similarity(right, left)
    reranked = rerank(found, of_left, of_right)
    csls = 2 * left @ right.T - of_left[:, None] - of_right[None, :]
    np.testing.assert_allclose(reranked.csls, -np.sort(-csls, axis=1), atol=1e-5)
    for query, (rows, scores) in enumerate(zip(reranked.candidates.rows, reranked.candidates.scores, strict=True)):
        assert dict(zip(rows, scores, strict=True)) == dict(zip(found.rows[query], found.scores[query], strict=True))


def test_a_hub_falls_back_and_gaps_stay_last() -> None:
    found = Candidates(np.array([[5, 2, 7, -1]]), np.array([[0.9, 0.8, 0.8, -np.inf]], dtype=np.float32))
    hubness = np.zeros(8, dtype=np.float32)
    hubness[5] = 0.5
    reranked = rerank(found, np.array([0.25], dtype=np.float32), hubness)
    assert reranked.candidates.rows.tolist() == [[2, 7, 5, -1]]
    np.testing.assert_allclose(reranked.csls, [[1.35, 1.35, 1.05, -np.inf]], rtol=1e-6)
