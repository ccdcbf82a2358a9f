"""Tiny random Qwen3 checkpoints, as transformers writes them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import Qwen3Config, Qwen3Model

VOCABULARY, WIDTH, LAYERS = 90, 32, 5


def tiny_config(**changes: object) -> Qwen3Config:
    values: dict[str, object] = {
        "vocab_size": VOCABULARY,
        "hidden_size": WIDTH,
        "intermediate_size": 40,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "head_dim": 8,
        # Weights large enough that every part moves the output.
        "initializer_range": 0.2,
    }
    return Qwen3Config(**{**values, **changes})


@pytest.fixture(scope="session")
def reference() -> Qwen3Model:
    """The model as transformers computes it, with norms that are not all one."""
    torch.manual_seed(3)
    model = Qwen3Model(tiny_config()).eval().requires_grad_(False)
    for name, weight in model.named_parameters():
        if name.endswith("norm.weight"):
            weight.uniform_(0.5, 1.5)
    return model


@pytest.fixture(scope="session")
def folder(reference: Qwen3Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference as a checkpoint folder."""
    path = tmp_path_factory.mktemp("qwen3")
    reference.save_pretrained(path)
    return path
