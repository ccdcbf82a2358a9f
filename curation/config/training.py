"""Settings of the bundled 3D-ML trainer."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from curation.config.base import Section
from language_configs.bounds import Share

Nesting = Literal["dimension", "depth", "rank"]


class Training(Section):
    """The bundled 3D-ML smoke model."""

    enabled: bool = True
    """Train the smoke model and let the gate use it."""
    steps: int = Field(default=300, ge=1)
    """Optimiser steps. On Django's catalogues 300 reach 0.61 held-out accuracy, 600 reach 0.64."""
    batch_size: int = Field(default=256, ge=2)
    """Pairs a step, in each process."""
    learning_rate: float = Field(default=0.02, gt=0.0)
    """Peak learning rate (AdamW, linear warm-up, cosine decay); half of it suits thousands of steps."""
    block_learning_rate: float = Field(default=0.1, gt=0.0)
    """Factor of the learning rate for the residual blocks: at that of the token table they slow it down."""
    warmup: Share = 0.05
    """Share of the steps that the learning rate rises."""
    loss_temperature: float = Field(default=0.1, ge=0.015)
    """Temperature of the softmax over similarities; float32 has no room for exponentials below 0.015."""
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
    nested: list[Nesting] = ["dimension", "depth", "rank"]
    """What the loss is nested over; without any, only the full model is trained."""
    nested_from: Share = 0.7
    """Share of the steps that train the full model's first exit alone, before the nested loss begins."""
    full_share: Share = 0.5
    """Share of the loss that only the full dimension gets; the rest goes to all, by their square roots."""
    align: bool = True
    """Turn the model to the principal axes of its outputs before nesting begins."""
    negatives: int = Field(default=0, ge=0)
    """Mined negatives of each record that join the softmax. To the smoke model they are worth less than the time that
    they take (Django's catalogues, 300 steps: 0.605 with one in 8.2 s, 0.601 without in 5.1 s)."""
    distillation: float = Field(default=0.0, ge=0.0)
    """Weight of the divergence from the teacher's scores of positive and mined negatives, where a release has them."""
    instructions: bool = False
    """Put each source's instruction before its anchors."""

    @field_validator("dims", "ranks")
    @classmethod
    def _rising(cls, values: list[int]) -> list[int]:
        if not values or values[0] < 1 or sorted(set(values)) != values:
            raise ValueError("must be positive and strictly rising, for example [16, 32, 64, 128]")
        return values
