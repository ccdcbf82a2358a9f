"""Where each token of a packed batch stands: worked out once a batch, used by every layer."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Packing:
    """The places of n sequences that stand one after the other.

    Attributes:
        lengths: int64 (n,).
        longest: the greatest of them.
        positions: int64 (total,), place of each token in its sequence.
        padded: int64 (total,), place of each token in a flat (n * longest,) padded batch.
        last: int64 (n,), packed place of each sequence's last token.
        boundaries: int32 (n + 1,), packed place of each sequence's first token, then the total.
    """

    lengths: torch.Tensor
    longest: int
    positions: torch.Tensor
    padded: torch.Tensor
    last: torch.Tensor
    boundaries: torch.Tensor

    @classmethod
    def of(cls, lengths: torch.Tensor) -> Packing:
        """Work out the places for sequences of these lengths, int64 (n,), none of them zero."""
        longest = int(lengths.max())
        ends = lengths.cumsum(0)
        owners = torch.repeat_interleave(torch.arange(len(lengths), device=lengths.device), lengths)
        positions = torch.arange(len(owners), device=lengths.device) - (ends - lengths)[owners]
        boundaries = torch.cat([ends.new_zeros(1), ends]).to(torch.int32)
        return cls(lengths, longest, positions, owners * longest + positions, ends - 1, boundaries)

    def pad(self, x: torch.Tensor) -> torch.Tensor:
        """Lay packed heads (total, heads, head_dim) out as (n, heads, longest, head_dim), zeros on the right."""
        flat = x.new_zeros(len(self.lengths) * self.longest, *x.shape[1:])
        flat = flat.index_copy(0, self.padded, x)
        return flat.view(len(self.lengths), self.longest, *x.shape[1:]).transpose(1, 2)

    def unpad(self, x: torch.Tensor) -> torch.Tensor:
        """Undo `pad`."""
        return x.transpose(1, 2).flatten(0, 1)[self.padded]

    def real(self) -> torch.Tensor:
        """Return which places of a padded batch hold a token, bool (n, longest)."""
        return torch.arange(self.longest, device=self.lengths.device) < self.lengths[:, None]
