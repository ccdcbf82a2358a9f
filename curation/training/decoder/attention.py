"""Causal attention over packed sequences, in three ways that give the same result.

With padding on the right, a causal mask already keeps every real token from seeing padding, so whole sequences need no
mask of their own. A lone query, the last token of each sequence, is not held back by causality and needs one.
"""

from __future__ import annotations

import math
from enum import StrEnum

import torch
from torch.nn import functional

from curation.training.decoder.packing import Packing


class Kernel(StrEnum):
    """How attention is computed.

    EXPLICIT: two matrix products and a softmax; the fastest on a processor for texts of up to about 64 tokens.
    SDPA: torch's fused kernel on padded batches.
    VARLEN: torch's variable-length flash attention on packed tokens; needs CUDA and bf16, and is SDPA elsewhere.
    """

    EXPLICIT = "explicit"
    SDPA = "sdpa"
    VARLEN = "varlen"


def attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, packing: Packing, kernel: Kernel
) -> torch.Tensor:
    """Let each query see the keys of its own sequence up to its own place.

    Args:
        query: (total, query heads, head_dim) for every token, or (n, query heads, head_dim) for last tokens alone.
        key: (total, key heads, head_dim); a group of query heads shares each.
        value: the same.
        packing: of the keys.
        kernel: how it is computed.

    Returns:
        The mix of values for each query, shaped as `query`.
    """
    if kernel is Kernel.VARLEN and has_varlen(query):
        return _varlen(query, key, value, packing)
    compute = _explicit if kernel is Kernel.EXPLICIT else _sdpa
    keys, values = packing.pad(key), packing.pad(value)
    if _is_last(query, key):
        return compute(query[:, :, None], keys, values, packing.real()[:, None, None]).squeeze(2)
    return packing.unpad(compute(packing.pad(query), keys, values, None))


def has_varlen(query: torch.Tensor) -> bool:
    """Tell whether variable-length attention can run on these heads."""
    if query.device.type != "cuda" or query.dtype not in (torch.bfloat16, torch.float16):
        return False
    try:
        from torch.nn.attention import varlen  # noqa: F401
    except ImportError:  # torch before 2.10
        return False
    return True


def _is_last(query: torch.Tensor, key: torch.Tensor) -> bool:
    # Equal only if every sequence is one token long, where the two are the same thing.
    return query.shape[0] != key.shape[0]


def _explicit(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Attend by plain products: (n, heads, q, d) on (n, key heads, k, d)."""
    n, heads, rows, head_dim = query.shape
    shared = keys.shape[1]
    # Query heads of one group become rows of one product: no key is copied.
    grouped = query.reshape(n, shared, heads // shared * rows, head_dim)
    scores = (grouped @ keys.transpose(2, 3)).view(n, heads, rows, -1) / math.sqrt(head_dim)
    if mask is None:
        mask = torch.ones(rows, rows, dtype=torch.bool, device=query.device).tril()
    # A softmax in float32 whatever the type of the products, as the fused kernels do.
    weights = scores.float().masked_fill(~mask, -torch.inf).softmax(dim=-1).to(values.dtype)
    return (weights.view(n, shared, -1, weights.shape[-1]) @ values).view(n, heads, rows, head_dim)


def _sdpa(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    return functional.scaled_dot_product_attention(
        query, keys, values, attn_mask=mask, is_causal=mask is None, enable_gqa=True
    )


def _varlen(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, packing: Packing) -> torch.Tensor:
    from torch.nn.attention.varlen import varlen_attn

    bounds, longest = packing.boundaries, packing.longest
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = (heads.repeat_interleave(groups, dim=1) for heads in (key, value))
    if _is_last(query, key):
        single = torch.arange(len(packing.lengths) + 1, dtype=torch.int32, device=query.device)
        mixed = varlen_attn(query, key, value, single, bounds, 1, longest)
    else:
        mixed = varlen_attn(query, key, value, bounds, bounds, longest, longest, window_size=(-1, 0))
    assert isinstance(mixed, torch.Tensor)
    return mixed
