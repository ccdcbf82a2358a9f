from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from curation.mining.teachers.base import has_direction, unit_rows


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([3.0, 4.0], [0.6, 0.8]),
        ([-3e38, 0.0], [-1.0, 0.0]),
        ([3e-7, 4e-7], [0.6, 0.8]),
        ([0.0, 0.0], None),
        ([-0.0, 0.0], None),
        ([1e-30, 0.0], None),
        ([np.nan, 1.0], None),
        ([np.inf, 1.0], None),
        ([-np.inf, np.inf], None),
    ],
)
def test_a_row_is_a_unit_vector_or_nan_as_a_whole(row: list[float], expected: list[float] | None) -> None:
    (found,) = unit_rows(np.array([row], dtype=np.float32))
    np.testing.assert_allclose(found, [np.nan, np.nan] if expected is None else expected, rtol=1e-6)
    assert has_direction(found[None])[0] == (expected is not None)


@given(arrays(np.float32, st.tuples(st.integers(0, 6), st.integers(1, 9)), elements=st.floats(width=32)))
def test_every_row_is_a_unit_vector_or_nan(matrix: np.ndarray) -> None:
    found = unit_rows(matrix)
    assert found.dtype == np.float32
    assert found.shape == matrix.shape
    present = has_direction(found)
    np.testing.assert_allclose(np.linalg.norm(found[present], axis=1), 1.0, atol=1e-6)
    assert np.isnan(found[~present]).all()
    assert not present[~np.isfinite(matrix).all(axis=1)].any()
