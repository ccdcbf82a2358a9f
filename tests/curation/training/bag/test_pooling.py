"""Pooled rows and their sparse gradients against torch's dense ones."""

from __future__ import annotations

import torch

from curation.training.bag.pooling import pool_rows
from curation.training.kernels import portable


def test_gradients_hold_the_rows_of_the_batch_and_equal_the_dense_ones() -> None:
    generator = torch.Generator().manual_seed(0)
    table, weights = torch.randn(20, 6, generator=generator), torch.randn(20, generator=generator)
    tokens, lengths = torch.tensor([3, 3, 9, 19, 0, 9, 3]), torch.tensor([2, 1, 4])
    above = torch.randn(3, 6, generator=generator)
    live = table.clone().requires_grad_(), weights.clone().requires_grad_()
    pool_rows(*live, tokens, lengths).backward(above)
    dense = table.clone().requires_grad_(), weights.clone().requires_grad_()
    portable.pool(*dense, tokens, lengths)[0].backward(above)
    for one, other in zip(live, dense, strict=True):
        assert one.grad.is_sparse
        assert one.grad._indices()[0].tolist() == [0, 3, 9, 19]
        torch.testing.assert_close(one.grad.to_dense(), other.grad)
