from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.sortkeys import HASH_BITS, ROW_BITS, row_numbers, run_lengths, sort_keys


@settings(deadline=None)
@given(st.lists(st.integers(0, 20)))
def test_run_lengths_count_like_a_counter(values):
    runs, counts = run_lengths(np.sort(np.array(values, dtype=np.uint32)))
    assert dict(zip(runs.tolist(), counts.tolist(), strict=True)) == Counter(values)


def test_row_numbers_repeat_each_row():
    assert row_numbers(np.array([2, 0, 3])).tolist() == [0, 0, 2, 2, 2]


def test_more_rows_than_fit_a_key_are_refused():
    with pytest.raises(AssertionError, match="too many rows"):
        row_numbers(np.ones((1 << ROW_BITS) + 1, dtype=np.int64))


def test_a_key_holds_its_row_and_a_hash_that_the_row_does_not_change():
    rows = np.array([0, 5, (1 << ROW_BITS) - 1], dtype=np.uint32)
    keys = sort_keys(rows, np.full(3, 0x41, dtype=np.uint32), hash_bits=HASH_BITS)
    assert (keys >> HASH_BITS).tolist() == rows.tolist()
    assert len(set((keys & ((1 << HASH_BITS) - 1)).tolist())) == 1


def test_hashes_of_small_numbers_rarely_collide():
    count = 20_000
    keys = sort_keys(np.zeros(count, dtype=np.uint32), np.arange(count, dtype=np.uint32), hash_bits=HASH_BITS)
    # 190 pairs of equal hashes are expected of a random function.
    assert count - len(np.unique(keys)) < 400
