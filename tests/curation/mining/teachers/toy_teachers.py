"""Teachers that need no library: a text's vector is a function of its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from curation.mining.keys import Keys
from curation.mining.ragged import Rows
from curation.mining.search.candidates import Vectors
from curation.mining.teachers.base import Identity, Role, unit_rows


def vector_of(text: str, dimensions: int = 8) -> Vectors:
    """Return the vector that `HashTeacher` gives a text, shape (d,); NaN for texts that hold a replacement sign."""
    if "\ufffd" in text:
        return np.full(dimensions, np.nan, dtype=np.float32)
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
    return unit_rows(np.random.default_rng(seed).standard_normal((1, dimensions)))[0]


class HashTeacher:
    """Embeds by hash, and counts what it was asked for."""

    def __init__(self, version: str = "1", dimensions: int = 8, *, stop_after: int | None = None) -> None:
        self._version = version
        self._dimensions = dimensions
        self._stop_after = stop_after
        self.calls: list[list[str]] = []

    @property
    def name(self) -> str:
        return f"hash@{self._version}"

    @property
    def dimensions(self) -> int:
        return self._dimensions

    @property
    def asked(self) -> list[str]:
        return [text for call in self.calls for text in call]

    def identity(self, role: Role) -> Identity:
        return {"version": self._version}

    def order(self, keys: Keys, role: Role) -> Rows:
        return np.arange(len(keys), dtype=np.int64)

    def embed(self, texts: Sequence[str], role: Role) -> Vectors:
        if len(self.calls) == self._stop_after:
            raise KeyboardInterrupt
        self.calls.append(list(texts))
        return np.array([vector_of(text, self._dimensions) for text in texts]).reshape(-1, self._dimensions)
