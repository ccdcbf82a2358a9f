"""The loss against one that is written out, term by term."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from curation.training.loss import dimension_weights, forbidden, nested_loss

TEMPERATURE = 0.1


def numbers(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def cosine(left: list[float], right: list[float]) -> float:
    lengths = math.sqrt(sum(a * a for a in left)) * math.sqrt(sum(b * b for b in right))
    return sum(a * b for a, b in zip(left, right, strict=True)) / lengths


def written_out(queries: torch.Tensor, candidates: torch.Tensor, masked: np.ndarray, dims: list[int]) -> float:
    """The formula of the module, in loops over Python numbers."""
    size, columns = masked.shape
    total = 0.0
    for dim in dims:
        q, c = queries[:, :dim].tolist(), candidates[:, :dim].tolist()
        scores = [[cosine(q[i], c[j]) / TEMPERATURE for j in range(columns)] for i in range(size)]
        terms = 0.0
        for i in range(size):
            row = sum(math.exp(scores[i][j]) for j in range(columns) if not masked[i, j])
            column = sum(math.exp(scores[k][i]) for k in range(size) if not masked[k, i])
            terms += (math.log(row) - scores[i][i] + math.log(column) - scores[i][i]) / 2
        total += math.sqrt(dim) / sum(map(math.sqrt, dims)) * terms / size
    return total


@pytest.mark.parametrize("dims", [[6], [2, 6], [1, 2, 4, 6]])
@pytest.mark.parametrize("negatives", [0, 1, 3])
@pytest.mark.parametrize("share", [0.0, 0.4])
def test_the_loss_is_the_written_out_one(dims: list[int], negatives: int, share: float) -> None:
    generator = torch.Generator().manual_seed(len(dims) + 10 * negatives)
    queries = torch.randn(5, 6, generator=generator)
    candidates = torch.randn(5 + 5 * negatives, 6, generator=generator)
    masked = torch.rand(5, len(candidates), generator=generator) < share
    masked.fill_diagonal_(False)
    loss = nested_loss(queries, candidates, masked, dims=dims, temperature=TEMPERATURE)
    assert loss.item() == pytest.approx(written_out(queries, candidates, masked.numpy(), dims), rel=1e-5)


def test_masked_columns_get_no_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    queries = torch.randn(2, 4, generator=generator)
    candidates = torch.randn(4, 4, generator=generator, requires_grad=True)
    masked = torch.zeros(2, 4, dtype=torch.bool)
    masked[:, 3] = True
    nested_loss(queries, candidates, masked, dims=[2, 4], temperature=TEMPERATURE).backward()
    assert candidates.grad is not None
    assert torch.equal(candidates.grad[3], torch.zeros(4))
    assert candidates.grad[2].abs().sum() > 0


@pytest.mark.parametrize("scale", [0.0, 1e-20, 1e15])
def test_loss_and_gradient_are_finite_for_vectors_of_any_length(scale: float) -> None:
    queries = (torch.ones(3, 4) * scale).requires_grad_()
    loss = nested_loss(queries, torch.ones(3, 4) * scale, torch.zeros(3, 3, dtype=torch.bool), dims=[4], temperature=1)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(queries.grad).all()


@given(st.lists(st.integers(1, 4_096), min_size=1, max_size=8, unique=True).map(sorted))
def test_weights_sum_to_one_and_grow_as_the_root(dims: list[int]) -> None:
    weights = dimension_weights(dims)
    assert sum(weights) == pytest.approx(1)
    assert weights[-1] / weights[0] == pytest.approx(math.sqrt(dims[-1] / dims[0]))


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
