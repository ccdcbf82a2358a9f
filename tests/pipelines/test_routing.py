from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from toys import rows

from pipelines.routing import cut, gather, partition_of


@given(st.lists(st.text()), st.integers(1, 9))
def test_a_key_always_goes_to_the_same_partition(keys: list[str], partitions: int) -> None:
    targets = partition_of(pa.array(keys, pa.string()), partitions)
    assert targets.shape == (len(keys),)
    assert all(0 <= target < partitions for target in targets)
    for key, target in zip(keys, targets, strict=True):
        assert partition_of(pa.array([key]), partitions)[0] == target


def test_integers_are_keys_too() -> None:
    targets = partition_of(pa.array(np.arange(10_000, dtype=np.uint64)), 4)
    assert np.bincount(targets).min() > 2_300


@given(st.integers(0, 60), st.integers(1, 5), st.randoms())
def test_cutting_and_gathering_loses_nothing(total: int, partitions: int, random: object) -> None:
    table = rows(range(total))
    pieces = list(cut(table, partition_of(table["positive"], partitions), partitions, always=partitions - 1))
    assert partitions - 1 in [partition for partition, _ in pieces]
    tables = [piece for _, piece in pieces]
    random.shuffle(tables)  # type: ignore[attr-defined]
    assert gather(tables).equals(gather([table]))
