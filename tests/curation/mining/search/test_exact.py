from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.mining.ragged import Rows
from curation.mining.search import exact
from curation.mining.search.candidates import (
    Vectors,
    best_first,
    empty_candidates,
    fill_candidates,
)
from curation.mining.search.corpus import ArrayCorpus, subset
from curation.mining.search.exact import nearest, pair_scores
from curation.mining.search.selection import k_best
from tests.curation.mining.search.vectors import (
    all_equal,
    assert_equal,
    by_brute_force,
    exclude,
    nothing,
    on_a_grid,
    randomly,
    stored,
    unit,
    with_outliers,
)

ENGINES = ["float32", "bfloat16", "int8", "device:cpu"]


@pytest.mark.slow
@settings(max_examples=500)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([randomly, on_a_grid, all_equal, with_outliers]),
    st.sampled_from(ENGINES),
    st.integers(0, 12),
    st.integers(1, 90),
    st.sampled_from([1, 2, 3, 8, 33, 64, 131]),
    st.integers(1, 12),
    st.tuples(st.integers(1, 14), st.integers(1, 100), st.integers(1, 14)),
    st.sampled_from(["auto", "numpy"]),
)
def test_equals_brute_force_for_any_shape_tile_and_engine(
    seed: int,
    make: Callable[[int, int, int], Vectors],
    engine: str,
    queries: int,
    passages: int,
    dimensions: int,
    k: int,
    blocks: tuple[int, int, int],
    kernels: str,
) -> None:
    left, right = make(seed, queries, dimensions), make(seed + 1, passages, dimensions)
    random = np.random.default_rng(seed)
    barred = {(q, row) for q in range(queries) for row in range(passages) if random.random() < 0.2}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CURATION_SEARCH_KERNELS", kernels)
        found = nearest(
            left,
            right,
            k,
            exclude(sorted(barred), queries),
            engine=engine,
            query_block=blocks[0],
            passage_block=blocks[1],
            queries_at_once=blocks[2],
        )
    assert_equal(found, by_brute_force(left, right, k, barred))


@pytest.mark.parametrize("kernels", ["auto", "numpy"])
@pytest.mark.parametrize("make", [randomly, on_a_grid, with_outliers])
def test_engines_agree_to_the_last_bit(
    make: Callable[[int, int, int], Vectors], kernels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CURATION_SEARCH_KERNELS", kernels)
    queries, passages = make(1, 40, 96), make(2, 6000, 96)
    barred = exclude([(q, 7 * q + n) for q in range(40) for n in range(50)], 40)
    first = nearest(queries, passages, 20, barred, engine="float32")
    for engine in ENGINES[1:]:
        assert_equal(nearest(queries, passages, 20, barred, engine=engine, passage_block=1000), first)


@pytest.mark.parametrize("engine", ENGINES)
def test_scores_below_zero(engine: str) -> None:
    queries = randomly(1, 5, 32)
    passages = unit(-np.repeat(queries, 40, axis=0) + 0.1 * randomly(2, 200, 32))
    found = nearest(queries[:1], passages[:40], 7, nothing(1), engine=engine, passage_block=16)
    assert (found.scores < -0.9).all()
    assert_equal(found, by_brute_force(queries[:1], passages[:40], 7, set()))


@pytest.mark.parametrize("engine", ENGINES)
def test_vectors_of_zeros_and_of_any_length(engine: str) -> None:
    queries, passages = randomly(1, 4, 20), randomly(2, 300, 20)
    queries[1] = 0.0
    queries[2] *= 1e-20
    passages[::3] = 0.0
    passages[1::3] *= np.float32(37.0)
    found = nearest(queries, passages, 120, nothing(4), engine=engine, passage_block=128)
    assert_equal(found, by_brute_force(queries, passages, 120, set()))


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_not_finite_is_not_found_and_finds_nothing(engine: str) -> None:
    queries, passages = randomly(1, 4, 8), randomly(2, 30, 8)
    queries[2, 3] = np.nan
    passages[[4, 11, 17]] = [[np.nan] * 8, [np.inf] * 8, [-np.inf] * 8]
    found = nearest(queries, passages, 30, nothing(4), engine=engine, passage_block=7)
    assert (found.rows[2] == -1).all()
    good = np.setdiff1d(np.arange(30), [4, 11, 17])
    for query in (0, 1, 3):
        np.testing.assert_array_equal(np.sort(found.rows[query])[3:], good)
        np.testing.assert_array_equal(found.scores[query][27:], -np.inf)


@pytest.mark.parametrize("engine", ENGINES)
def test_codes_are_searched_as_they_are_stored(engine: str) -> None:
    corpus, queries = stored(3, 777, 40), randomly(4, 9, 40)
    barred = {(q, row) for q in range(9) for row in range(q, 777, 5)}
    found = nearest(queries, corpus, 25, exclude(sorted(barred), 9), engine=engine, passage_block=120)
    assert_equal(found, by_brute_force(queries, corpus.read(0, 777), 25, barred))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("whole", [ArrayCorpus(randomly(3, 9000, 24)), stored(3, 9000, 24)], ids=["floats", "codes"])
def test_some_rows_of_a_corpus(engine: str, whole: ArrayCorpus) -> None:
    rows = np.concatenate([np.arange(10, 80), np.arange(100, 400, 7), np.arange(8000, 8990, 3)])
    queries = randomly(4, 6, 24)
    found = nearest(queries, subset(whole, rows), 15, nothing(6), engine=engine, passage_block=64)
    assert_equal(found, by_brute_force(queries, whole.take(rows), 15, set()))


@pytest.mark.parametrize("kernels", ["auto", "numpy"])
@pytest.mark.parametrize("engine", ENGINES)
def test_masses_of_ties_stay_in_order_and_in_memory(engine: str, kernels: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURATION_SEARCH_KERNELS", kernels)
    queries, passages = randomly(1, 30, 16), all_equal(2, 20_000, 16)
    nearest(queries, passages[:200], 3, nothing(30), engine=engine)
    tracemalloc.start()
    found = nearest(queries, passages, 3, nothing(30), engine=engine, passage_block=512)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found.rows == [0, 1, 2]).all()
    assert peak < 30 * 20_000 * 8


@pytest.mark.parametrize("at_once", [1, 3, 10, 1000])
def test_queries_are_cut_where_their_exclusions_are_too_many(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "_PAIRS_AT_ONCE", at_once)
    lengths = [0, 2, 3, 0, 7, 0, 0, 1, 20, 1]
    pairs = [(query, row) for query, length in enumerate(lengths) for row in range(length)]
    blocks = list(exact.blocks_of_pairs(exclude(pairs, 10), 1, 9))
    assert [first for first, _, _ in blocks] == [1, *(stop for _, stop, _ in blocks[:-1])]
    assert blocks[-1][1] == 10
    assert all(len(barred[0]) <= at_once or stop == first + 1 for first, stop, barred in blocks)
    queries, passages = randomly(1, 10, 8), randomly(2, 30, 8)
    found = nearest(queries, passages, 5, exclude(pairs, 10))
    assert_equal(found, by_brute_force(queries, passages, 5, set(pairs)))


@pytest.mark.parametrize("count", [1, 5, 300])
def test_packed_ranking_equals_the_plain_one(count: int) -> None:
    random = np.random.default_rng(count)
    queries, rows = random.integers(3, 20, count), random.permutation(count)
    scores = (random.integers(-4, 5, count) / 4).astype(np.float32)
    scores[::7] = -0.0
    for shift in (0, 1 << 32):
        best = best_first(queries, rows, scores, 4)
        expected = queries[best], rows[best] + shift, scores[best]
        for found, wanted in zip(k_best(queries, rows + shift, scores, 4), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_torch_is_not_loaded_for_a_small_search() -> None:
    code = """
import sys
import numpy as np
from curation.mining.ragged import Exclusions, Ragged
from curation.mining.search.exact import nearest
vectors, none = np.eye(4, dtype=np.float32), np.empty(0, dtype=np.int64)
nearest(vectors, vectors, 2, Exclusions.from_rows(Ragged.from_pairs(none, none, 4)))
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_search_runs_without_numba() -> None:
    code = """
import sys
sys.modules["numba"] = None
import numpy as np
from curation.mining.ragged import Exclusions, Ragged
from curation.mining.search.exact import nearest
vectors, none = np.eye(4, dtype=np.float32), np.empty(0, dtype=np.int64)
found = nearest(vectors, vectors, 1, Exclusions.from_rows(Ragged.from_pairs(none, none, 4)))
assert found.rows.ravel().tolist() == [0, 1, 2, 3]
"""
    subprocess.run([sys.executable, "-c", code], check=True)


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
