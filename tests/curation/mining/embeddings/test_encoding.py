from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from curation.mining.embeddings.encoding import NUMPY_DTYPES, StoredDtype, decode, encode

matrices = arrays(
    np.float32,
    st.tuples(st.integers(0, 6), st.integers(1, 9)),
    elements=st.floats(-1, 1, width=32, allow_subnormal=False),
)


@pytest.mark.parametrize("dtype", NUMPY_DTYPES)
@given(matrix=matrices)
def test_errors_keep_their_bounds(dtype: StoredDtype, matrix: np.ndarray) -> None:
    values, scale = encode(matrix, dtype)
    assert (values.dtype, values.shape) == (NUMPY_DTYPES[dtype], matrix.shape)
    decoded = decode(values, dtype, scale)
    assert decoded.dtype == np.float32
    bound = {"float32": 0.0, "bfloat16": np.abs(matrix) / 256, "int8": scale / 2 * 1.0001}[dtype]
    assert (np.abs(decoded - matrix) <= bound).all()
    peak = np.abs(matrix).max(initial=0.0)
    if dtype == "int8" and peak:
        assert peak / 127 <= scale * 1.0001 <= peak / 127 * 2**0.25 * 1.001


@given(matrices)
def test_bfloat16_is_what_torch_makes_of_it(matrix: np.ndarray) -> None:
    import torch

    values, scale = encode(matrix, "bfloat16")
    expected = torch.from_numpy(matrix.copy()).to(torch.bfloat16)
    np.testing.assert_array_equal(decode(values, "bfloat16", scale), expected.float().numpy())


@given(matrices)
def test_int8_decodes_to_codes_times_scale(matrix: np.ndarray) -> None:
    codes, scale = encode(matrix, "int8")
    assert float(np.float32(scale)) == scale
    np.testing.assert_array_equal(decode(codes, "int8", scale), codes.astype(np.float32) * np.float32(scale))


@pytest.mark.parametrize("dtype", NUMPY_DTYPES)
def test_zero_stays_zero(dtype: StoredDtype) -> None:
    values, scale = encode(np.zeros((2, 3), np.float32), dtype)
    assert not decode(values, dtype, scale).any()


def test_blocks_of_like_vectors_mostly_share_a_scale() -> None:
    rng = np.random.default_rng(0)
    blocks = rng.standard_normal((40, 512, 128)).astype(np.float32)
    blocks /= np.linalg.norm(blocks, axis=2, keepdims=True)
    assert len({encode(block, "int8")[1] for block in blocks}) <= 3


def test_a_decoded_array_may_be_written_to() -> None:
    matrix = np.ones((2, 3), np.float32)
    decode(matrix, "float32", 1.0)[:] = 7
    assert (matrix == 1).all()
