from __future__ import annotations

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from curation.xxh3 import LONGEST, SHORTEST, hash_rows


@pytest.mark.parametrize("seed", [0, 1, 0x9E3779B97F4A7C15, 2**64 - 1])
def test_every_length_hashes_as_the_library_does(seed: int) -> None:
    random = np.random.default_rng(seed % 1000)
    for length in range(SHORTEST, LONGEST + 1):
        rows = random.integers(0, 256, (5, length), dtype=np.uint8)
        assert hash_rows(rows, seed).tolist() == [xxhash.xxh3_64_intdigest(row.tobytes(), seed) for row in rows]


@given(
    st.integers(SHORTEST, LONGEST).flatmap(
        lambda length: st.lists(st.binary(min_size=length, max_size=length), min_size=1)
    ),
    st.integers(0, 2**64 - 1),
)
def test_any_rows_hash_as_the_library_does(rows: list[bytes], seed: int) -> None:
    table = np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(len(rows), -1)
    assert hash_rows(table, seed).tolist() == [xxhash.xxh3_64_intdigest(row, seed) for row in rows]


def test_more_rows_than_are_hashed_together() -> None:
    rows = np.random.default_rng(3).integers(0, 256, (40_001, 32), dtype=np.uint8)
    assert hash_rows(rows)[-1] == xxhash.xxh3_64_intdigest(rows[-1].tobytes())
    assert len(np.unique(hash_rows(rows))) == len(rows)


@pytest.mark.parametrize("length", [0, SHORTEST - 1, LONGEST + 1])
def test_other_lengths_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match=f"not of {length}"):
        hash_rows(np.zeros((2, length), dtype=np.uint8))
