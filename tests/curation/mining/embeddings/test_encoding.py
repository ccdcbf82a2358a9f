from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from curation.mining.embeddings.encoding import NUMPY_DTYPES, StoredDtype, decode, encode, int8_scales

matrices = arrays(
    np.float32,
    st.tuples(st.integers(0, 6), st.integers(1, 9)),
    elements=st.floats(-1, 1, width=32, allow_subnormal=False),
)


@pytest.mark.parametrize("dtype", NUMPY_DTYPES)
@given(matrix=matrices)
def test_errors_keep_their_bounds(dtype: StoredDtype, matrix: np.ndarray) -> None:
    scale = float(int8_scales(matrix).max(initial=0.0)) if dtype == "int8" and len(matrix) else 1.0
    values = encode(matrix, dtype, scale)
    assert (values.dtype, values.shape) == (NUMPY_DTYPES[dtype], matrix.shape)
    decoded = decode(values, dtype, scale)
    assert decoded.dtype == np.float32
    bound = {"float32": 0.0, "bfloat16": np.abs(matrix) / 256, "int8": scale / 2 * 1.0001}[dtype]
    assert (np.abs(decoded - matrix) <= bound).all()


@given(matrices)
def test_bfloat16_is_what_torch_makes_of_it(matrix: np.ndarray) -> None:
    import torch

    expected = torch.from_numpy(matrix.copy()).to(torch.bfloat16)
    np.testing.assert_array_equal(decode(encode(matrix, "bfloat16"), "bfloat16", 1.0), expected.float().numpy())


@given(matrices)
def test_a_scale_is_of_one_vector_alone_and_fits_it(matrix: np.ndarray) -> None:
    scales = int8_scales(matrix)
    for row, scale in zip(matrix, scales, strict=True):
        assert int8_scales(row[None]).tolist() == [scale]
        assert np.abs(row).max() <= 127 * scale * (1 + 1e-6)
        codes = encode(row[None], "int8", float(scale))
        np.testing.assert_array_equal(decode(codes, "int8", float(scale)), codes.astype(np.float32) * scale)


@pytest.mark.parametrize("dtype", NUMPY_DTYPES)
def test_zero_stays_zero(dtype: StoredDtype) -> None:
    assert not decode(encode(np.zeros((2, 3), np.float32), dtype, 0.01), dtype, 0.01).any()


def test_vectors_that_are_spread_evenly_share_a_scale() -> None:
    vectors = np.random.default_rng(0).standard_normal((20_000, 128)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    [scale] = np.unique(int8_scales(vectors))
    errors = vectors - decode(encode(vectors, "int8", float(scale)), "int8", float(scale))
    assert np.abs(np.einsum("ij,ij->i", errors, np.roll(vectors, 1, axis=0))).max() < 0.01


@pytest.mark.parametrize(("peak", "doublings"), [(0.05, 0), (0.49, 0), (0.51, 1), (0.99, 1)])
def test_a_vector_with_a_great_value_takes_a_coarser_scale(peak: float, doublings: int) -> None:
    row = np.zeros((1, 256), np.float32)
    row[0, 3] = peak
    assert int8_scales(row)[0] == pytest.approx(0.5 / 127 * 2**doublings)


def test_a_decoded_array_may_be_written_to() -> None:
    matrix = np.ones((2, 3), np.float32)
    decode(matrix, "float32", 1.0)[:] = 7
    assert (matrix == 1).all()
