"""The weighted mean of rows of a table, with its gradient."""

from __future__ import annotations

from typing import Any

import torch

from curation.training import kernels


def pool_rows(
    table: torch.Tensor, log_weights: torch.Tensor, tokens: torch.Tensor, lengths: torch.Tensor
) -> torch.Tensor:
    """Return the mean row of each text, weighted by exp(log weight), (n, rank).

    The gradients of table and weights are sparse (COO): they hold the rows of the batch's own tokens, each once.

    Args:
        table: float32 (tokens, rank).
        log_weights: float32 (tokens,).
        tokens: int64 (total,), the n texts one after the other.
        lengths: int64 (n,), none of them zero.
    """
    pooled: torch.Tensor = _Pool.apply(table, log_weights, tokens, lengths)  # type: ignore[no-untyped-call]
    return pooled


class _Pool(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, table: torch.Tensor, log_weights: torch.Tensor, tokens: torch.Tensor, lengths: torch.Tensor
    ) -> torch.Tensor:
        rows, places = _distinct(tokens, len(table))
        factors = table.index_select(0, rows)
        pooled, shares = kernels.pool(factors, log_weights.index_select(0, rows), places, lengths)
        ctx.save_for_backward(rows, factors, places, lengths, shares, pooled)
        ctx.tokens = len(table)
        return pooled

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        rows, factors, places, lengths, shares, pooled = ctx.saved_tensors
        gradients = kernels.pool_gradient(factors, places, lengths, shares, pooled, outer[0].contiguous())
        sparse = [
            torch.sparse_coo_tensor(
                rows[None], values, (ctx.tokens, *values.shape[1:]), is_coalesced=True, check_invariants=False
            )
            for values in gradients
        ]
        return sparse[0], sparse[1], None, None


def _distinct(tokens: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the distinct tokens, rising, and the place of each token among them; not sorted, unlike torch's own."""
    present = torch.zeros(size, dtype=torch.bool, device=tokens.device)
    present[tokens] = True
    rows = present.nonzero().squeeze(1)
    places = torch.empty(size, dtype=torch.int64, device=tokens.device)
    places[rows] = torch.arange(len(rows), device=tokens.device)
    return rows, places[tokens]
