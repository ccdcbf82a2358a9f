"""The divergence from a teacher's scores."""

from __future__ import annotations

import pytest
import torch

from curation.training.losses.distillation import distillation_loss


def vectors(seed: int, count: int) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(count, 8, generator=torch.Generator().manual_seed(seed)), dim=1)


def test_a_student_that_agrees_loses_nothing() -> None:
    queries, candidates = vectors(0, 3), vectors(1, 9)
    own = torch.cat([candidates[:3, None], candidates[3:].reshape(3, 2, 8)], dim=1)
    teacher = (queries[:, None] * own).sum(2)
    assert distillation_loss(queries, candidates, teacher, temperature=0.1).item() == pytest.approx(0, abs=1e-6)


def test_it_is_the_divergence_and_pulls_towards_the_teacher() -> None:
    queries, candidates, teacher = vectors(0, 2).requires_grad_(), vectors(1, 4), torch.tensor([[0.9, 0.1], [0.2, 0.3]])
    loss = distillation_loss(queries, candidates, teacher, temperature=0.5)
    own = torch.stack([candidates[:2], candidates[2:]], dim=1)
    student = ((queries[:, None] * own).sum(2) / 0.5).softmax(1)
    target = (teacher / 0.5).softmax(1)
    assert loss.item() == pytest.approx((target * (target / student).log()).sum(1).mean().item(), rel=1e-4)
    loss.backward()
    moved = (queries - 0.1 * queries.grad).detach()
    assert distillation_loss(moved, candidates, teacher, temperature=0.5) < loss


def test_without_negatives_there_is_nothing_to_learn() -> None:
    queries = vectors(0, 2).requires_grad_()
    loss = distillation_loss(queries, vectors(1, 2), torch.ones(2, 1), temperature=0.1)
    loss.backward()
    assert (loss.item(), queries.grad.abs().max().item()) == (0, 0)
