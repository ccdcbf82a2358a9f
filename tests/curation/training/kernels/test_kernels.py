"""The compiled kernels against torch's own operations, and how one of them is chosen."""

from __future__ import annotations

import pytest
import torch

from curation.errors import ConfigError
from curation.training import kernels

VARIABLE = "CURATION_TRAINING_KERNELS"


@pytest.mark.parametrize(("rows", "rank", "lengths"), [(5, 3, [1, 4, 2]), (40, 17, [9] * 20), (1, 1, [3])])
def test_pooling_and_its_gradient(rows: int, rank: int, lengths: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(rows)
    factors, weights = torch.randn(rows, rank, generator=generator), torch.randn(rows, generator=generator)
    places = torch.randint(rows, (sum(lengths),), generator=generator)
    counts = torch.tensor(lengths)
    above = torch.randn(len(lengths), rank, generator=generator)
    found = {}
    for name in ("numba", "torch"):
        monkeypatch.setenv(VARIABLE, name)
        pooled, shares = kernels.pool(factors, weights, places, counts)
        found[name] = (pooled, shares, *kernels.pool_gradient(factors, places, counts, shares, pooled, above))
    for one, other in zip(found["numba"], found["torch"], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
    live = factors.requires_grad_(), weights.requires_grad_()
    monkeypatch.setenv(VARIABLE, "torch")
    expected = torch.autograd.grad(kernels.portable.pool(*live, places, counts)[0], live, above)
    for one, other in zip(found["numba"][2:], expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_softening_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(3)
    grams = torch.randn(3, 2, 5, 12, generator=generator)
    scales = torch.rand(3, 2, 5, generator=generator) * 20, torch.rand(3, 2, 12, generator=generator)
    kept = (torch.rand(5, 12, generator=generator) < 0.8).float()
    kept.fill_diagonal_(1.0)
    weights = torch.rand(3, 2, generator=generator)
    found = {}
    for name in ("numba", "torch"):
        monkeypatch.setenv(VARIABLE, name)
        own = grams.clone()
        found[name] = (*kernels.soften(own, *scales, kept, weights), own)
    for one, other in zip(found["numba"], found["torch"], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_kernels_that_there_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "cuda")
    with pytest.raises(ConfigError, match="no kernels called 'cuda'"):
        kernels.pool(torch.ones(1, 1), torch.ones(1), torch.zeros(1, dtype=torch.int64), torch.ones(1).long())


def test_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_compiled", lambda: None)
    kernels.warm_up()
    monkeypatch.setenv(VARIABLE, "numba")
    with pytest.raises(ConfigError, match="numba cannot be used"):
        kernels.warm_up()
