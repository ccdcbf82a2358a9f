"""Dense teachers: models that turn texts into unit vectors."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from curation.errors import ConfigError, CurationError
from curation.mining.dense import unit_vectors
from curation.mining.search.candidates import Vectors
from curation.mining.teachers.base import Role, Teacher

_HUB_SPEC = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)@(?P<revision>[0-9a-f]{40})")
_BATCH_TEXTS = 64
_READ_BYTES = 1 << 20


class SentenceTransformerTeacher:
    """A sentence-transformers model, from the Hub at a pinned revision or from a local folder.

    Code that a model brings along is never run.

    Args:
        spec: `ORG/MODEL@REVISION` with a revision of 40 hexadecimal digits, or the path of a folder.

    Raises:
        ConfigError: if `spec` is neither.
        CurationError: if the package is not installed, or the model cannot be loaded.
    """

    def __init__(self, spec: str) -> None:
        folder = Path(spec)
        if spec and folder.is_dir():
            self._model = _load(spec, None)
            self._identity = f"{folder.name}@{_digest(folder)}"
            return
        pinned = _HUB_SPEC.fullmatch(spec)
        if pinned is None:
            raise ConfigError(
                f"no teacher is called {spec!r}",
                where="mining.teacher",
                why="it is neither `lexical`, nor a folder, nor ORG/MODEL@REVISION with all 40 digits of the revision",
                hint="pin a model of the Hub by its full commit hash, so that the same config gives the same negatives",
            )
        self._model = _load(pinned["name"], pinned["revision"])
        self._identity = spec

    @property
    def identity(self) -> str:
        """`ORG/MODEL@REVISION`, or the folder's name and the hash of its files."""
        return self._identity

    def embed(self, texts: Sequence[str], role: Role) -> Vectors:
        """Return one unit vector for each of n >= 1 texts, float32, shape (n, d), with the model's prompt for `role`.

        Raises:
            CurationError: if the model gives a text a vector without direction (zero, NaN or infinite).
        """
        encode = self._model.encode_query if role == "query" else self._model.encode_document
        vectors = encode(
            list(texts),
            batch_size=_BATCH_TEXTS,
            show_progress_bar=False,
            convert_to_numpy=True,
            normalize_embeddings=True,
        )
        return unit_vectors(vectors, f"embeddings of {role} texts by {self.identity}")


@lru_cache(maxsize=1)
def load_teacher(spec: str) -> Teacher:
    """Return the dense teacher of a config's `mining.teacher`; the last one stays loaded for the next pool.

    Raises:
        ConfigError: if `spec` names no model.
        CurationError: if the model cannot be loaded.
    """
    return SentenceTransformerTeacher(spec)


def _load(name: str, revision: str | None) -> Any:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise CurationError(
            f"the teacher {name!r} needs sentence-transformers",
            where="mining.teacher",
            why=str(error),
            hint="pip install 'ml-embed-curation[hub-teacher]', or set mining.teacher to `lexical`",
        ) from error
    try:
        return SentenceTransformer(
            name, revision=revision, local_files_only=revision is None, trust_remote_code=False
        ).eval()
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, AttributeError) as error:
        raise CurationError(
            f"the teacher {name!r} cannot be loaded",
            where="mining.teacher",
            why=f"{type(error).__name__}: {error}",
            hint="check the name, the revision and the network; a local folder needs modules.json",
        ) from error


def _digest(folder: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(folder).as_posix()}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as stream:
            while chunk := stream.read(_READ_BYTES):
                digest.update(chunk)
    return digest.hexdigest()
