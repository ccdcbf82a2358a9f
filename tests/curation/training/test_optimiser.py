"""Rows against the whole table, and states that are taken up again."""

from __future__ import annotations

import pytest
import torch

from curation.training.optimiser import Optimiser

ROWS, RANK = 12, 5


def parameters(seed: int = 0) -> dict[str, torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    shapes = {"table.u": (ROWS, RANK), "table.log_weight": (ROWS,), "blocks.0.down": (RANK, RANK)}
    return {name: torch.nn.Parameter(torch.randn(shape, generator=generator)) for name, shape in shapes.items()}


def gradients(step: int, rows: list[int]) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(100 + step)
    index = torch.tensor([rows])
    u, weight = (torch.randn(len(rows), *rest, generator=generator) for rest in ((RANK,), ()))
    return {
        "table.u": torch.sparse_coo_tensor(index, u, (ROWS, RANK)),
        "table.log_weight": torch.sparse_coo_tensor(index, weight, (ROWS,)),
        "blocks.0.down": torch.randn(RANK, RANK, generator=generator),
    }


def run(optimiser: Optimiser, steps: range, *, rows: list[int]) -> None:
    for step in steps:
        for name, gradient in gradients(step, rows).items():
            optimiser.parameters[name].grad = gradient
        assert optimiser.step(0.01, max_norm=1.0)


@pytest.fixture(params=["numba", "torch"], autouse=True)
def _kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURATION_TRAINING_KERNELS", request.param)


def optimiser_of(values: dict[str, torch.nn.Parameter]) -> Optimiser:
    return Optimiser(values, weight_decay=0.1, scale=lambda name: 0.5 if name.startswith("blocks.") else 1.0)


@pytest.mark.parametrize("turns", [[list(range(ROWS))], [[0, 3], [3, 5, 7], [3], [0]]])
def test_rows_become_what_the_dense_optimiser_without_a_first_moment_makes_of_them(turns: list[list[int]]) -> None:
    sparse, dense = optimiser_of(parameters()), parameters()["table.u"]
    other = torch.optim.AdamW([dense], lr=0.01, betas=(0.0, 0.999), weight_decay=0.0)
    sparse._decay = dict.fromkeys(sparse._decay, 0.0)
    for step in range(9):
        gradient = gradients(step, turns[step % len(turns)])["table.u"]
        sparse.parameters["table.u"].grad = gradient
        assert sparse.step(0.01, max_norm=1e9)
        dense.grad = gradient.to_dense()
        other.step()
    torch.testing.assert_close(sparse.parameters["table.u"], dense, rtol=1e-4, atol=1e-6)


def test_dense_gradients_are_torchs_own_optimiser() -> None:
    ours, theirs = optimiser_of(parameters()), parameters()["blocks.0.down"]
    other = torch.optim.AdamW([theirs], lr=0.005, betas=(0.9, 0.999), weight_decay=0.1)
    for step in range(5):
        gradient = gradients(step, [1])["blocks.0.down"]
        ours.parameters["blocks.0.down"].grad, theirs.grad = gradient.clone(), gradient.clone()
        assert ours.step(0.01, max_norm=1e9)
        other.step()
    torch.testing.assert_close(ours.parameters["blocks.0.down"], theirs, rtol=1e-5, atol=1e-7)


def test_rows_that_do_not_occur_stand_still() -> None:
    before, optimiser = parameters(), optimiser_of(parameters())
    run(optimiser, range(4), rows=[2, 3, 7])
    after = optimiser.parameters["table.u"]
    still = [row for row in range(ROWS) if row not in (2, 3, 7)]
    assert torch.equal(after[still], before["table.u"][still])
    assert (after[[2, 3, 7]] != before["table.u"][[2, 3, 7]]).all()


def test_a_gradient_that_is_no_number_moves_nothing() -> None:
    before, optimiser = parameters(), optimiser_of(parameters())
    for name, gradient in gradients(0, [1]).items():
        optimiser.parameters[name].grad = gradient * torch.nan if name == "blocks.0.down" else gradient
    assert not optimiser.step(0.01, max_norm=1.0)
    assert all(torch.equal(value, before[name]) for name, value in optimiser.parameters.items())


def test_long_gradients_are_scaled_together() -> None:
    one, other = optimiser_of(parameters()), optimiser_of(parameters())
    for factor, optimiser in ((1.0, one), (1_000.0, other)):
        for step in range(2):
            for name, gradient in gradients(step, [1, 4]).items():
                optimiser.parameters[name].grad = gradient * factor
            optimiser.step(0.01, max_norm=0.001)
    for name, value in one.parameters.items():
        torch.testing.assert_close(value, other.parameters[name], rtol=1e-4, atol=1e-6)


def test_a_state_is_taken_up_again() -> None:
    whole, first = optimiser_of(parameters()), optimiser_of(parameters())
    run(whole, range(8), rows=[0, 5, 6])
    run(first, range(5), rows=[0, 5, 6])
    second = optimiser_of(
        {name: torch.nn.Parameter(value.detach().clone()) for name, value in first.parameters.items()}
    )
    second.restore({name: value.clone() for name, value in first.state().items()})
    run(second, range(5, 8), rows=[0, 5, 6])
    assert all(torch.equal(value, whole.parameters[name]) for name, value in second.parameters.items())


def test_what_is_forgotten_is_a_fresh_start() -> None:
    optimiser = optimiser_of(parameters())
    run(optimiser, range(3), rows=[0, 1])
    optimiser.forget()
    assert optimiser.state() == {}
    fresh = optimiser_of(
        {name: torch.nn.Parameter(value.detach().clone()) for name, value in optimiser.parameters.items()}
    )
    for each in (optimiser, fresh):
        run(each, range(3, 5), rows=[0, 1])
    assert all(torch.equal(value, fresh.parameters[name]) for name, value in optimiser.parameters.items())
