"""The factorised token table U V of nested rank (MEL), for every backbone.

The paper's code multiplies the whole table at each step and then takes the rows of the batch,
`(U[:, :r] @ V[:r])[tokens]`. Here the rows of U are taken first, each once however often its token occurs, so that the
product has as many rows as the batch has distinct tokens. `benchmarks/token_table.py` holds the figures.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from curation.errors import CurationError

_BLOCK_ROWS = 8_192


class TokenTableError(CurationError):
    """A token table cannot have this rank."""


class TokenTable(nn.Module):
    """A token table U V; its first r columns and rows are a table of their own for every r.

    Args:
        u: (tokens, rank).
        v: (rank, width).
        sparse_gradient: give `u.grad` as a sparse COO tensor that holds the rows of the batch only. A dense gradient
            is zero-filled over all tokens (311 MB for Qwen3 at rank 512), and a dense optimiser then reads and writes
            its two moments and the weights of every row at every step, ten times that traffic, and goes on moving rows
            that are not in the batch (decay and momentum). `torch.optim.SparseAdam` takes the sparse one;
            `torch.optim.AdamW` and NCCL's all-reduce refuse it.
    """

    def __init__(self, u: torch.Tensor, v: torch.Tensor, *, sparse_gradient: bool = False) -> None:
        super().__init__()
        self.u = nn.Parameter(u)
        self.v = nn.Parameter(v)
        self.sparse_gradient = sparse_gradient

    @property
    def rank(self) -> int:
        """The full rank."""
        return self.v.shape[0]

    def rows(self, tokens: torch.Tensor, rank: int) -> torch.Tensor:
        """Return the embeddings of tokens at a rank, shape (total, width).

        Args:
            tokens: int64 (total,).
            rank: leading columns of U and rows of V to use.
        """
        distinct, places = torch.unique(tokens, return_inverse=True)
        factors = functional.embedding(distinct, self.u, sparse=self.sparse_gradient)
        # Not by indexing: the gradient of `embedding` adds up rows several times as fast on a processor.
        return functional.embedding(places, factors[:, :rank] @ self.v[:rank])

    @torch.no_grad()
    def merged(self, rank: int | None = None) -> torch.Tensor:
        """Return the dense table at a rank (None: the full one), float32 (tokens, width)."""
        rank = self.rank if rank is None else rank
        return self.u[:, :rank].float() @ self.v[:rank].float()


@dataclass(frozen=True, slots=True)
class Factors:
    """The best approximation of a table at a rank, by its singular value decomposition.

    Attributes:
        u: float32 (tokens, rank), left singular vectors times the roots of the singular values.
        v: float32 (rank, width), right singular vectors times the same roots.
        energy: share of the sum of squares of the table that is kept.
    """

    u: torch.Tensor
    v: torch.Tensor
    energy: float


@torch.no_grad()
def factorise(table: torch.Tensor, rank: int) -> Factors:
    """Factorise a dense table by a truncated singular value decomposition with balanced factors.

    The right singular vectors are the eigenvectors of the Gram matrix of the columns (width x width), summed in
    float64 block by block; U is the table times these. The largest element of each right vector is positive, which
    makes signs definite. Both factors hold the root of the singular values, so that one learning rate and one weight
    decay suit both (with all of them in U, as in the paper's code, they do not). Columns without any energy are zero
    in both factors.

    Args:
        table: (tokens, width), any floating type; tokens may be many times the width.
        rank: number of components to keep.

    Raises:
        TokenTableError: if there are not so many components, or the table is not finite.
    """
    if not 1 <= rank <= min(table.shape):
        why = f"rank {rank}, but a table of {table.shape[0]:,} x {table.shape[1]:,} has 1 to {min(table.shape):,}"
        raise TokenTableError("The token table cannot be factorised", "rank", why, "choose a smaller rank")
    gram = torch.zeros(table.shape[1], table.shape[1], dtype=torch.float64, device=table.device)
    for block in torch.split(table, _BLOCK_ROWS):
        gram += block.double().T @ block.double()
    if not bool(gram.isfinite().all()):
        raise TokenTableError("The token table cannot be factorised", "table", "it holds values that are not finite")
    values, vectors = torch.linalg.eigh(gram)
    values, right = values.flip(0).clamp(min=0)[:rank], vectors.flip(1)[:, :rank]
    right = right * _signs(right)
    # Below the rounding of the Gram matrix there is only noise, which must not be divided by.
    floor = values[0] * torch.finfo(torch.float64).eps * table.shape[1]
    roots = torch.where(values > floor, values, 0.0) ** 0.25
    inverse = torch.where(roots > 0, 1 / roots, 0.0)
    u = torch.cat([(block.double() @ (right * inverse)).float() for block in torch.split(table, _BLOCK_ROWS)])
    total = float(gram.diagonal().sum())
    energy = min(1.0, float(values.sum()) / total) if total > 0 else 1.0
    return Factors(u, (right * roots).T.float().contiguous(), energy)


def _signs(vectors: torch.Tensor) -> torch.Tensor:
    """Return the sign of the largest element of each column, shape (1, columns)."""
    peaks = vectors.gather(0, vectors.abs().argmax(dim=0, keepdim=True))
    return torch.where(peaks < 0, -1.0, 1.0).to(vectors.dtype)


def random_factors(
    tokens: int, rank: int, width: int, *, std: float, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw balanced factors whose product has elements of a standard deviation.

    Args:
        tokens: rows of U.
        rank: columns of U, rows of V.
        width: columns of V.
        std: of the elements of U V.
        generator: source of the values; its device is that of the factors.
    """
    # std(U V) = std(U) std(V) sqrt(rank)
    each = (std / rank**0.5) ** 0.5
    shapes = ((tokens, rank), (rank, width))
    u, v = (torch.randn(shape, generator=generator, device=generator.device) * each for shape in shapes)
    return u, v
