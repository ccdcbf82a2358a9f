"""The loss against one that is written out, term by term."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from curation.training.losses import dimension_weights, nested_loss

TEMPERATURE = 0.1


def cosine(left: list[float], right: list[float]) -> float:
    lengths = math.sqrt(sum(a * a for a in left)) * math.sqrt(sum(b * b for b in right))
    return sum(a * b for a, b in zip(left, right, strict=True)) / lengths


def written_out(
    queries: torch.Tensor, candidates: torch.Tensor, masked: np.ndarray, dims: list[int], weights: torch.Tensor
) -> float:
    """The formula of the module, in loops over Python numbers."""
    size, columns = masked.shape
    total = 0.0
    for number, dim in enumerate(dims):
        for place in range(len(queries)):
            q, c = queries[place, :, :dim].tolist(), candidates[place, :, :dim].tolist()
            scores = [[cosine(q[i], c[j]) / TEMPERATURE for j in range(columns)] for i in range(size)]
            terms = 0.0
            for i in range(size):
                row = sum(math.exp(scores[i][j]) for j in range(columns) if not masked[i, j])
                column = sum(math.exp(scores[k][i]) for k in range(size) if not masked[k, i])
                terms += (math.log(row) - scores[i][i] + math.log(column) - scores[i][i]) / 2
            total += weights[number, place].item() * terms / size
    return total


def by_autograd(
    queries: torch.Tensor, candidates: torch.Tensor, masked: torch.Tensor, dims: list[int], weights: torch.Tensor
) -> torch.Tensor:
    """The same, so that torch can find the gradient."""
    total = queries.sum() * 0
    for number, dim in enumerate(dims):
        for place in range(len(queries)):
            left = torch.nn.functional.normalize(queries[place, :, :dim], dim=1)
            right = torch.nn.functional.normalize(candidates[place, :, :dim], dim=1)
            scores = (left @ right.T / TEMPERATURE).masked_fill(masked, -torch.inf)
            both = scores.logsumexp(1) + scores[:, : len(left)].logsumexp(0) - 2 * scores.diagonal()
            total = total + weights[number, place] * both.mean() / 2
    return total


@pytest.fixture(params=["numba", "torch"])
def _kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURATION_TRAINING_KERNELS", request.param)


@pytest.mark.usefixtures("_kernels")
@pytest.mark.parametrize("dims", [[6], [2, 6], [1, 2, 4, 6]])
@pytest.mark.parametrize("exits", [1, 3])
@pytest.mark.parametrize("negatives", [0, 1, 3])
@pytest.mark.parametrize("share", [0.0, 0.4])
def test_loss_and_gradient_are_the_written_out_ones(dims: list[int], exits: int, negatives: int, share: float) -> None:
    generator = torch.Generator().manual_seed(len(dims) + 10 * negatives)
    queries = torch.randn(exits, 5, 6, generator=generator, requires_grad=True)
    candidates = torch.randn(exits, 5 + 5 * negatives, 6, generator=generator, requires_grad=True)
    masked = torch.rand(5, candidates.shape[1], generator=generator) < share
    masked[:, :5].fill_diagonal_(False)
    weights = torch.rand(len(dims), exits, generator=generator)
    loss = nested_loss(queries, candidates, masked, dims=dims, weights=weights, temperature=TEMPERATURE)
    assert loss.item() == pytest.approx(written_out(queries, candidates, masked.numpy(), dims, weights), rel=1e-5)
    found = torch.autograd.grad(loss, (queries, candidates))
    expected = torch.autograd.grad(by_autograd(queries, candidates, masked, dims, weights), (queries, candidates))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("_kernels")
def test_masked_columns_get_no_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    queries = torch.randn(1, 2, 4, generator=generator)
    candidates = torch.randn(1, 4, 4, generator=generator, requires_grad=True)
    masked = torch.zeros(2, 4, dtype=torch.bool)
    masked[:, 3] = True
    weights = torch.ones(2, 1) / 2
    nested_loss(queries, candidates, masked, dims=[2, 4], weights=weights, temperature=TEMPERATURE).backward()
    assert candidates.grad is not None
    assert torch.equal(candidates.grad[0, 3], torch.zeros(4))
    assert candidates.grad[0, 2].abs().sum() > 0


@pytest.mark.usefixtures("_kernels")
@pytest.mark.parametrize("scale", [0.0, 1e-20, 1e15])
@pytest.mark.parametrize("temperature", [0.015, 1.0])
def test_loss_and_gradient_are_finite_for_vectors_of_any_length(scale: float, temperature: float) -> None:
    queries = (torch.ones(1, 3, 4) * scale).requires_grad_()
    candidates, masked = torch.ones(1, 3, 4) * scale, torch.zeros(3, 3, dtype=torch.bool)
    loss = nested_loss(queries, candidates, masked, dims=[4], weights=torch.ones(1, 1), temperature=temperature)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(queries.grad).all()


@pytest.mark.usefixtures("_kernels")
def test_what_is_no_number_stays_none() -> None:
    queries = torch.full((1, 2, 4), torch.nan)
    masked, weights = torch.zeros(2, 2, dtype=torch.bool), torch.ones(1, 1)
    loss = nested_loss(queries, torch.ones(1, 2, 4), masked, dims=[4], weights=weights, temperature=TEMPERATURE)
    assert not torch.isfinite(loss)


@given(st.lists(st.integers(1, 4_096), min_size=1, max_size=8, unique=True).map(sorted), st.floats(0, 1))
def test_weights_sum_to_one_and_grow_as_the_root(dims: list[int], full: float) -> None:
    weights = dimension_weights(dims, full_share=full)
    assert sum(weights) == pytest.approx(1)
    assert weights[-1] >= full
    if len(dims) > 2 and full < 0.99:
        assert weights[1] / weights[0] == pytest.approx(math.sqrt(dims[1] / dims[0]))
