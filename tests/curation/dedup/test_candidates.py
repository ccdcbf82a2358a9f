from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from curation.dedup.bands import SKETCH_SIZE
from curation.dedup.candidates import ORDERS, REACH, SMALL, candidates
from curation.dedup.shingles import agreement


def always(left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
    return np.ones(len(left), dtype=np.int8)


def proposed(keys: list[int], values: npt.NDArray[np.uint8], score: object = always) -> list[tuple[int, int]]:
    rounds = list(candidates(np.array(keys, dtype=np.uint64), values, 0, score))
    return [(int(i), int(j)) for left, right in rounds for i, j in zip(left, right, strict=True)]


def blank(count: int) -> npt.NDArray[np.uint8]:
    return np.zeros((count, SKETCH_SIZE), dtype=np.uint8)


@pytest.mark.parametrize(
    ("keys", "pairs"),
    [
        ([], set()),
        ([5], set()),
        ([5, 6, 7], set()),
        ([5, 6, 5], {(0, 2)}),
        ([9, 9, 1, 9, 1], {(0, 1), (0, 3), (1, 3), (2, 4)}),
    ],
)
def test_small_buckets_are_compared_in_full(keys: list[int], pairs: set[tuple[int, int]]) -> None:
    assert set(proposed(keys, blank(len(keys)))) == pairs


def test_a_bucket_of_the_greatest_small_size_gives_each_pair_once() -> None:
    pairs = proposed([3] * SMALL, blank(SMALL))
    assert len(pairs) == len(set(pairs)) == SMALL * (SMALL - 1) // 2


def test_a_large_bucket_is_bounded_and_hangs_together() -> None:
    size = 5_000
    values = np.random.default_rng(0).integers(0, 4, (size, SKETCH_SIZE), dtype=np.uint8)
    pairs = proposed([3] * size, values)
    assert len(pairs) <= ORDERS * size
    roots = list(range(size))
    for left, right in pairs:
        while roots[left] != left:
            left = roots[left]
        while roots[right] != right:
            right = roots[right]
        roots[left] = right
    assert sum(root == i for i, root in enumerate(roots)) == 1


def test_similar_documents_meet_in_a_large_bucket() -> None:
    generator = np.random.default_rng(1)
    family = generator.integers(0, 256, SKETCH_SIZE, dtype=np.uint8)
    values = np.where(
        generator.random((1_000, SKETCH_SIZE)) < 0.5, family, generator.integers(0, 256, (1_000, SKETCH_SIZE))
    )
    values = values.astype(np.uint8)
    values[500:] = np.where(generator.random((500, SKETCH_SIZE)) < 0.95, values[:500], values[500:])

    def score(left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
        return agreement(values, left, right).astype(np.int8)

    met = {tuple(sorted(pair)) for pair in proposed([0] * 1_000, values, score)}
    assert np.mean([(i, i + 500) in met for i in range(500)]) > 0.9


@pytest.mark.parametrize("size", [SMALL, SMALL + 1, 10 * REACH * SMALL])
def test_pairs_that_score_below_zero_are_left_out(size: int) -> None:
    def never(left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
        return np.full(len(left), -1, dtype=np.int8)

    assert proposed([3] * size, blank(size), never) == []
