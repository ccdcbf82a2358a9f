from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.config.model import Split
from curation.split import LEAST_BOUND, assign_splits, describe_components, largest_held_out


def records(components: list[str], sizes: list[int] | int = 1) -> pa.Table:
    """Build records from their components, and the components' sizes."""
    ids = [f"{number:032x}" for number in range(len(components))]
    sizes = [sizes] * len(components) if isinstance(sizes, int) else sizes
    return pa.table({"id": ids, "component": components, "component_size": pa.array(sizes, pa.int64())})


def many(count: int) -> pa.Table:
    return records([f"{number:016x}" for number in range(count)])


def sizes(counts: dict[int, int]) -> pa.Table:
    """Build the records in components of each size."""
    return pa.table({"size": pa.array(counts.keys(), pa.int64()), "records": pa.array(counts.values(), pa.int64())})


NONE = sizes({})


@pytest.mark.parametrize(("validation", "test"), [(0.0, 0.05), (0.1, 0.2), (0.5, 0.0), (0.0, 0.0), (0.4, 0.599)])
def test_shares_are_those_of_the_config(validation: float, test: float) -> None:
    count = 20_000
    splits = assign_splits(many(count), Split(validation=validation, test=test), NONE, seed=3)["split"].to_pylist()
    for name, share in (("validation", validation), ("test", test)):
        tolerance = 4 * (count * share * (1 - share)) ** 0.5
        assert abs(splits.count(name) - count * share) <= tolerance


def test_a_component_is_never_cut() -> None:
    table = records([f"{number % 7:016x}" for number in range(700)], 100)
    splits = assign_splits(table, Split(test=0.5), NONE, seed=0)["split"].to_pylist()
    assert len(set(zip(table["component"].to_pylist(), splits, strict=True))) == 7


def test_a_split_is_a_function_of_component_and_seed() -> None:
    table, options = many(2_000), Split(test=0.3)
    whole = assign_splits(table, options, NONE, seed=1)
    turned = pa.concat_tables([assign_splits(table.slice(a, 700), options, NONE, seed=1) for a in (1400, 0, 700)])
    assert turned.sort_by("id").equals(whole)
    assert whole.column_names == ["id", "component", "split"]
    other = assign_splits(table, options, NONE, seed=2)
    assert np.mean(pa.compute.not_equal(other["split"], whole["split"]).to_numpy()) > 0.3


def test_raising_a_share_moves_only_what_it_must() -> None:
    table = many(2_000)

    def drawn(validation: float, test: float) -> list[str]:
        options = Split(validation=validation, test=test)
        splits: list[str] = assign_splits(table, options, NONE, seed=1)["split"].to_pylist()
        return splits

    small, more_validation, more_test = drawn(0.1, 0.1), drawn(0.3, 0.1), drawn(0.1, 0.3)
    moved = {(a, b) for a, b in zip(small, more_validation, strict=True) if a != b}
    assert moved == {("train", "validation")}
    assert all(b == "test" for a, b in zip(small, more_test, strict=True) if a == "test")


@pytest.mark.parametrize(
    ("share", "total", "bound"),
    [(0.01, 0, LEAST_BOUND), (0.01, 9_999, LEAST_BOUND), (0.01, 20_000, 200), (0.0, 10**6, LEAST_BOUND),
     (1.0, 150, 150), (0.07, 100_000, 7_000), (0.29, 100_000, 29_000)],
)  # fmt: skip
def test_the_bound_is_a_share_of_all_records_and_never_small(share: float, total: int, bound: int) -> None:
    assert largest_held_out(sizes({1: total}), Split(max_component_share=share)) == bound


def test_a_giant_is_in_train_whatever_is_drawn_for_it() -> None:
    names = [f"{number:016x}" for number in range(200)]
    options, all_sizes = Split(validation=0.4, test=0.599), sizes({300: 300, 1: 24_700})
    drawn = assign_splits(records(names, 250), options, all_sizes, seed=0)["split"].to_pylist()
    above = assign_splits(records(names, 251), options, all_sizes, seed=0)["split"].to_pylist()
    assert drawn.count("train") < 10
    assert above.count("train") == 200


@given(st.dictionaries(st.integers(1, 400), st.integers(1, 5), max_size=8))
def test_what_is_said_of_components_adds_up(counts: dict[int, int]) -> None:
    said = describe_components(sizes({size: size * count for size, count in counts.items()}), Split())
    every = [size for size, count in counts.items() for _ in range(count)]
    assert said["records"] == sum(every)
    assert said["components"] == len(every)
    assert said["connected"] == sum(size for size in every if size > 1)
    assert said["largest"] == max(every, default=0)
    held = [size for size in every if size > said["largest_held_out"]]
    assert said["held_in_train"] == {"records": sum(held), "components": len(held)}
