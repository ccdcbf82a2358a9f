"""Small courses of both backbones over made-up token sequences."""

from __future__ import annotations

import numpy as np
import torch

from curation.config.training import Training
from curation.training.backbone import Backbone
from curation.training.bag import BagEncoder
from curation.training.decoder.model import random_decoder
from curation.training.decoder.shape import DecoderShape
from curation.training.distributed import Workers
from curation.training.fit import Course
from curation.training.pairs import TrainingPairs
from curation.training.ragged import Ragged

VOCABULARY = 60
SHAPE = DecoderShape(
    vocabulary=VOCABULARY,
    width=16,
    mlp_width=24,
    layers=2,
    query_heads=2,
    key_heads=1,
    head_dim=8,
    norm_eps=1e-6,
    rope_theta=1e6,
    max_positions=64,
    tied=True,
)


def toy_pairs(count: int = 64, *, negatives: int = 1) -> TrainingPairs:
    """Pairs whose positive holds the anchor's tokens and one more; some anchors twice."""
    random = np.random.default_rng(0)
    anchors = [random.integers(1, VOCABULARY, 4).tolist() for _ in range(count)]
    anchors[1] = anchors[0]
    positives = [[*tokens, int(random.integers(1, VOCABULARY))] for tokens in anchors]
    rows = np.arange(count)
    plain = np.arange(2 * count)
    plain[1] = 0
    others = np.stack([np.roll(rows, shift + 3) + count for shift in range(negatives)], axis=1)
    sources = (rows[: count // 2], rows[count // 2 :])
    return TrainingPairs(Ragged.of(anchors + positives), rows, rows + count, others, rows // 2, sources, plain)


def toy_backbone(kind: str, seed: int = 0) -> Backbone:
    generator = torch.Generator().manual_seed(seed)
    if kind == "bag":
        return BagEncoder(vocabulary=VOCABULARY, ranks=(4, 8), dims=(4, 16), depth=2, generator=generator)
    return random_decoder(SHAPE, rank=8, generator=generator)


def toy_course(kind: str, workers: Workers | None = None, **changes: object) -> Course:
    options = Training.model_validate({"steps": 12, "batch_size": 8, "learning_rate": 0.01} | changes)
    return Course(toy_backbone(kind), toy_pairs(), options, seed=3, workers=workers or Workers())
