"""Token sequences of unequal length, without padding."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch


@dataclass(frozen=True, slots=True)
class Ragged:
    """Many token sequences in one flat array.

    Attributes:
        tokens: int32 (total,).
        offsets: int64 (n + 1,); sequence i is `tokens[offsets[i]:offsets[i + 1]]`.
    """

    tokens: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @classmethod
    def of(cls, sequences: Sequence[Sequence[int]]) -> Ragged:
        """Flatten a list of token sequences."""
        lengths = np.fromiter((len(sequence) for sequence in sequences), dtype=np.int64, count=len(sequences))
        flat = np.fromiter(itertools.chain.from_iterable(sequences), dtype=np.int32, count=int(lengths.sum()))
        return cls(flat, np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]))

    def take(self, rows: npt.NDArray[np.int64]) -> Ragged:
        """Return the sequences at `rows`, in that order."""
        lengths = np.diff(self.offsets)[rows]
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        positions = np.arange(offsets[-1]) + np.repeat(self.offsets[rows] - offsets[:-1], lengths)
        return Ragged(self.tokens[positions], offsets)

    def tensors(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return tokens and lengths as int64 tensors, shapes (total,) and (n,)."""
        return torch.from_numpy(self.tokens.astype(np.int64)), torch.from_numpy(np.diff(self.offsets))
