"""Configs to begin with: commented, valid, one for each of the common tasks."""

from __future__ import annotations

from importlib import resources

KINDS = {
    "bitext": "sentences with their translations",
    "retrieval": "titles or questions with the documents that answer them",
    "negatives": "pairs that are there already, which are to get hard negatives",
}


def template(kind: str) -> str:
    """Return the text of a config, YAML with comments; `kind` is one of `KINDS`."""
    return resources.files("curation.templates").joinpath(f"{kind}.yml").read_text(encoding="utf-8")
