"""Where a model comes from: the Hub at a pinned revision, or a folder; and which exactly it is."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from glob import glob
from importlib.metadata import version
from pathlib import Path

from curation.errors import ConfigError, CurationError
from curation.mining.teachers.base import Identity

_HUB_SPEC = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)@(?P<revision>[0-9a-f]{40})", re.ASCII)
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_WITHOUT_EFFECT = ("README.md", ".gitattributes")
_LIBRARIES = ("sentence-transformers", "transformers", "torch")
_READ_BYTES = 1 << 20

Stamps = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of one model.

    Attributes:
        place: what the library is asked for: a name on the Hub, or a folder.
        revision: commit on the Hub, 40 hexadecimal digits; None for a folder.
        name: what people know it by: `ORG/MODEL@REVISION`, or a folder's name and digest.
        identity: what tells this model from every other: the pinned name, or a folder's content.
    """

    place: str
    revision: str | None
    name: str
    identity: Identity


def find_model(spec: str, where: str, *, pickled_weights: bool) -> ModelFiles:
    """Return the files that a spec names.

    Args:
        spec: `ORG/MODEL@REVISION`, or the path of a folder.
        where: the option that `spec` stands in, for errors.
        pickled_weights: whether a folder may hold weights that are not safetensors.

    Raises:
        ConfigError: if `spec` is neither, or not pinned.
        CurationError: if a folder asks for code of its own, or holds pickled weights and may not.
    """
    folder = Path(spec)
    if spec and folder.is_dir():
        _check_modules(folder)
        if not pickled_weights:
            _check_weights(folder)
        digest = folder_digest(folder)
        return ModelFiles(spec, None, f"{folder.resolve().name}@{digest}", {"files": digest})
    pinned = _HUB_SPEC.fullmatch(spec)
    if pinned is None:
        raise ConfigError(
            f"no teacher is called {spec!r}",
            where=where,
            why="it is neither `lexical`, nor a folder, nor ORG/MODEL@REVISION with all 40 digits of the revision",
            hint="pin a model of the Hub by its full commit hash, so that the same config gives the same negatives",
        )
    return ModelFiles(pinned["name"], pinned["revision"], spec, dict(pinned.groupdict()))


def file_stamps(spec: str) -> Stamps:
    """Return path, size and time of change of the local files of a spec, sorted: whether they changed, at a glance."""
    place = Path(spec)
    files = place.rglob("*") if spec and place.is_dir() else [place, *map(Path, glob(spec))]  # noqa: PTH207 - of any path, also absolute ones
    kept = {file: file.stat() for file in files if file.is_file()}
    return tuple(sorted((str(file), stat.st_size, stat.st_mtime_ns) for file, stat in kept.items()))


def folder_digest(folder: Path) -> str:
    """Return the digest of all files of a folder, by path and content, as 32 hexadecimal digits.

    Hidden files, the model card and where the folder lies make no difference.
    """
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        place = file.relative_to(folder)
        if place.name not in _WITHOUT_EFFECT and not any(part.startswith(".") for part in place.parts):
            add_file(digest, place.as_posix(), file)
    return digest.hexdigest()


def add_file(digest: hashlib.blake2b, name: str, file: Path) -> None:
    """Feed a file's name, size and content to a digest."""
    digest.update(f"{name}\0{file.stat().st_size}\0".encode())
    with file.open("rb") as stream:
        while chunk := stream.read(_READ_BYTES):
            digest.update(chunk)


def library_versions() -> dict[str, str]:
    """Return the libraries that decide a model's vectors, as `major.minor`: a patch is taken to change none."""
    return {name: ".".join(version(name).split(".")[:2]) for name in _LIBRARIES}


def finite_length(length: float | None) -> int | None:
    """Return a greatest length in tokens; None where there is none."""
    # Tokenizers say so with a number of thirty digits, static embeddings with infinity.
    return None if length is None or length > 1 << 30 else int(length)


def loading_failed(spec: str, where: str, error: Exception) -> CurationError:
    """Return the error for a model that the library does not load."""
    return CurationError(
        f"the teacher {spec!r} cannot be loaded",
        where=where,
        why=f"{type(error).__name__}: {error}",
        hint="check the name, the revision and the network; a local folder needs modules.json; for a model without "
        "safetensors that you trust, set pickled_weights",
    )


def _check_modules(folder: Path) -> None:
    """Refuse a folder whose modules are not the library's own: older versions of it would run them."""
    file = folder / "modules.json"
    try:
        kinds = [str(module["type"]) for module in json.loads(file.read_bytes())] if file.exists() else []
    except (ValueError, KeyError, TypeError) as error:
        raise loading_failed(str(folder), str(file), error) from error
    for kind in kinds:
        if not kind.startswith("sentence_transformers."):
            raise CurationError(
                f"the teacher {str(folder)!r} wants to run code of its own",
                where=str(file),
                why=f"a module is of type {kind!r}, which is not part of sentence-transformers",
                hint="code that comes with a model is never run; embed with it elsewhere and give `vectors:PATH`",
            )


def _check_weights(folder: Path) -> None:
    for file in sorted(path for pattern in _PICKLED for path in folder.rglob(pattern)):
        if not any(file.parent.glob("*.safetensors")):
            raise CurationError(
                f"the teacher {str(folder)!r} has weights that are not safetensors",
                where=str(file),
                why="a pickle can run code when it is read",
                hint="save the model again with a current library; if you trust the file, set pickled_weights: true, "
                "which reads it with torch's restricted unpickler",
            )
