from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentences import SENTENCES

from curation.dedup.bands import SKETCH_SIZE, Bands
from curation.dedup.candidates import (
    ORDERS,
    REACH,
    SMALL,
    bucket_pairs,
    candidate_pairs,
    pack_pairs,
    unpack_pairs,
)
from curation.dedup.columns import text_column
from curation.dedup.kernels import sketch
from curation.dedup.sketches import Sketches

BANDS = Bands(16, 4)


def proposed(keys: list[int], values: npt.NDArray[np.uint8], least: int = 0) -> list[tuple[int, int]]:
    documents = np.arange(len(keys), dtype=np.uint64)
    entries = np.sort(np.array(keys, dtype=np.uint64) << np.uint64(32) | documents)
    sketches = Sketches(values, np.empty((0, len(keys)), dtype=np.uint32), documents)
    left, right = unpack_pairs(bucket_pairs(entries, sketches, 0, least))
    return list(zip(left.tolist(), right.tolist(), strict=True))


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

    met = {tuple(sorted(pair)) for pair in proposed([0] * 1_000, values)}
    assert np.mean([(i, i + 500) in met for i in range(500)]) > 0.9


@pytest.mark.parametrize("size", [SMALL, SMALL + 1, 10 * REACH * SMALL])
def test_pairs_that_agree_in_too_little_are_left_out(size: int) -> None:
    values = np.random.default_rng(0).integers(0, 256, (size, SKETCH_SIZE), dtype=np.uint8)
    assert proposed([3] * size, values, least=40) == []
    assert proposed([3] * size, blank(size), least=64)


@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.randoms(use_true_random=False))
def test_the_pairs_of_a_bucket_do_not_depend_on_the_order(seed: int, size: int, random: object) -> None:
    values = np.random.default_rng(seed).integers(0, 3, (size, SKETCH_SIZE), dtype=np.uint8)
    order = list(range(size))
    random.shuffle(order)
    documents = np.arange(size, dtype=np.uint64)
    plain, turned = (
        bucket_pairs(documents, Sketches(values[rows], np.empty((0, size), np.uint32), documents[rows]), 1, 20)
        for rows in (np.arange(size), np.array(order))
    )
    left, right = unpack_pairs(turned)
    back = pack_pairs(np.array(order)[left], np.array(order)[right])
    assert sorted(set(plain.tolist())) == sorted(set(back.tolist()))


def test_pairs_of_small_collections_are_all_that_are_similar() -> None:
    sketches = sketch([text_column([*SENTENCES.values(), *(text[1:] for text in SENTENCES.values())])], BANDS)
    left, right = unpack_pairs(candidate_pairs(sketches, np.arange(len(sketches)), 0.8))
    count = len(SENTENCES)
    assert set(zip(left.tolist(), right.tolist(), strict=True)) >= {(i, i + count) for i in range(count)}
