"""One layer of the decoder. Modules have the names that transformers gives to their weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from curation.training.decoder.attention import Kernel, attend
from curation.training.decoder.packing import Packing
from curation.training.decoder.rope import rotate
from curation.training.decoder.shape import DecoderShape


@dataclass(frozen=True, slots=True)
class Context:
    """What all layers share in one pass.

    Attributes:
        packing: of the tokens.
        cosine: float32 (total, 1, head_dim), of each token's position.
        sine: the same.
        kernel: of attention.
    """

    packing: Packing
    cosine: torch.Tensor
    sine: torch.Tensor
    kernel: Kernel


class RMSNorm(nn.Module):
    """x / rms(x) * gain over the last dimension, in float32.

    Args:
        width: of the last dimension.
        eps: added to the mean square.
    """

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise; the result has the type that matrix products take under the current autocast."""
        normed = functional.rms_norm(x.float(), (x.shape[-1],), self.weight.float(), self.eps)
        kind = x.device.type
        return normed.to(torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype)


class Attention(nn.Module):
    """Grouped-query attention with normalised, rotated queries and keys.

    Args:
        shape: of the decoder.
    """

    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        queries, keys = shape.query_heads * shape.head_dim, shape.key_heads * shape.head_dim
        self.head_dim = shape.head_dim
        self.q_proj = nn.Linear(shape.width, queries, bias=False)
        self.k_proj = nn.Linear(shape.width, keys, bias=False)
        self.v_proj = nn.Linear(shape.width, keys, bias=False)
        self.o_proj = nn.Linear(queries, shape.width, bias=False)
        self.q_norm = RMSNorm(shape.head_dim, shape.norm_eps)
        self.k_norm = RMSNorm(shape.head_dim, shape.norm_eps)

    def forward(self, x: torch.Tensor, context: Context, *, last_only: bool) -> torch.Tensor:
        """Attend.

        Args:
            x: (total, width).
            context: of the pass.
            last_only: give the last token of each sequence only; keys and values are those of all tokens.

        Returns:
            (total, width), or (n, width).
        """
        cosine, sine = context.cosine, context.sine
        key = rotate(self.k_norm(self._heads(self.k_proj(x))), cosine, sine)
        value = self._heads(self.v_proj(x))
        if last_only:
            last = context.packing.last
            x, cosine, sine = x[last], cosine[last], sine[last]
        query = rotate(self.q_norm(self._heads(self.q_proj(x))), cosine, sine)
        mixed: torch.Tensor = self.o_proj(attend(query, key, value, context.packing, context.kernel).flatten(1))
        return mixed

    def _heads(self, x: torch.Tensor) -> torch.Tensor:
        return x.view(len(x), -1, self.head_dim)


class MLP(nn.Module):
    """SwiGLU: down(silu(gate(x)) * up(x)).

    Args:
        shape: of the decoder.
    """

    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.mlp_width, bias=False)
        self.up_proj = nn.Linear(shape.width, shape.mlp_width, bias=False)
        self.down_proj = nn.Linear(shape.mlp_width, shape.width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (rows, width) to the same shape."""
        mapped: torch.Tensor = self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))
        return mapped


class Layer(nn.Module):
    """Attention, then an MLP, each normalised before and added to its input.

    Args:
        shape: of the decoder.
    """

    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(shape.width, shape.norm_eps)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = RMSNorm(shape.width, shape.norm_eps)
        self.mlp = MLP(shape)

    def forward(self, x: torch.Tensor, context: Context, *, last_only: bool) -> torch.Tensor:
        """Map the residual stream (total, width) to the same shape, or to its last tokens' (n, width).

        Args:
            x: packed hidden states.
            context: of the pass.
            last_only: whether only the last token of each sequence is wanted. Queries, output projection and MLP, two
                thirds of the layer and more, are then computed for these alone; the values are the same.
        """
        mixed = self.self_attn(self.input_layernorm(x), context, last_only=last_only)
        x = (x[context.packing.last] if last_only else x) + mixed
        mapped: torch.Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return mapped
