"""What an exported model says of the release that it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from curation.errors import ReleaseError
from curation.export.texts import instruction_prefix
from curation.release import Release, layout

# Prompts that sentence-transformers uses by itself, in `encode_query` and `encode_document`.
_USED_UNASKED = ("query", "document", "passage", "corpus")


@dataclass(frozen=True, slots=True)
class TrainingData:
    """A release, as far as a model made from it has to tell.

    Attributes:
        name: of the release.
        version: of the release.
        digest: SHA-256 of its manifest.
        licence: SPDX expression of the release as a whole; empty where each source has its own.
        languages: codes, sorted.
        prompts: what goes before a query, by source; sources without an instruction have none.
    """

    name: str
    version: str
    digest: str
    licence: str
    languages: tuple[str, ...]
    prompts: Mapping[str, str] = field(default_factory=dict)


def training_data(release: Release) -> TrainingData:
    """Read what a model has to tell from a release's manifest.

    Raises:
        ReleaseError: if the manifest does not state its sources as a release of ours does.
    """
    manifest = release.manifest
    try:
        instructions = {source["name"]: source["instruction"] for source in manifest["config"]["sources"]}
        prompts = {_free(name): instruction_prefix(_text(text)) for name, text in instructions.items() if text}
        name, version = _text(manifest["name"]), _text(manifest["version"])
        licence = _text(manifest.get("licence", {}).get("release") or "")
    except (KeyError, TypeError, AttributeError) as error:
        where = str(release.path / layout.MANIFEST)
        why = f"{type(error).__name__}: {error}"
        raise ReleaseError(
            "The manifest does not say what a model card needs", where, why, f"curate verify {release.path}"
        ) from error
    return TrainingData(name, version, release.digest, licence, tuple(release.languages), prompts)


def _free(name: Any) -> str:
    return f"{name}_source" if _text(name) in _USED_UNASKED else _text(name)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.60} is no text")
    return value
