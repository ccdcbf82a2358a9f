"""Rotary embeddings are those of transformers, and turn by differences of positions."""

from __future__ import annotations

import torch
from transformers.models.qwen3.modeling_qwen3 import Qwen3RotaryEmbedding, apply_rotary_pos_emb

from curation.training.decoder.rope import rotate, rotations
from tests.curation.training.decoder.conftest import tiny_config


def test_rotations_are_those_of_transformers() -> None:
    config = tiny_config()
    theta = config.rope_parameters["rope_theta"]
    x = torch.randn(12, 6, 8, generator=torch.Generator().manual_seed(0))
    cosine, sine = rotations(12, 8, theta, x.device)
    theirs = Qwen3RotaryEmbedding(config)(x, torch.arange(12)[None])
    expected, _ = apply_rotary_pos_emb(x.transpose(0, 1)[None], x.transpose(0, 1)[None], *theirs)
    torch.testing.assert_close(rotate(x, cosine, sine), expected[0].transpose(0, 1), atol=1e-6, rtol=1e-5)


def test_products_depend_on_distances_only() -> None:
    query, key = torch.randn(2, 1, 1, 8, generator=torch.Generator().manual_seed(1))
    cosine, sine = rotations(50, 8, 1e6, query.device)

    def product(first: int, second: int) -> torch.Tensor:
        return (rotate(query, cosine[[first]], sine[[first]]) * rotate(key, cosine[[second]], sine[[second]])).sum()

    torch.testing.assert_close(product(7, 3), product(44, 40), atol=1e-5, rtol=1e-4)
    assert not torch.isclose(product(7, 3), product(7, 4))
