"""What evaluation knows of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Float32s = npt.NDArray[np.float32]


class Encoder(Protocol):
    """Texts in, one vector an exit out, nested on three axes.

    Attributes:
        depths: number of blocks below each exit (MLL), rising; the last exit is the full model.
        dims: nested output dimensions (MRL), rising; the last is the width.
        ranks: nested ranks of the token table (MEL), rising; the last is the full rank.
    """

    @property
    def depths(self) -> tuple[int, ...]: ...  # noqa: D102

    @property
    def dims(self) -> tuple[int, ...]: ...  # noqa: D102

    @property
    def ranks(self) -> tuple[int, ...]: ...  # noqa: D102

    def exits(self, texts: Sequence[str], *, rank: int) -> Float32s:
        """Return the output of every exit, not normalised: float32 (len(depths), n, width).

        Args:
            texts: n texts.
            rank: of the token table, one of `ranks`.
        """
        ...


def exits_of(model: Encoder, sides: Sequence[Sequence[str]], *, rank: int) -> list[Float32s]:
    """Return the exits of several lists of texts, each distinct text encoded once, as `Encoder.exits` does.

    The English side of a corpus of many languages is the same in all of them.
    """
    numbers = {text: number for number, text in enumerate(dict.fromkeys(text for side in sides for text in side))}
    exits = model.exits(list(numbers), rank=rank)
    return [exits[:, [numbers[text] for text in side]] for side in sides]
