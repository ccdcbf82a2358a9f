"""Published models: fetched from the Hub once, at a pinned revision, and checked against their digest."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from curation.errors import CurationError
from curation.files import atomic_path

_TIMEOUT_SECONDS = 60
_CHUNK_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A file of a repository on the Hugging Face Hub.

    Attributes:
        repository: `ORG/NAME`.
        revision: commit, 40 hexadecimal digits.
        file: its path there.
        sha256: its digest, hexadecimal.
        size: its bytes.
    """

    repository: str
    revision: str
    file: str
    sha256: str
    size: int

    @property
    def url(self) -> str:
        """Where it lies; `HF_ENDPOINT` names another host."""
        host = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
        return f"{host}/{self.repository}/resolve/{self.revision}/{self.file}"

    @property
    def path(self) -> Path:
        """Where it is kept on this machine: under `CURATION_CACHE`, or else the user's cache folder."""
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = os.environ.get("CURATION_CACHE") or Path(home) / "ml-embed-curation"
        return Path(folder) / "models" / f"{self.sha256[:16]}-{Path(self.file).name}"


PUBLISHED: Mapping[str, PublishedModel] = MappingProxyType(
    {
        # GlotLID v3 (Kargaran et al. 2023, arXiv:2310.16248): 2,102 labels `xxx_Xxxx`.
        "glotlid": PublishedModel(
            repository="cis-lmu/glotlid",
            revision="85cd6716494360367b75f642b5bc78667605d0b4",
            file="model_v3.bin",
            sha256="a818b6bd42a628ab47d3dfc1578c7ea615c45381f3494c42535e31e8c4cafc9e",
            size=1_687_094_687,
        ),
    }
)


def fetch(model: PublishedModel) -> Path:
    """Return the path of a published model, fetched first if it is not on this machine.

    Raises:
        CurationError: if it cannot be fetched, or is not the file that was pinned.
    """
    if not model.path.exists():
        with atomic_path(model.path) as partial:
            digest = _download(model, partial)
            if digest != model.sha256:
                raise CurationError(
                    f"{model.repository} is not the model that was pinned",
                    where=model.url,
                    why=f"its sha256 is {digest}, not {model.sha256}",
                    hint="try again; if it stays so, use another model, and tell the maintainers",
                )
    return model.path


def _download(model: PublishedModel, target: Path) -> str:
    """Write the file to `target` and return its digest."""
    digest = hashlib.sha256()
    request = urllib.request.Request(model.url, headers={"User-Agent": "ml-embed-curation"})  # noqa: S310 - below
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer, target.open("wb") as file:  # noqa: S310
            while chunk := answer.read(_CHUNK_BYTES):
                digest.update(chunk)
                file.write(chunk)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise CurationError(
            f"the model {model.repository} cannot be fetched",
            where=model.url,
            why=f"{type(error).__name__}: {error}",
            hint=f"fetch it on another machine, and put it at {model.path} or give its path as `identify.model`",
        ) from None
    return digest.hexdigest()
