"""Which part of a nested model is exported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from curation.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Nesting:
    """What a model was trained at on each axis, rising; the last of each is the whole model.

    Attributes:
        depths: numbers of blocks or layers.
        dims: numbers of leading output dimensions.
        ranks: ranks of the token table.
    """

    depths: tuple[int, ...]
    dims: tuple[int, ...]
    ranks: tuple[int, ...]

    @property
    def depth(self) -> int:
        """Of the whole model."""
        return self.depths[-1]

    @property
    def dim(self) -> int:
        """Of the whole model."""
        return self.dims[-1]

    @property
    def rank(self) -> int:
        """Of the whole model."""
        return self.ranks[-1]

    def cut(self, *, depth: int | None = None, dim: int | None = None, rank: int | None = None) -> Nesting:
        """Return what is nested in a part of the model; None stands for all of an axis.

        Raises:
            ConfigError: if a value is none that the model was trained at.
        """
        return Nesting(
            _until("depth", depth, self.depths), _until("dim", dim, self.dims), _until("rank", rank, self.ranks)
        )


def _until(name: str, value: int | None, nested: Sequence[int]) -> tuple[int, ...]:
    if value is not None and value not in nested:
        raise ConfigError(
            "The model was not trained at this size",
            where=name,
            why=f"{value!r} is none of {', '.join(map(str, nested))}",
            hint=f"choose one of these, or leave out {name} for all of it",
        )
    return tuple(one for one in nested if value is None or one <= value)
