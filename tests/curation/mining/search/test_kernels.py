from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import ConfigError
from curation.mining.search import compiled, portable
from curation.mining.search.int8 import dithered
from curation.mining.search.kernels import kernels
from curation.mining.search.scores import pair_scores
from tests.curation.mining.search.vectors import randomly


@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.integers(1, 30))
def test_scores_are_the_same_bits_compiled_or_not(seed: int, dimensions: int, count: int) -> None:
    random = np.random.default_rng(seed)
    left = (random.standard_normal((7, dimensions)) * 10.0 ** random.integers(-3, 4, (7, 1))).astype(np.float32)
    pairs = random.integers(0, 7, (2, count))
    expected = np.empty(count, dtype=np.float32)
    portable.pair_scores(left, left, pairs[0], pairs[1], expected)
    np.testing.assert_array_equal(pair_scores(left, left, pairs[0], pairs[1]), expected)


@given(st.integers(0, 2**32 - 1), st.integers(1, 70), st.integers(1, 9), st.integers(0, 2**41))
def test_codes_are_the_same_compiled_or_not(seed: int, dimensions: int, count: int, first: int) -> None:
    vectors = randomly(seed, count, dimensions)
    scales = np.abs(vectors).max(axis=1).astype(np.float64) / 126.5
    expected = np.empty(vectors.shape, dtype=np.int8)
    portable.dither(vectors, first, scales, expected)
    np.testing.assert_array_equal(dithered(vectors, first, scales), expected)


def test_codes_are_right_on_average_and_never_a_step_off() -> None:
    vectors = np.tile(randomly(1, 1, 50), (20_000, 1))
    scale = float(np.abs(vectors).max()) / 126.5
    errors = vectors / scale - dithered(vectors, 0, np.full(len(vectors), scale))
    assert np.abs(errors).max() < 1.0 + 1e-6
    # A mean of 20,000 values within (-1, 1): four standard deviations at most.
    assert np.abs(errors.mean(axis=0)).max() < 4 * 0.5 / np.sqrt(20_000)
    # The error of one dimension says nothing of that of the next.
    assert abs(np.corrcoef(errors[:, 0], errors[:, 1])[0, 1]) < 0.03


@pytest.mark.parametrize("name", ["LANES", "ROW_FACTOR", "SEED", "MIX_1", "MIX_2"])
def test_both_kinds_of_kernels_have_the_same_numbers(name: str) -> None:
    assert getattr(compiled, name) == getattr(portable, name)


def test_kernels_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURATION_SEARCH_KERNELS", "numpy")
    assert kernels() is portable
    monkeypatch.setenv("CURATION_SEARCH_KERNELS", "cuda")
    with pytest.raises(ConfigError, match="cuda"):
        kernels()
