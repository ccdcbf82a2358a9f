"""Qwen3 with a token table of two factors, of which a leading part is a table of its own (nested rank).

This file goes into the folder of each model that is exported with its factors. Besides the token table everything is
transformers' own Qwen3. It needs `trust_remote_code=True`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import Qwen3Config, Qwen3Model


class FactoredQwen3Config(Qwen3Config):
    """The config of Qwen3, and the ranks of the token table.

    Args:
        table_ranks: ranks that were trained, rising; the last is the number of columns in the weights.
        table_rank: the rank to use, the last by default.
        **kwargs: of `Qwen3Config`.
    """

    model_type = "factored_qwen3"

    def __init__(self, table_ranks: Sequence[int] = (1,), table_rank: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table_ranks = list(table_ranks)
        self.table_rank = self.table_ranks[-1] if table_rank is None else table_rank


class FactoredEmbedding(nn.Module):
    """The token table U V, whose first r columns and rows are used.

    Args:
        size: number of tokens.
        rank: columns of U, rows of V.
        width: dimensions of an embedding.
        used: the r above.
    """

    def __init__(self, size: int, rank: int, width: int, used: int) -> None:
        super().__init__()
        self.u = nn.Parameter(torch.empty(size, rank))
        self.v = nn.Parameter(torch.empty(rank, width))
        self.used = used

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return embeddings, shape (*tokens.shape, width)."""
        return functional.embedding(tokens, self.u)[..., : self.used] @ self.v[: self.used]


class FactoredQwen3Model(Qwen3Model):
    """`Qwen3Model` with a `FactoredEmbedding`."""

    config_class = FactoredQwen3Config

    def __init__(self, config: FactoredQwen3Config) -> None:
        if config.table_rank not in config.table_ranks:
            nested = config.table_ranks
            raise ValueError(f"table_rank must be one of {nested}, which were trained, not {config.table_rank!r}")
        super().__init__(config)
        self.embed_tokens = FactoredEmbedding(  # type: ignore[assignment]
            config.vocab_size, config.table_ranks[-1], config.hidden_size, config.table_rank
        )
