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
        assert scale == pytest.approx(peak / 127 * 1.25)


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


def test_blocks_of_like_vectors_share_a_scale() -> None:
    rng = np.random.default_rng(0)
    blocks = rng.standard_normal((40, 512, 128)).astype(np.float32)
    blocks /= np.linalg.norm(blocks, axis=2, keepdims=True)
    scales = [encode(blocks[0], "int8")[1]]
    assert {encode(block, "int8", scales)[1] for block in blocks} == set(scales)


@pytest.mark.parametrize(
    ("peak", "known", "expected"),
    [
        (1.27, [], 0.0125),
        (1.27, [0.01], 0.01),
        (1.27, [0.009, 0.011, 0.0105], 0.011),
        (1.27, [0.0201, 0.0099], 0.0125),
        (0.0, [0.3], 0.3),
        (0.0, [], 1.0),
    ],
)
def test_the_first_scale_that_fits_is_taken_again(peak: float, known: list[float], expected: float) -> None:
    codes, scale = encode(np.array([[peak - 1e-6 if peak else 0.0, 0.0]], np.float32), "int8", known)
    assert scale == pytest.approx(expected)
    assert np.abs(decode(codes, "int8", scale)[0, 0] - peak) <= scale / 2 + 1e-5


def test_a_decoded_array_may_be_written_to() -> None:
    matrix = np.ones((2, 3), np.float32)
    decode(matrix, "float32", 1.0)[:] = 7
    assert (matrix == 1).all()
