"""The kernels of training in torch's own operations: for any device, and where numba is not installed."""

from __future__ import annotations

import torch
from torch.nn import functional


def pool(
    factors: torch.Tensor, log_weights: torch.Tensor, places: torch.Tensor, lengths: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weighted mean of some rows for each text, (n, rank), and the share of each token, (total,).

    Args:
        factors: float32 (rows, rank).
        log_weights: float32 (rows,), logarithm of each row's weight.
        places: int64 (total,), row of each token.
        lengths: int64 (n,), tokens of each text, none of them zero.
    """
    weights = log_weights[places].exp()
    owner = _owners(lengths)
    totals = weights.new_zeros(len(lengths)).index_add(0, owner, weights)
    shares = weights / totals[owner]
    starts = lengths.cumsum(0) - lengths
    return functional.embedding_bag(places, factors, starts, mode="sum", per_sample_weights=shares), shares


def pool_gradient(
    factors: torch.Tensor,
    places: torch.Tensor,
    lengths: torch.Tensor,
    shares: torch.Tensor,
    pooled: torch.Tensor,
    gradient: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gradients with regard to factors (rows, rank) and logarithms of weights (rows,).

    Args:
        factors: as in `pool`.
        places: as in `pool`.
        lengths: as in `pool`.
        shares: what `pool` returned.
        pooled: what `pool` returned.
        gradient: float32 (n, rank), with regard to `pooled`.
    """
    above = gradient[_owners(lengths)]
    to_factors = torch.zeros_like(factors).index_add_(0, places, shares[:, None] * above)
    middle = (gradient * pooled).sum(1)[_owners(lengths)]
    slopes = shares * ((above * factors[places]).sum(1) - middle)
    return to_factors, factors.new_zeros(len(factors)).index_add_(0, places, slopes)


def adam_rows(
    weights: torch.Tensor,
    squares: torch.Tensor,
    last: torch.Tensor,
    rows: torch.Tensor,
    gradient: torch.Tensor,
    *,
    step: int,
    rate: float,
    decay: float,
    beta: float,
    epsilon: float,
) -> None:
    """Do a step of AdamW (Loshchilov and Hutter 2019) without a first moment on some rows of a table, in place.

    The weights become what they would be if all rows were updated at each step, those that do not occur by a gradient
    of zero: this moves no weight, and a second moment that was left alone for k steps has decayed by beta^k. So a rare
    token takes large steps, as it does in the dense optimiser; if a row's moment stood still while its token does not
    occur, rare tokens would hardly learn (held-out accuracy after 1,000 steps 27 instead of 31 %, on three corpora).
    Weight decay over k steps is taken as k times that of one.

    Args:
        weights: float32 (tokens, rank).
        squares: of the same shape, second moments.
        last: int64 (tokens,), the step at which each row was last updated; 0 at first.
        rows: int64 (m,), distinct.
        gradient: float32 (m, rank).
        step: number of this step, from 1.
        rate: learning rate.
        decay: weight decay.
        beta: decay of the moments.
        epsilon: is added to the denominator.
    """
    since = (step - last[rows]).double()[:, None]
    last[rows] = step
    moments = squares.index_select(0, rows) * (beta**since).to(weights.dtype)
    moments.addcmul_(gradient, gradient, value=1 - beta)
    squares.index_copy_(0, rows, moments)
    change = gradient / ((moments / (1 - beta**step)).sqrt_() + epsilon)
    kept = (1 - rate * decay * since).to(weights.dtype)
    weights.index_copy_(0, rows, weights.index_select(0, rows) * kept - rate * change)


def soften(
    grams: torch.Tensor, scales_q: torch.Tensor, scales_c: torch.Tensor, kept: torch.Tensor, weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the loss of nested scores; see `curation.training.losses.nested` for the formula.

    Args:
        grams: float32 (k, e, b, c), products of b queries and c candidates in k nested dimensions and e exits. Is
            overwritten: cell i then holds the gradient of the loss with regard to itself plus that of all later cells.
        scales_q: float32 (k, e, b); a score is a product times the scales of both sides.
        scales_c: float32 (k, e, c).
        kept: float32 (b, c), 1, or 0 for a candidate that is no negative of a query; 1 on the diagonal.
        weights: float32 (k, e), of each cell's loss.

    Returns:
        The loss, a float32 scalar; and for queries (k, e, b) and candidates (k, e, c) the sum of the gradient with
        regard to their scores times the scores.
    """
    size = grams.shape[2]
    to_queries, to_candidates = torch.empty_like(scales_q), torch.empty_like(scales_c)
    loss = grams.new_zeros(())
    for cell in range(len(grams) - 1, -1, -1):
        scale = scales_q[cell, :, :, None] * scales_c[cell, :, None, :]
        scores = grams[cell] * scale
        slopes = scores.exp() * kept
        rows, columns = slopes.sum(2), slopes[:, :, :size].sum(1)
        diagonal = scores.diagonal(dim1=1, dim2=2)
        loss = loss + (weights[cell] * (rows.log() + columns.log() - 2 * diagonal).mean(1)).sum() / 2
        inverses = functional.pad(1 / columns, (0, slopes.shape[2] - size))
        slopes *= (1 / rows)[:, :, None] + inverses[:, None, :]
        slopes.diagonal(dim1=1, dim2=2).sub_(2)
        slopes *= (weights[cell] / (2 * size))[:, None, None]
        products = slopes * scores
        to_queries[cell], to_candidates[cell] = products.sum(2), products.sum(1)
        slopes *= scale
        grams[cell] = slopes + grams[cell + 1] if cell + 1 < len(grams) else slopes
    return loss, to_queries, to_candidates


def _owners(lengths: torch.Tensor) -> torch.Tensor:
    return torch.repeat_interleave(torch.arange(len(lengths), device=lengths.device), lengths)
