"""Teachers that embed: any sentence-transformers model, by a pinned revision or from a folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from curation.errors import ConfigError
from curation.mining.search import Vectors

Role = Literal["query", "passage"]

_PINNED = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)@(?P<revision>[0-9a-f]{40})")
_BATCH = 64


class Teacher(Protocol):
    """Something that embeds texts for the scoring of hard negatives.

    Attributes:
        identity: names the model and its revision.
    """

    identity: str

    def embed(self, texts: Sequence[str], role: Role) -> Vectors:
        """Return unit vectors, float32, shape (n, d)."""


class SentenceTransformerTeacher:
    """A sentence-transformers model.

    Args:
        spec: `ORG/MODEL@REVISION` with a commit of 40 hexadecimal digits, or a local folder.
    """

    def __init__(self, spec: str) -> None:
        self.identity = spec
        self._model = _load(spec)

    def embed(self, texts: Sequence[str], role: Role) -> Vectors:
        """Return unit vectors, float32, shape (n, d), by the model's own prompt for the role."""
        encode = self._model.encode_query if role == "query" else self._model.encode_document
        vectors = encode(list(texts), batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False)
        return np.ascontiguousarray(vectors, dtype=np.float32)


@cache
def load_teacher(spec: str) -> Teacher:
    """Return the teacher that a config names, loaded once a process.

    Raises:
        ConfigError: if it is neither a folder nor a pinned name, or sentence-transformers is not installed.
    """
    return SentenceTransformerTeacher(spec)


def _load(spec: str) -> Any:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        hint = "pip install 'ml-embed-curation[hub-teacher]', or set mining.teacher to lexical"
        raise ConfigError("The teacher needs sentence-transformers", why=str(error), hint=hint) from error
    pinned = _PINNED.fullmatch(spec)
    if pinned:
        return SentenceTransformer(pinned["name"], revision=pinned["revision"])
    if not Path(spec).is_dir():
        raise ConfigError(
            "The teacher cannot be found",
            where="mining.teacher",
            why=f"{spec!r} is neither a folder nor of the form ORG/MODEL@REVISION with a commit of 40 digits",
            hint="name the commit: a branch or tag may move, and the negatives with it",
        )
    return SentenceTransformer(str(Path(spec)), local_files_only=True)
