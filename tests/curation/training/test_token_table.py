"""The factorised token table: the truncated product, sparse gradients, and the best factors of a table."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.training.token_table import TokenTable, TokenTableError, factorise, random_factors

TOKENS = torch.tensor([3, 3, 0, 19, 7, 3, 7])


def table(*, sparse: bool = False, rank: int = 6) -> TokenTable:
    u, v = random_factors(20, rank, 9, std=1.0, generator=torch.Generator().manual_seed(0))
    return TokenTable(u, v, sparse_gradient=sparse)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("rank", [1, 4, 6])
def test_rows_and_gradients_are_those_of_the_truncated_product(rank: int, sparse: bool) -> None:
    ours, plain = table(sparse=sparse), table()
    upstream = torch.randn(len(TOKENS), 9, generator=torch.Generator().manual_seed(1))
    rows, expected = ours.rows(TOKENS, rank), (plain.u[:, :rank] @ plain.v[:rank])[TOKENS]
    torch.testing.assert_close(rows, expected)
    rows.backward(upstream)
    expected.backward(upstream)
    gradient = ours.u.grad
    assert gradient is not None
    assert gradient.is_sparse == sparse
    torch.testing.assert_close(gradient.to_dense(), plain.u.grad)
    torch.testing.assert_close(ours.v.grad, plain.v.grad)


def test_a_sparse_gradient_holds_each_row_of_the_batch_once() -> None:
    ours = table(sparse=True)
    ours.rows(TOKENS, 2).sum().backward()
    gradient = ours.u.grad
    assert gradient is not None
    assert gradient._indices().tolist() == [[0, 3, 7, 19]]


def test_sparse_adam_takes_the_gradient_and_leaves_other_rows_alone() -> None:
    ours, before = table(sparse=True), table().u.detach()
    ours.rows(TOKENS, 6).square().sum().backward()
    torch.optim.SparseAdam([ours.u], lr=0.1).step()
    moved = (ours.u.detach() != before).any(dim=1)
    assert moved.nonzero().flatten().tolist() == [0, 3, 7, 19]


def test_the_merged_table_is_the_product() -> None:
    ours = table()
    torch.testing.assert_close(ours.merged(), ours.u.detach() @ ours.v.detach())
    torch.testing.assert_close(ours.merged(2), ours.u.detach()[:, :2] @ ours.v.detach()[:2])


def decaying(rows: int, columns: int, seed: int = 0) -> torch.Tensor:
    random = np.random.default_rng(seed)
    left, _ = np.linalg.qr(random.normal(size=(rows, columns)))
    right, _ = np.linalg.qr(random.normal(size=(columns, columns)))
    return torch.from_numpy((left * 0.7 ** np.arange(columns)) @ right).float()


@settings(max_examples=30)
@given(st.integers(1, 12), st.integers(0, 40), st.integers(0, 99), st.data())
def test_factors_are_the_best_of_their_rank(width: int, more: int, seed: int, data: st.DataObject) -> None:
    dense = torch.from_numpy(np.random.default_rng(seed).normal(size=(width + more, width))).float()
    rank = data.draw(st.integers(1, width))
    factors = factorise(dense, rank)
    left, singular, right = np.linalg.svd(dense.double().numpy(), full_matrices=False)
    best = (left[:, :rank] * singular[:rank]) @ right[:rank]
    np.testing.assert_allclose((factors.u @ factors.v).numpy(), best, atol=2e-4)
    assert factors.energy == pytest.approx((singular[:rank] ** 2).sum() / (singular**2).sum(), abs=1e-9)


def test_both_factors_carry_the_same_and_every_prefix_is_the_best_of_its_rank() -> None:
    dense = decaying(400, 16)
    factors = factorise(dense, 16)
    torch.testing.assert_close(factors.u.norm(dim=0), factors.v.norm(dim=1), rtol=1e-4, atol=1e-6)
    for rank in (1, 4, 9):
        shorter = factorise(dense, rank)
        torch.testing.assert_close(factors.u[:, :rank] @ factors.v[:rank], shorter.u @ shorter.v, atol=1e-6, rtol=1e-4)


def test_signs_are_definite_and_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    dense = decaying(300, 8)
    whole, mirrored = factorise(dense, 8), factorise(dense @ torch.diag(torch.tensor([-1.0] + [1.0] * 7)), 8)
    assert bool((whole.v.gather(1, whole.v.abs().argmax(dim=1, keepdim=True)) > 0).all())
    assert bool((mirrored.v.gather(1, mirrored.v.abs().argmax(dim=1, keepdim=True)) > 0).all())
    monkeypatch.setattr("curation.training.token_table._BLOCK_ROWS", 7)
    blocked = factorise(dense, 8)
    torch.testing.assert_close(blocked.u, whole.u, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(blocked.v, whole.v, rtol=1e-4, atol=1e-5)
    assert torch.equal(factorise(dense, 8).u, blocked.u)


def test_a_table_of_less_rank_has_finite_factors() -> None:
    dense = torch.outer(torch.arange(1.0, 30.0), torch.arange(1.0, 6.0))
    factors = factorise(dense, 4)
    torch.testing.assert_close(factors.u @ factors.v, dense, rtol=1e-5, atol=1e-4)
    assert factors.energy == pytest.approx(1.0)
    zero = factorise(torch.zeros(5, 3), 2)
    assert zero.energy == 1.0
    assert not zero.u.any()
    assert not zero.v.any()


def test_bfloat16_tables_are_read() -> None:
    dense = decaying(50, 6).bfloat16()
    factors = factorise(dense, 6)
    torch.testing.assert_close(factors.u @ factors.v, dense.float(), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("rank", [0, 7, 1000])
def test_a_rank_that_a_table_does_not_have_is_refused(rank: int) -> None:
    with pytest.raises(TokenTableError, match=f"rank {rank}"):
        factorise(torch.ones(50, 6), rank)


def test_a_table_that_is_not_finite_is_refused() -> None:
    with pytest.raises(TokenTableError, match="not finite"):
        factorise(torch.tensor([[1.0, torch.nan], [1.0, 2.0]]), 1)


def test_random_factors_have_the_spread_that_was_asked_for() -> None:
    u, v = random_factors(2_000, 64, 128, std=0.02, generator=torch.Generator().manual_seed(0))
    assert float((u @ v).std()) == pytest.approx(0.02, rel=0.1)
    assert float(u.std()) == pytest.approx(float(v.std()), rel=0.05)
