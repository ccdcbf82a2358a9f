from __future__ import annotations

import time
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import DENSE, dense_space, record, table

from curation.config.mining import Mining
from curation.hashing import priority
from curation.mining.pool import build_pool
from curation.mining.search.candidates import Vectors
from curation.mining.spaces import DenseSpace
from curation.mining.thresholds import LEAST, find_thresholds

Kind = tuple[str, str]
FINE: Kind = ("deu_Latn", "a")


def world(kinds: list[Kind], seed: int = 0) -> tuple[pa.Table, Vectors]:
    """Return records of these languages and sources, and the scores of their positives."""
    rows = [
        record(n, f"q{n}", f"p{n}", positive_language=language, source=source)
        for n, (language, source) in enumerate(kinds)
    ]
    scores = np.random.default_rng(seed).uniform(-1, 1, len(kinds)).astype(np.float32)
    return table(*rows), scores


def thresholds(
    records: pa.Table, scores: Vectors, *, seed: int = 0, space: DenseSpace | None = None, **options: Any
) -> tuple[Vectors, Vectors]:
    pool = build_pool(records, 3)
    count = records.num_rows
    if space is None:
        space = space_of(count)
    keys = priority(records["id"].to_pylist(), "test", seed)
    places = count + np.arange(count, dtype=np.int64)
    mining = Mining.model_validate({"teacher": DENSE, "max_score": None, **options})
    return find_thresholds(records, pool, space, places, scores, mining, keys)


def space_of(count: int, seed: int = 0) -> DenseSpace:
    vectors = np.random.default_rng(seed).standard_normal((2 * count, 5))
    return dense_space((vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), count)


def quantile(of: str, share: float) -> dict[str, object]:
    return {"of": of, "quantile": share}


@pytest.mark.parametrize(
    ("options", "highest", "lowest"),
    [
        ({}, np.inf, -np.inf),
        ({"max_score": 0.75}, 0.75, -np.inf),
        ({"min_score": 0.25, "max_score": 0.5}, 0.5, 0.25),
        ({"min_score": -1}, np.inf, -1.0),
    ],
)
def test_numbers_hold_for_every_record(options: dict[str, float], highest: float, lowest: float) -> None:
    found = thresholds(*world([FINE, ("jpn_Jpan", "b"), FINE]), **options)
    assert [bounds.tolist() for bounds in found] == [[highest] * 3, [lowest] * 3]
    assert all(bounds.dtype == np.float32 for bounds in found)


def by_the_words(kinds: list[Kind], scores: Vectors, share: float) -> list[float]:
    """Return the quantile of each record's language and source, or of what is next coarser where these are few."""
    sound = np.isfinite(scores)
    found = []
    for language, source in kinds:
        levels = [
            [kind == (language, source) for kind in kinds],
            [kind[0] == language for kind in kinds],
            [True] * len(kinds),
        ]
        enough = [level for level in levels[:2] if (np.array(level) & sound).sum() >= LEAST]
        members = np.array((enough or levels[2:])[0]) & sound
        found.append(np.float32(np.quantile(scores[members], share)) if members.any() else np.float32(np.inf))
    return [float(value) for value in found]


SIZES = st.sampled_from([0, 1, LEAST - 1, LEAST, LEAST + 7])


@settings(max_examples=40)
@given(st.lists(SIZES, min_size=4, max_size=4), st.floats(0, 1), st.integers(0, 3), st.randoms(use_true_random=False))
def test_quantiles_are_of_the_finest_group_that_is_large_enough(
    sizes: list[int], share: float, bad: int, random: Any
) -> None:
    names = [("deu_Latn", "a"), ("deu_Latn", "b"), ("hin_Deva", "a"), ("tha_Thai", "c")]
    kinds = [kind for kind, size in zip(names, sizes, strict=True) for _ in range(size)]
    random.shuffle(kinds)
    records, scores = world(kinds)
    scores[random.sample(range(len(kinds)), min(bad, len(kinds)))] = np.nan
    highest, lowest = thresholds(records, scores, max_score=quantile("positive", share))
    np.testing.assert_allclose(highest, by_the_words(kinds, scores, share), rtol=1e-6)
    assert np.isneginf(lowest).all()


def test_a_score_that_is_no_number_counts_for_no_quantile() -> None:
    records, scores = world([FINE] * (LEAST + 2))
    scores[:2] = (np.nan, np.inf)
    highest, lowest = thresholds(
        records, scores, max_score=quantile("positive", 0.3), min_score=quantile("positive", 0)
    )
    assert highest[0] == pytest.approx(np.quantile(scores[2:], 0.3))
    assert set(lowest.tolist()) == {float(scores[2:].min())}


def test_without_a_single_score_there_is_no_rule() -> None:
    records, _ = world([FINE] * 3)
    nothing = np.full(3, np.nan, dtype=np.float32)
    highest, lowest = thresholds(
        records, nothing, max_score=quantile("positive", 0.5), min_score=quantile("positive", 0.5)
    )
    assert np.isposinf(highest).all()
    assert np.isneginf(lowest).all()


def test_random_pairs_are_other_passages_of_the_pool() -> None:
    count = 400
    records, scores = world([FINE] * count)
    space = space_of(count)
    asked, passages = (part.read(0, count).astype(np.float64) for part in (space.queries, space.entries))
    cosines = asked @ passages.T
    np.fill_diagonal(cosines, np.nan)
    bounds = [
        thresholds(records, scores, seed=seed, space=space, min_score=quantile("random", 0.5))[1][0]
        for seed in range(20)
    ]
    assert len(set(bounds)) > 15, "each seed draws its own pairs"
    # The median of 400 pairs, in 20 draws, is about the median of all 160,000.
    assert np.mean(bounds) == pytest.approx(np.nanmedian(cosines), abs=0.05)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_in_a_tiny_pool_no_pair_is_a_record_and_its_own_positive(count: int) -> None:
    records, scores = world([FINE] * count)
    # Each query is its positive, and all positives stand at right angles.
    space = dense_space(np.concatenate([np.eye(4)[:count]] * 2).astype(np.float32), count)
    for seed in range(5):
        _, lowest = thresholds(records, scores, space=space, seed=seed, min_score=quantile("random", 1))
        assert lowest[0] == (0.0 if count > 1 else 1.0)


def test_random_pairs_are_a_function_of_ids_and_not_of_the_order_of_records() -> None:
    count = 120
    kinds = [FINE, ("jpn_Jpan", "b")] * (count // 2)
    records, scores = world(kinds)
    space = space_of(count)
    order = np.random.default_rng(1).permutation(count)
    straight = thresholds(records, scores, space=space, max_score=quantile("positive", 0.2))[0]
    turned = thresholds(records.take(pa.array(order)), scores[order], max_score=quantile("positive", 0.2))[0]
    np.testing.assert_array_equal(turned, straight[order])


def test_thousands_of_small_groups_cost_no_square() -> None:
    kinds = [(f"l{n % 280:03}_Latn", f"s{n % 157}") for n in range(40_000)]
    records, scores = world(kinds)
    assert len(set(kinds)) == 40_000
    started = time.process_time()
    highest, _ = thresholds(records, scores, max_score=quantile("positive", 0.9))
    # One comparison of all records for each group took a minute and more; the rest is the pool.
    assert time.process_time() - started < 6
    assert len(np.unique(highest)) == 280


def test_no_records_have_no_thresholds() -> None:
    highest, lowest = thresholds(
        *world([]), max_score=quantile("positive", 0.5), min_score=quantile("random", 0.5), space=space_of(1)
    )
    assert len(highest) == len(lowest) == 0
