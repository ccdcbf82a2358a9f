"""Right answers are masked, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.training.losses import forbidden


def numbers(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


# Texts: anchors 0-9, positives 10-19, others 20 and up. Each case: what is set apart from the harmless default, and
# the cells (row, column) that must be masked; columns 0-2 are the positives, 3-5 the negatives of rows 0-2.
CASES = [
    pytest.param({}, set(), id="nothing"),
    pytest.param({"positives": (10, 10, 12)}, {(0, 1), (1, 0)}, id="same positive"),
    pytest.param({"anchors": (0, 1, 0)}, {(0, 2), (2, 0)}, id="same anchor"),
    pytest.param({"groups": (7, 8, 8)}, {(1, 2), (2, 1)}, id="same group"),
    pytest.param({"anchors": (11, 1, 2)}, {(0, 1)}, id="a positive that repeats another anchor"),
    pytest.param({"anchors": (10, 1, 2)}, set(), id="a positive that repeats its own anchor stays the answer"),
    pytest.param({"negatives": (20, 10, 22)}, {(0, 4)}, id="a right answer among the negatives of others"),
    pytest.param({"negatives": (10, 21, 22)}, {(0, 3)}, id="a right answer among its own negatives"),
    pytest.param({"negatives": (20, 21, 1)}, {(1, 5)}, id="an anchor among the negatives"),
    pytest.param({"negatives": (20, 20, 20)}, set(), id="the same negative thrice"),
    pytest.param(
        {"anchors": (0, 0, 2), "negatives": (20, 21, 11)},
        {(0, 1), (1, 0), (0, 5), (1, 5)},
        id="a right answer of a twin among the negatives",
    ),
]


@pytest.mark.parametrize(("changed", "expected"), CASES)
def test_right_answers_are_no_negatives(changed: dict[str, tuple[int, ...]], expected: set[tuple[int, int]]) -> None:
    given = {"anchors": (0, 1, 2), "positives": (10, 11, 12), "groups": (0, 1, 2), "negatives": (20, 21, 22)} | changed
    masked = forbidden(
        numbers(*given["anchors"]),
        numbers(*given["positives"]),
        numbers(*given["groups"]),
        numbers(*given["negatives"])[:, None],
    )
    assert {(int(row), int(column)) for row, column in np.argwhere(masked)} == expected


def test_columns_of_several_negatives() -> None:
    negatives = np.array([[20, 10], [21, 11]])
    masked = forbidden(numbers(0, 1), numbers(10, 11), numbers(0, 1), negatives)
    assert np.argwhere(masked).tolist() == [[0, 3], [1, 5]]


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 4), min_size=1, max_size=6))
def test_the_own_positive_is_never_masked(rows: list[tuple[int, ...]]) -> None:
    anchors, positives, groups, negatives = (numbers(*column) for column in zip(*rows, strict=True))
    masked = forbidden(anchors, positives, groups, negatives[:, None])
    assert masked.shape == (len(rows), 2 * len(rows))
    assert not masked.diagonal().any()
    square = masked[:, : len(rows)]
    assert all(square[i, j] for i, j in np.argwhere(groups[:, None] == groups) if i != j)
