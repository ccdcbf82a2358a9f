"""The one interface of everything that embeds texts for mining."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from curation.mining.search.candidates import Vectors

Role = Literal["query", "passage"]


class Teacher(Protocol):
    """What embeds texts for mining."""

    @property
    def identity(self) -> str:
        """Name and version: two teachers with the same identity give the same vectors."""

    def embed(self, texts: Sequence[str], role: Role) -> Vectors:
        """Return one unit vector for each of n >= 1 texts, float32, shape (n, d)."""
