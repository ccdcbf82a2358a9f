"""Rotary position embeddings (Su et al., arXiv 2104.09864), rotating halves as Qwen3 does."""

from __future__ import annotations

import torch


def rotations(length: int, head_dim: int, theta: float, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return cosine and sine of every position's angles, each float32 (length, 1, head_dim).

    Args:
        length: number of positions.
        head_dim: dimensions of a head; dimension i and i + head_dim / 2 turn together.
        theta: base of the frequencies: pair i turns by theta^(-2i / head_dim) a position.
        device: of the result.
    """
    pairs = torch.arange(0, head_dim, 2, dtype=torch.float32, device=device)
    frequencies = 1.0 / theta ** (pairs / head_dim)
    angles = torch.outer(torch.arange(length, dtype=torch.float32, device=device), frequencies)
    both = torch.cat([angles, angles], dim=1)[:, None]
    return both.cos(), both.sin()


def rotate(x: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    """Turn heads to their positions.

    Args:
        x: (tokens, heads, head_dim).
        cosine: (tokens, 1, head_dim), of each token's position.
        sine: the same.
    """
    first, second = x.chunk(2, dim=-1)
    return x * cosine.to(x.dtype) + torch.cat([-second, first], dim=-1) * sine.to(x.dtype)
