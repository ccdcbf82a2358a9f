from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import rows

from pipelines.routing import by_key, by_size, cut, gather


@given(st.lists(st.text()), st.integers(1, 9))
def test_a_key_always_goes_to_the_same_partition(keys: list[str], partitions: int) -> None:
    routes = by_key(pa.array(keys, pa.string()), partitions)
    assert routes.rows.tolist() == list(range(len(keys)))
    assert routes.targets.shape == (len(keys),)
    assert all(0 <= target < partitions for target in routes.targets)
    for key, target in zip(keys, routes.targets, strict=True):
        assert by_key(pa.array([key]), partitions).targets[0] == target
    chunked = pa.chunked_array([keys[:2], keys[2:]], pa.string())
    assert by_key(chunked, partitions).targets.tolist() == routes.targets.tolist()


def test_integers_are_keys_too() -> None:
    targets = by_key(pa.array(np.arange(10_000, dtype=np.uint64)), 4).targets
    assert np.bincount(targets).min() > 2_300


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), max_size=7), st.integers(1, 3))
def test_the_fullest_partition_has_at_most_four_thirds_of_what_it_must(sizes: list[int], partitions: int) -> None:
    homes = by_size(sizes, partitions)
    assert homes.shape == (len(sizes),)
    assert all(0 <= home < partitions for home in homes)
    best = min(
        max(np.bincount(division, sizes, minlength=partitions)) if sizes else 0
        for division in itertools.product(range(partitions), repeat=len(sizes))
    )
    fullest = np.bincount(homes, sizes, minlength=partitions).max() if sizes else 0
    # Graham's bound for the largest first.
    assert 3 * partitions * fullest <= (4 * partitions - 1) * best


@given(st.lists(st.integers(0, 10**12), max_size=60), st.integers(1, 20))
def test_the_division_is_a_function_of_the_sizes(sizes: list[int], partitions: int) -> None:
    homes = by_size(sizes, partitions)
    assert by_size(np.array(sizes, dtype=np.int64), partitions).tolist() == homes.tolist()
    loads = np.zeros(partitions)
    np.add.at(loads, homes, sizes)
    assert loads.sum() == sum(sizes)
    # Nothing could go from the fullest to the emptiest alone, and make the fullest less full.
    fullest, emptiest = int(loads.argmax()), int(loads.argmin())
    for size, home in zip(sizes, homes, strict=True):
        assert home != fullest or fullest == emptiest or size == 0 or loads[emptiest] + size >= loads[fullest]


def test_equal_sizes_go_around_in_their_order() -> None:
    assert by_size([5] * 7, 3).tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert by_size([1, 9, 1, 1], 2).tolist() == [1, 0, 1, 1]
    assert by_size([], 4).tolist() == []


@given(st.integers(0, 60), st.integers(1, 5), st.randoms())
def test_cutting_and_gathering_loses_nothing(total: int, partitions: int, random: object) -> None:
    table = rows(range(total))
    routes = by_key(table["positive"], partitions)
    for chosen in (None, routes.rows):
        pieces = list(cut(table, chosen, routes.targets, partitions, always=partitions - 1))
        assert partitions - 1 in [partition for partition, _ in pieces]
        tables = [piece for _, piece in pieces]
        random.shuffle(tables)  # type: ignore[attr-defined]
        assert gather(tables).equals(gather([table]))


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 4), st.data())
def test_chosen_rows_go_where_they_are_sent_any_number_of_times(
    total: int, partitions: int, data: st.DataObject
) -> None:
    table = rows(range(total))
    sent = data.draw(st.lists(st.tuples(st.integers(0, total - 1), st.integers(0, partitions - 1)), max_size=50))
    chosen, targets = (np.array([pair[n] for pair in sent], dtype=np.int64) for n in (0, 1))
    found = dict(cut(table, chosen, targets, partitions, always=0))
    assert set(found) == {target for _, target in sent} | {0}
    for partition, piece in found.items():
        expected = [row for row, target in sent if target == partition]
        assert piece.schema == table.schema
        assert piece["row"].to_pylist() == [table["row"][row].as_py() for row in expected]
