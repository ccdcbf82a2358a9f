"""The contrastive loss, nested over exits and output dimensions.

    s_ij(e, d) = cos(q_i(e)[:d], c_j(e)[:d]) / temperature
    loss = sum over e, d of  u_e w_d * mean over i of (log sum_j exp s_ij + log sum_k exp s_ki - 2 s_ii) / 2

where j runs over the positives and mined negatives that are no right answer to query i, and k over the queries to which
positive i is no right answer either. The weights sum to one.

A prefix of 2d dimensions has the products of the prefix of d in it. So Gram matrices are added up from dimension to
dimension, and gradients, in closed form, from the last to the first: all dimensions together cost the matrix products
of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from curation.training import kernels

# Added to squared lengths: far below any real one, and enough for a finite gradient at zero.
_TINY = 1e-12


def dimension_weights(dims: Sequence[int], *, full_share: float) -> list[float]:
    """Return the weight of each nested dimension, summing to 1.

    Args:
        dims: rising; the last is the full one.
        full_share: share that only the full one gets; the rest goes to all in proportion to their square roots.
    """
    roots = [dim**0.5 for dim in dims]
    weights = [(1 - full_share) * root / sum(roots) for root in roots]
    return [*weights[:-1], weights[-1] + full_share]


def nested_loss(
    queries: torch.Tensor,
    candidates: torch.Tensor,
    forbidden: torch.Tensor,
    *,
    dims: Sequence[int],
    weights: torch.Tensor,
    temperature: float,
) -> torch.Tensor:
    """Return the loss, a scalar.

    Args:
        queries: float32 (e, b, width), of each exit.
        candidates: float32 (e, c, width), first the positives in the order of the queries.
        forbidden: bool (b, c) as of `curation.training.losses.masks.forbidden`; never true on the diagonal.
        dims: nested dimensions, rising; the last is the width.
        weights: float32 (dims, e), of each cell.
        temperature: of the softmax, at least 0.015: exponentials are not shifted, and float32 ends at exp(88).
    """
    loss: torch.Tensor = _NestedLoss.apply(queries, candidates, forbidden, tuple(dims), weights, temperature)  # type: ignore[no-untyped-call]
    return loss


class _NestedLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        queries: torch.Tensor,
        candidates: torch.Tensor,
        forbidden: torch.Tensor,
        dims: tuple[int, ...],
        weights: torch.Tensor,
        temperature: float,
    ) -> torch.Tensor:
        spans = list(zip((0, *dims[:-1]), dims, strict=True))
        exits, size = queries.shape[:2]
        grams = queries.new_empty(len(dims), exits, size, candidates.shape[1])
        for number, (begin, end) in enumerate(spans):
            left, right = queries[:, :, begin:end], candidates[:, :, begin:end].transpose(1, 2)
            if number:
                torch.baddbmm(grams[number - 1], left, right, out=grams[number])
            else:
                torch.bmm(left, right, out=grams[number])
        squares_q, squares_c = (_prefix_squares(side, spans) for side in (queries, candidates))
        scales_q, scales_c = squares_q.rsqrt() / temperature, squares_c.rsqrt()
        kept = (~forbidden).to(grams.dtype)
        loss, to_q, to_c = kernels.soften(grams, scales_q, scales_c, kept, weights)
        lengths_q, lengths_c = _from_the_last(to_q / squares_q), _from_the_last(to_c / squares_c)
        gradients = torch.empty_like(queries), torch.empty_like(candidates)
        for number, (begin, end) in enumerate(spans):
            left, right = queries[:, :, begin:end], candidates[:, :, begin:end]
            slopes = grams[number]
            # A vector's length is part of its cosine: what it gives back points along the vector.
            gradients[0][:, :, begin:end] = torch.bmm(slopes, right) - lengths_q[number, :, :, None] * left
            gradients[1][:, :, begin:end] = (
                torch.bmm(slopes.transpose(1, 2), left) - lengths_c[number, :, :, None] * right
            )
        ctx.save_for_backward(*gradients)
        return loss

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        to_queries, to_candidates = ctx.saved_tensors
        return to_queries * outer[0], to_candidates * outer[0], None, None, None, None


def _prefix_squares(vectors: torch.Tensor, spans: Sequence[tuple[int, int]]) -> torch.Tensor:
    """Return the squared length of every prefix, (dims, e, n)."""
    parts = [vectors[:, :, begin:end].square().sum(2) for begin, end in spans]
    return torch.stack(parts).cumsum(0) + _TINY


def _from_the_last(values: torch.Tensor) -> torch.Tensor:
    return values.flip(0).cumsum(0).flip(0)
