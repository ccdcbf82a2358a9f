from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.mining.ragged import Exclusions, Ragged, Rows, groups_of, positions_in_runs, within_runs

PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), max_size=40)


def integers(*values: int) -> Rows:
    return np.array(values, dtype=np.int64)


def ragged(lists: list[list[int]]) -> Ragged:
    owners = [owner for owner, values in enumerate(lists) for _ in values]
    return Ragged.from_pairs(integers(*owners), integers(*(v for values in lists for v in values)), len(lists))


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [([], []), ([0], []), ([3], [0, 1, 2]), ([2, 0, 1], [0, 1, 0]), ([0, 0, 2, 0], [0, 1])],
)
def test_within_runs(lengths: list[int], expected: list[int]) -> None:
    assert within_runs(integers(*lengths)).tolist() == expected


@pytest.mark.parametrize(
    ("owners", "expected"), [([], []), ([0, 0, 0], [0, 1, 2]), ([2, 2, 5, 7, 7], [0, 1, 0, 0, 1]), ([9], [0])]
)
def test_positions_in_runs(owners: list[int], expected: list[int]) -> None:
    positions = positions_in_runs(integers(*owners))
    assert (positions.tolist(), positions.dtype) == (expected, np.int64)


@given(PAIRS, st.randoms(use_true_random=False))
def test_lists_are_the_sorted_distinct_values_of_their_owner(pairs: list[tuple[int, int]], random: object) -> None:
    shuffled = sorted(pairs, key=lambda _: random.random())  # type: ignore[attr-defined]
    lists = Ragged.from_pairs(integers(*(o for o, _ in shuffled)), integers(*(v for _, v in shuffled)), 6)
    expected = [sorted({value for owner, value in pairs if owner == wanted}) for wanted in range(6)]
    assert lists.offsets.tolist() == np.cumsum([0, *map(len, expected)]).tolist()
    assert lists.values.tolist() == [value for values in expected for value in values]


@given(PAIRS, st.lists(st.integers(0, 5), max_size=10))
def test_taking_lists_in_any_order_and_more_than_once(pairs: list[tuple[int, int]], owners: list[int]) -> None:
    lists = Ragged.from_pairs(integers(*(o for o, _ in pairs)), integers(*(v for _, v in pairs)), 6)
    positions, values = lists.take(integers(*owners))
    expected = [(p, v) for p, owner in enumerate(owners) for v in sorted({v for o, v in pairs if o == owner})]
    assert list(zip(positions.tolist(), values.tolist(), strict=True)) == expected


def test_one_value_each() -> None:
    positions, values = Ragged.one_each(integers(7, 3, 3)).take(integers(2, 0))
    assert (positions.tolist(), values.tolist()) == ([0, 1], [3, 7])


@given(
    st.lists(st.lists(st.integers(0, 3), max_size=4), min_size=1, max_size=6),
    st.lists(st.lists(st.integers(0, 9), max_size=4), min_size=4, max_size=4),
    st.data(),
)
def test_exclusions_through_keys(keys: list[list[int]], rows: list[list[int]], data: st.DataObject) -> None:
    queries = data.draw(st.lists(st.integers(0, len(keys) - 1), max_size=6))
    positions, excluded = Exclusions(ragged(keys), ragged(rows)).pairs(integers(*queries))
    found = [(int(p), int(row)) for p, row in zip(positions, excluded, strict=True)]
    assert set(found) == {(p, row) for p, q in enumerate(queries) for key in keys[q] for row in rows[key]}
    assert positions.tolist() == sorted(positions.tolist())


def test_exclusions_by_rows_of_its_own() -> None:
    positions, rows = Exclusions.from_rows(ragged([[4, 1], [], [0]])).pairs(integers(2, 1, 0))
    assert (positions.tolist(), rows.tolist()) == ([0, 2, 2], [0, 1, 4])


def test_a_group_of_a_thousand_costs_two_thousand_numbers() -> None:
    members = np.arange(1000)
    one = np.zeros(1000, dtype=np.int64)
    group = Exclusions(Ragged.from_pairs(members, one, 1000), Ragged.from_pairs(one, members, 1))
    assert len(group.keys.values) + len(group.rows.values) == 2000
    assert len(group.pairs(integers(0, 999))[1]) == 2000


@given(st.lists(st.integers(0, 5), max_size=20))
def test_groups_are_the_positions_of_each_key_in_order_of_the_keys(keys: list[int]) -> None:
    expected = [[place for place, own in enumerate(keys) if own == key] for key in sorted(set(keys))]
    assert [positions.tolist() for positions in groups_of(np.array(keys, dtype=np.int64))] == expected
