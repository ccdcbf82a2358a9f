"""The files by which sentence-transformers puts a model together from modules (5.1 and later)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from curation.files import write_json
from curation.training.export.folder import write_weights

# The names before 6.0, which later versions go on reading.
_OWN = "sentence_transformers.models."


def write_modules(folder: Path, first: str, rest: Sequence[str], prompts: Mapping[str, str]) -> None:
    """Write modules.json and config_sentence_transformers.json.

    Args:
        folder: of the model.
        first: type of the module whose files lie in the folder itself.
        rest: names of further modules of sentence-transformers, in order; each has a folder of its own.
        prompts: what can be put before a text, by name; none is by default.
    """
    modules = [{"idx": 0, "name": "0", "path": "", "type": first}]
    for index, name in enumerate(rest, start=1):
        modules.append({"idx": index, "name": str(index), "path": module_path(index, name), "type": _OWN + name})
        (folder / module_path(index, name)).mkdir(exist_ok=True)
    write_json(folder / "modules.json", modules)
    settings = {
        "model_type": "SentenceTransformer",
        "prompts": {"query": "", "document": "", **prompts},
        "default_prompt_name": None,
        "similarity_fn_name": "cosine",
    }
    write_json(folder / "config_sentence_transformers.json", settings)


def module_path(index: int, name: str) -> str:
    """Return the folder of a module."""
    return f"{index}_{name}"


def write_last_token_pooling(folder: Path, width: int) -> None:
    """Write the settings of a `Pooling` module that takes the last token's state, shape (n, width)."""
    settings: dict[str, Any] = {
        "word_embedding_dimension": width,
        "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": False,
        "pooling_mode_lasttoken": True,
        "include_prompt": True,
    }
    write_json(folder / "config.json", settings)


def write_cut(folder: Path, width: int, dim: int) -> None:
    """Write a `Dense` module that keeps the first `dim` of `width` dimensions as they are."""
    settings = {
        "in_features": width,
        "out_features": dim,
        "bias": False,
        "activation_function": "torch.nn.modules.linear.Identity",
    }
    write_json(folder / "config.json", settings)
    write_weights(folder, {"linear.weight": torch.eye(dim, width)})
