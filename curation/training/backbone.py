"""What every backbone is to those who train, evaluate and export it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch


class Backbone(Protocol):
    """Texts in, one vector an exit out, nested on three axes.

    Attributes:
        depths: number of blocks below each exit (MLL), rising; the last exit is the full model.
        ranks: nested ranks of the token table (MEL), rising; the last is the full rank.
        dims: nested output dimensions (MRL), rising; the last is the width.
    """

    @property
    def depths(self) -> tuple[int, ...]: ...  # noqa: D102

    @property
    def ranks(self) -> tuple[int, ...]: ...  # noqa: D102

    @property
    def dims(self) -> tuple[int, ...]: ...  # noqa: D102

    def __call__(self, tokens: torch.Tensor, lengths: torch.Tensor, *, rank: int, exits: int) -> torch.Tensor:
        """Return the first `exits` exits, float32 (exits, n, width), not normalised.

        Args:
            tokens: int64 (total,), the n sequences one after the other.
            lengths: int64 (n,), none of them zero.
            rank: of the token table, at most the full one.
            exits: number of exits, at least one.
        """
        ...


@runtime_checkable
class Alignable(Backbone, Protocol):
    """A backbone whose blocks start as the identity, so that it can be trained at its first exit, then grow."""

    def align(self, tokens: torch.Tensor, lengths: torch.Tensor) -> None:
        """Turn the model to the principal axes of its outputs for these texts, without changing its scores."""
        ...
