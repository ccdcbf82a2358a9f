"""The contrastive loss of one exit, nested over output dimensions.

    loss = sum over dims d of  w_d * (CE(q -> p, negatives) + CE(p -> q)) / 2
    w_d proportional to sqrt(d), summing to 1

A column of the softmax that is in truth a right answer is masked, never pushed away.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

Int64s = npt.NDArray[np.int64]

# Added to squared lengths: far below any real one, and enough for a finite gradient at zero.
_TINY = 1e-12


def forbidden(anchors: Int64s, positives: Int64s, groups: Int64s, negatives: Int64s) -> npt.NDArray[np.bool_]:
    """Return which columns of the softmax are no negatives of which row.

    Args:
        anchors: (b,) number of each anchor's text; equal numbers are equal texts, in all four arguments.
        positives: (b,) likewise of the positives.
        groups: (b,) number of each pair's group.
        negatives: (b, k) likewise of the mined negatives.

    Returns:
        bool (b, b + b k). A positive is no negative for a pair with the same anchor, positive or group, nor for one
        whose anchor it repeats; a mined negative (column b + i k + j) for one that
        has that text as anchor or as right answer.
    """
    same = _equal(anchors, anchors) | _equal(positives, positives) | _equal(groups, groups)
    mined = negatives.ravel()
    right = (same.astype(np.float32) @ _equal(positives, mined).astype(np.float32)) > 0
    columns = np.concatenate([same | _equal(anchors, positives), right | _equal(anchors, mined)], axis=1)
    np.fill_diagonal(columns, False)
    return columns


def dimension_weights(dims: Sequence[int]) -> list[float]:
    """Return the weight of each nested dimension, in proportion to its square root and summing to 1."""
    roots = [dim**0.5 for dim in dims]
    return [root / sum(roots) for root in roots]


def nested_loss(
    queries: torch.Tensor, candidates: torch.Tensor, masked: torch.Tensor, *, dims: Sequence[int], temperature: float
) -> torch.Tensor:
    """Return the loss of one exit, a scalar.

    Args:
        queries: (b, width).
        candidates: (b + b k, width), first the positives in the order of the queries.
        masked: bool (b, b + b k) as of `forbidden`.
        dims: nested dimensions, rising; the last is the width.
        temperature: of the softmax.
    """
    bias = torch.zeros(masked.shape).masked_fill(masked, -torch.inf)
    total = torch.zeros(())
    for dim, weight in zip(dims, dimension_weights(dims), strict=True):
        left = functional.normalize(queries[:, :dim], eps=_TINY) / temperature
        right = functional.normalize(candidates[:, :dim], eps=_TINY)
        total = total + weight * _both_ways(torch.addmm(bias, left, right.T))
    return total


def _both_ways(scores: torch.Tensor) -> torch.Tensor:
    """Return the mean of the two cross-entropies of scores (b, c) whose diagonal is right."""
    right = scores.diagonal()
    forward = scores.logsumexp(1) - right
    backward = scores[:, : len(scores)].logsumexp(0) - right
    return (forward + backward).mean() / 2


def _equal(left: Int64s, right: Int64s) -> npt.NDArray[np.bool_]:
    return np.equal(left[:, None], right[None, :])
