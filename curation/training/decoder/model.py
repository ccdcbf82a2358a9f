"""The decoder backbone: tokens in, the last token's state at every exit out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from curation.training.decoder.attention import Kernel
from curation.training.decoder.layers import Context, Layer, RMSNorm
from curation.training.decoder.packing import Packing
from curation.training.decoder.rope import rotations
from curation.training.decoder.shape import DecoderShape
from curation.training.token_table import TokenTable, random_factors

# Standard deviation of initial weights in every public Qwen3 config (`initializer_range`).
_INITIAL_STD = 0.02
# Smallest nested rank and dimension of the paper's code.
_LEAST_RANK, _LEAST_DIM = 64, 8


@dataclass(frozen=True, slots=True)
class DecoderOptions:
    """How a decoder computes; nothing here changes what it computes, but for rounding.

    Attributes:
        kernel: of attention.
        checkpointing: keep only the input of each layer for the backward pass and compute the rest again: a third more
            time for a small part of the memory.
        bf16: run matrix products in bfloat16 (autocast); weights, residual stream and norms stay float32.
    """

    kernel: Kernel = Kernel.EXPLICIT
    checkpointing: bool = False
    bf16: bool = False


class Decoder(nn.Module):
    """A Qwen3-style decoder with a factorised token table and an exit after several of its layers.

    It is a `curation.training.backbone.Backbone`. All exits share the final norm.

    Args:
        shape: its sizes.
        table: its token table, (vocabulary, width).
        options: how it computes.
    """

    def __init__(self, shape: DecoderShape, table: TokenTable, options: DecoderOptions | None = None) -> None:
        super().__init__()
        self.shape = shape
        self.options = options or DecoderOptions()
        self.table = table
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = RMSNorm(shape.width, shape.norm_eps)

    @property
    def depths(self) -> tuple[int, ...]:
        """Number of layers below each exit, rising."""
        return self.shape.depths

    @property
    def ranks(self) -> tuple[int, ...]:
        """Nested ranks of the token table, rising."""
        return _doubling(_LEAST_RANK, self.table.rank)

    @property
    def dims(self) -> tuple[int, ...]:
        """Nested output dimensions, rising."""
        return _doubling(_LEAST_DIM, self.shape.width)

    def forward(self, tokens: torch.Tensor, lengths: torch.Tensor, *, rank: int, exits: int) -> torch.Tensor:
        """Return the first `exits` exits, float32 (exits, n, width), not normalised to unit length.

        Args:
            tokens: int64 (total,), the n sequences one after the other; the last of each is the one pooled.
            lengths: int64 (n,), none of them zero.
            rank: of the token table, at most the full one.
            exits: number of exits, at least one.
        """
        with torch.autocast(tokens.device.type, dtype=torch.bfloat16, enabled=self.options.bf16):
            packing = Packing.of(lengths)
            cosine, sine = rotations(packing.longest, self.shape.head_dim, self.shape.rope_theta, tokens.device)
            turns = cosine[packing.positions], sine[packing.positions]
            context = Context(packing, *turns, self.options.kernel)
            pooled = self._pooled(self.table.rows(tokens, rank).float(), context, self.depths[:exits])
            return torch.stack([self.norm(states).float() for states in pooled])

    def _pooled(self, x: torch.Tensor, context: Context, depths: tuple[int, ...]) -> list[torch.Tensor]:
        """Return the last tokens' states after these numbers of layers, each (n, width); no others are kept."""
        pooled = []
        for depth, layer in enumerate(self.layers[: depths[-1]], start=1):
            # Nothing after the last layer reads any other token.
            last_only = depth == depths[-1]
            x = self._run(layer, x, context, last_only=last_only)
            if last_only:
                pooled.append(x)
            elif depth in depths:
                pooled.append(x[context.packing.last])
        return pooled

    def _run(self, layer: nn.Module, x: torch.Tensor, context: Context, *, last_only: bool) -> torch.Tensor:
        again = self.options.checkpointing and torch.is_grad_enabled()
        # Nothing random is in a layer, so no generator's state has to be kept for the second computation.
        states: torch.Tensor = (
            checkpoint(layer, x, context, last_only=last_only, use_reentrant=False, preserve_rng_state=False)
            if again
            else layer(x, context, last_only=last_only)
        )
        return states


def random_decoder(
    shape: DecoderShape,
    *,
    rank: int,
    generator: torch.Generator,
    options: DecoderOptions | None = None,
    sparse_gradient: bool = False,
) -> Decoder:
    """Return a decoder with initial weights as Qwen3 draws them, on the generator's device.

    Args:
        shape: its sizes.
        rank: full rank of its token table.
        generator: source of the values.
        options: how it computes.
        sparse_gradient: of the token table, see `TokenTable`.
    """
    with torch.device("meta"):
        table = TokenTable(torch.empty(0), torch.empty(0))
        model = Decoder(shape, table, options)
    model = model.to_empty(device=generator.device)
    u, v = random_factors(shape.vocabulary, rank, shape.width, std=_INITIAL_STD, generator=generator)
    model.table = TokenTable(u, v, sparse_gradient=sparse_gradient)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("_proj.weight"):
                weight.normal_(std=_INITIAL_STD, generator=generator)
            elif name.endswith("norm.weight"):
                weight.fill_(1.0)
    return model


def _doubling(least: int, full: int) -> tuple[int, ...]:
    """Return least, twice that, and so on below a full value, and the full value."""
    values = []
    while least < full:
        values.append(least)
        least *= 2
    return (*values, full)
