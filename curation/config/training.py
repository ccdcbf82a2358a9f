"""Settings of the bundled 3D-ML trainer."""

from __future__ import annotations

from pydantic import Field, field_validator

from curation.config.base import Section
from language_configs.bounds import Share


class Training(Section):
    """The bundled 3D-ML smoke model."""

    enabled: bool = True
    """Train the smoke model and let the gate use it."""
    steps: int = Field(default=600, ge=1)
    """Optimiser steps."""
    batch_size: int = Field(default=256, ge=2)
    """Pairs a step."""
    learning_rate: float = Field(default=0.003, gt=0.0)
    """Peak learning rate (AdamW, linear warm-up, cosine decay)."""
    warmup: Share = 0.05
    """Share of the steps that the learning rate rises."""
    loss_temperature: float = Field(default=0.1, gt=0.0)
    """Temperature of the softmax over similarities."""
    vocabulary: int = Field(default=8_000, ge=100)
    """Pieces of the SentencePiece tokenizer that is trained on the release."""
    tokenizer_lines: int = Field(default=50_000, ge=100)
    """Texts that the tokenizer is trained on."""
    max_tokens: int = Field(default=96, ge=4)
    """Pieces of a text that the model reads."""
    dims: list[int] = [16, 32, 64, 128]
    """Nested output dimensions (MRL), rising; the last is the width of the model."""
    ranks: list[int] = [16, 32, 64, 128]
    """Nested ranks of the factorised token table (MEL), rising."""
    depth: int = Field(default=2, ge=0, le=16)
    """Residual blocks after pooling; each depth is an exit (MLL)."""
    negatives: int = Field(default=1, ge=0)
    """Mined negatives of each record that join the softmax."""

    @field_validator("dims", "ranks")
    @classmethod
    def _rising(cls, values: list[int]) -> list[int]:
        if not values or values[0] < 1 or sorted(set(values)) != values:
            raise ValueError("must be positive and strictly rising, for example [16, 32, 64, 128]")
        return values
