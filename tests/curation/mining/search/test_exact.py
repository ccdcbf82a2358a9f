from __future__ import annotations

import tracemalloc

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.mining.ragged import Exclusions, Ragged, Rows
from curation.mining.search.candidates import (
    Candidates,
    Vectors,
    best_first,
    empty_candidates,
    fill_candidates,
)
from curation.mining.search.exact import nearest, pair_scores


def unit(vectors: npt.NDArray[np.floating]) -> Vectors:
    result: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return result


def randomly(seed: int, count: int, dimensions: int) -> Vectors:
    return unit(np.random.default_rng(seed).standard_normal((count, dimensions)))


def on_a_grid(seed: int, count: int, dimensions: int) -> Vectors:
    """Return vectors with entries in {-1, 0, 1} before scaling: many are equal, and many cosines tie."""
    vectors = np.random.default_rng(seed).integers(-1, 2, (count, dimensions)).astype(np.float64)
    vectors[~vectors.any(axis=1), 0] = 1.0
    return unit(vectors)


def nothing(count: int) -> Exclusions:
    empty = np.empty(0, dtype=np.int64)
    return Exclusions.from_rows(Ragged.from_pairs(empty, empty, count))


def exclude(pairs: list[tuple[int, int]], count: int) -> Exclusions:
    grid = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return Exclusions.from_rows(Ragged.from_pairs(grid[:, 0], grid[:, 1], count))


def by_brute_force(queries: Vectors, passages: Vectors, k: int, barred: set[tuple[int, int]]) -> Candidates:
    """Sort every passage by its cosine in double precision, rounded once, then by row."""
    exact = (queries.astype(np.float64)[:, None, :] * passages.astype(np.float64)[None]).sum(axis=2).astype(np.float32)
    found = empty_candidates(len(queries), k)
    for query, scores in enumerate(exact):
        allowed = [row for row in range(len(passages)) if (query, row) not in barred]
        best = sorted(allowed, key=lambda row: (-scores[row], row))[:k]
        found.rows[query, : len(best)] = best
        found.scores[query, : len(best)] = scores[best]
    return found


def assert_equal(found: Candidates, expected: Candidates) -> None:
    np.testing.assert_array_equal(found.rows, expected.rows)
    np.testing.assert_array_equal(found.scores, expected.scores)
    assert (found.rows.dtype, found.scores.dtype) == (np.int64, np.float32)


@settings(max_examples=300)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([randomly, on_a_grid]),
    st.integers(0, 12),
    st.integers(1, 60),
    st.sampled_from([1, 2, 3, 8, 33]),
    st.integers(1, 12),
    st.integers(1, 14),
    st.integers(1, 70),
)
def test_equals_brute_force_for_any_shape_and_tile(
    seed: int, make: object, queries: int, passages: int, dimensions: int, k: int, query_block: int, passage_block: int
) -> None:
    left, right = make(seed, queries, dimensions), make(seed + 1, passages, dimensions)  # type: ignore[operator]
    random = np.random.default_rng(seed)
    barred = {(q, row) for q in range(queries) for row in range(passages) if random.random() < 0.2}
    found = nearest(
        left, right, k, exclude(sorted(barred), queries), query_block=query_block, passage_block=passage_block
    )
    assert_equal(found, by_brute_force(left, right, k, barred))


@pytest.mark.parametrize("passage_block", [1, 7, 64, 400, 2048])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("order", ["worst first", "best first", "all equal", "nearly equal", "each twice"])
def test_equals_brute_force_when_the_order_is_unkind(order: str, k: int, passage_block: int) -> None:
    queries = randomly(1, 3, 16)
    rising = np.argsort(randomly(2, 400, 16) @ queries[0])
    passages = randomly(2, 400, 16)[rising if order == "worst first" else rising[::-1]]
    if order == "all equal":
        passages = np.tile(passages[:1], (400, 1))
    elif order == "nearly equal":
        passages = unit(passages[:1] + 1e-7 * np.random.default_rng(3).standard_normal((400, 16)))
    elif order == "each twice":
        passages = np.concatenate([passages[:200], passages[:200]])
    found = nearest(queries, passages, k, nothing(3), passage_block=passage_block)
    assert_equal(found, by_brute_force(queries, passages, k, set()))


def test_ties_stand_in_order_of_rows() -> None:
    passages = np.tile(randomly(5, 1, 7), (50, 1))
    found = nearest(randomly(6, 2, 7), passages, 4, exclude([(0, 1)], 2), passage_block=3)
    assert found.rows.tolist() == [[0, 2, 3, 4], [0, 1, 2, 3]]


def test_a_hub_query_with_most_passages_excluded() -> None:
    queries, passages = randomly(1, 4, 8), randomly(2, 500, 8)
    barred = [(2, row) for row in range(500) if row not in (17, 401)]
    found = nearest(queries, passages, 5, exclude(barred, 4), passage_block=64)
    assert_equal(found, by_brute_force(queries, passages, 5, set(barred)))
    assert sorted(found.rows[2].tolist()) == [-1, -1, -1, 17, 401]


def test_a_query_without_any_passage_left() -> None:
    found = nearest(randomly(1, 2, 4), randomly(2, 3, 4), 2, exclude([(0, 0), (0, 1), (0, 2)], 2))
    assert found.rows[0].tolist() == [-1, -1]
    assert found.scores[0].tolist() == [-np.inf, -np.inf]
    assert (found.rows[1] >= 0).all()


@pytest.mark.parametrize(("queries", "passages", "k"), [(0, 5, 3), (3, 0, 2), (0, 0, 0)])
def test_nothing_to_search(queries: int, passages: int, k: int) -> None:
    found = nearest(np.empty((queries, 4), np.float32), np.empty((passages, 4), np.float32), k, nothing(queries))
    assert found.rows.shape == found.scores.shape == (queries, k)
    assert (found.rows == -1).all()


def test_memory_does_not_grow_with_queries_times_passages() -> None:
    queries, passages = randomly(1, 1000, 4), randomly(2, 40000, 4)
    tracemalloc.start()
    nearest(queries, passages, 5, nothing(1000), query_block=128, passage_block=512)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1000 * 40000 * 4 / 10


def test_a_score_is_a_function_of_the_two_vectors_alone() -> None:
    left, right = randomly(1, 40, 300), randomly(2, 50, 300)
    some: Rows = np.arange(4000) % 40
    others: Rows = np.arange(4000) % 50
    together = pair_scores(left, right, some, others)
    alone = [pair_scores(left[[i]], right[[j]], np.array([0]), np.array([0]))[0] for i, j in zip(some, others)]  # noqa: B905
    np.testing.assert_array_equal(together, np.array(alone, dtype=np.float32))
    np.testing.assert_array_equal(together, pair_scores(right, left, others, some))
    np.testing.assert_allclose(
        together, (left.astype(np.float64) @ right.T.astype(np.float64))[some, others], rtol=1e-6
    )


def test_best_first_by_query_then_score_then_row() -> None:
    queries = np.array([1, 0, 1, 0, 1, 0])
    rows = np.array([5, 9, 2, 3, 7, 1])
    scores = np.array([0.5, 0.1, 0.5, 0.1, 0.9, -0.2], dtype=np.float32)
    order = best_first(queries, rows, scores, 2)
    found = empty_candidates(3, 3)
    fill_candidates(found, queries[order], rows[order], scores[order])
    assert found.rows.tolist() == [[3, 9, -1], [7, 2, -1], [-1, -1, -1]]
    assert found.scores[1].tolist() == [np.float32(0.9), 0.5, -np.inf]
