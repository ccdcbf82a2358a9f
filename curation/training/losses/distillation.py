"""Learning how much better the positive is than the negatives from the teacher that mined them."""

from __future__ import annotations

import torch
from torch.nn import functional


def distillation_loss(
    queries: torch.Tensor, candidates: torch.Tensor, teacher: torch.Tensor, *, temperature: float
) -> torch.Tensor:
    """Return the mean divergence KL(teacher || student) over each query's own positive and mined negatives.

    Both sides are softmaxes of cosines at the same temperature (Hinton et al. 2015). Without negatives it is zero.

    Args:
        queries: (b, width).
        candidates: (b + b k, width), first the positives, then each query's negatives.
        teacher: float32 (b, 1 + k), the teacher's scores of the positive and the negatives.
        temperature: of both softmaxes.
    """
    size, own = len(queries), teacher.shape[1]
    if own < 2:
        return queries.sum() * 0.0
    negatives = candidates[size:].reshape(size, own - 1, -1)
    mine = torch.cat([candidates[:size, None], negatives], dim=1)
    scores = functional.cosine_similarity(queries[:, None], mine, dim=2) / temperature
    target = (teacher.to(scores.device) / temperature).log_softmax(1)
    return functional.kl_div(scores.log_softmax(1), target, log_target=True, reduction="batchmean")
