"""The kernels of training: compiled for a processor where numba is installed, otherwise torch's own operations.

Both agree up to the rounding of float32. `CURATION_TRAINING_KERNELS=torch` (or `numba`) in the environment decides
otherwise.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

import numpy as np
import torch

from curation.kernels import compiled_or_none
from curation.training.kernels import portable

_VARIABLE = "CURATION_TRAINING_KERNELS"


def pool(
    factors: torch.Tensor, log_weights: torch.Tensor, places: torch.Tensor, lengths: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return weighted means of rows and the share of each token (see `portable.pool`)."""
    compiled = _compiled_for(factors)
    if compiled is None:
        return portable.pool(factors, log_weights, places, lengths)
    pooled, shares = factors.new_empty(len(lengths), factors.shape[1]), factors.new_empty(len(places))
    compiled.pool(*_arrays(factors, log_weights, places), _offsets(lengths), *_arrays(pooled, shares))
    return pooled, shares


def pool_gradient(
    factors: torch.Tensor,
    places: torch.Tensor,
    lengths: torch.Tensor,
    shares: torch.Tensor,
    pooled: torch.Tensor,
    gradient: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gradients of `pool` (see `portable.pool_gradient`)."""
    compiled = _compiled_for(factors)
    if compiled is None:
        return portable.pool_gradient(factors, places, lengths, shares, pooled, gradient)
    to_factors, to_weights = torch.empty_like(factors), factors.new_empty(len(factors))
    compiled.pool_gradient(
        *_arrays(factors, places), _offsets(lengths), *_arrays(shares, pooled, gradient, to_factors, to_weights)
    )
    return to_factors, to_weights


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
    """Do a step of AdamW without a first moment on some rows, in place (see `portable.adam_rows`)."""
    compiled = _compiled_for(weights)
    if compiled is None:
        portable.adam_rows(
            weights, squares, last, rows, gradient, step=step, rate=rate, decay=decay, beta=beta, epsilon=epsilon
        )
        return
    numbers = (np.float32(value) for value in (rate, decay, beta, epsilon))
    compiled.adam_rows(*_arrays(weights, squares, last, rows, gradient), step, *numbers)


def soften(
    grams: torch.Tensor, scales_q: torch.Tensor, scales_c: torch.Tensor, kept: torch.Tensor, weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the loss of nested scores, and gradients (see `portable.soften`)."""
    compiled = _compiled_for(grams)
    if compiled is None:
        return portable.soften(grams, scales_q, scales_c, kept, weights)
    to_queries, to_candidates = torch.empty_like(scales_q), torch.empty_like(scales_c)
    powers = np.empty(kept.shape[1], np.int32)
    arrays = _arrays(grams, scales_q, scales_c, kept, weights, to_queries, to_candidates)
    loss = compiled.soften(*arrays, np.empty(kept.shape, np.float32), powers, powers.view(np.float32))
    return grams.new_tensor(loss), to_queries, to_candidates


def warm_up() -> None:
    """Load the kernels, or compile them where that was never done."""
    factors, zeros, one = torch.ones(1, 1), torch.zeros(1, dtype=torch.int64), torch.ones(1, dtype=torch.int64)
    pooled, shares = pool(factors, factors[0], zeros, one)
    pool_gradient(factors, zeros, one, shares, pooled, pooled)
    squares, last = torch.zeros(1, 1), torch.zeros(1, dtype=torch.int64)
    adam_rows(factors, squares, last, zeros, pooled, step=1, rate=0.0, decay=0.0, beta=0.9, epsilon=1e-8)
    soften(torch.ones(1, 1, 1, 1), torch.ones(1, 1, 1), torch.ones(1, 1, 1), torch.ones(1, 1), torch.ones(1, 1))


def _compiled_for(tensor: torch.Tensor) -> ModuleType | None:
    return _kernels() if tensor.device.type == "cpu" and tensor.dtype == torch.float32 else None


def _kernels() -> ModuleType | None:
    return compiled_or_none(_VARIABLE, "torch", _compiled)


@functools.cache
def _compiled() -> ModuleType | None:
    try:
        from curation.training.kernels import compiled
    except (ImportError, RuntimeError):
        # Without numba, or without any folder for what it compiles.
        return None
    return compiled


def _arrays(*tensors: torch.Tensor) -> list[np.ndarray[Any, Any]]:
    return [tensor.detach().contiguous().numpy() for tensor in tensors]


def _offsets(lengths: torch.Tensor) -> np.ndarray[Any, Any]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths.numpy())])
