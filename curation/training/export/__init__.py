"""Exporting trained models to folders that sentence-transformers and transformers load."""

from __future__ import annotations

from importlib import resources


def modeling_source(name: str) -> str:
    """Return the code that goes into the folder of an exported model: the module `name` of this package, as text."""
    return resources.files(__name__).joinpath(f"{name}.py").read_text(encoding="utf-8")
