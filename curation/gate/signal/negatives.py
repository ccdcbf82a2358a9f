"""Are mined negatives right answers in truth? A model that has learnt what pairs mean tells by their similarity.

Retrieval does not show it: 30 % of negatives that nearly were positives moved no held-out score beyond the spread of
seeds. What shows it is the similarity of the negatives themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curation.config.gate import Gate
from curation.gate.baseline import Before, figure
from curation.gate.verdict import Check, compare, skipped
from curation.hashing import priority
from curation.release import Release
from curation.training import TrainedModel
from curation.training.smoke import unit

# A negative that is as similar to the positive says the same.
MAX_SIMILARITY = 0.95
# Pairs whose negatives are looked at: a share of 1 % is known to within 0.2 points.
_SAMPLE_ROWS = 1_500


@dataclass(frozen=True, slots=True)
class NegativeFit:
    """How near mined negatives are.

    Attributes:
        near: share that is more similar to the positive than `MAX_SIMILARITY`.
        preferred: share that is at least as similar to the anchor as the positive is.
        negatives: number of negatives looked at.
    """

    near: float
    preferred: float
    negatives: int


def fit_of_negatives(release: Release, model: TrainedModel, *, seed: int) -> NegativeFit | None:
    """Compare all mined negatives of a sample of training pairs with their positives; None without negatives."""
    first = pq.read_schema(release.path / release.shards("full", split="train")[0].path)
    names = [name for name in first.names if re.fullmatch(r"negative_\d+", name)]
    if not names:
        return None
    ids = release.read("full", split="train", columns=["id"])["id"].to_pylist()
    rows = np.sort(np.argsort(priority(ids, "negatives", seed), kind="stable")[:_SAMPLE_ROWS])
    table = release.read("full", split="train", columns=["anchor", "positive", *names]).take(pa.array(rows))
    texts = [text for name in ("anchor", "positive", *names) for text in table[name].to_pylist()]
    vectors = unit(model.exits(texts, rank=model.options.ranks[-1])[-1]).reshape(2 + len(names), len(rows), -1)
    anchors, positives, negatives = vectors[0], vectors[1], vectors[2:]
    to_positive = (negatives * positives).sum(axis=-1)
    to_anchor = (negatives * anchors).sum(axis=-1)
    own = (anchors * positives).sum(axis=-1)
    # What is no number counts as near: it must not look like a good negative.
    near = float((~(to_positive <= MAX_SIMILARITY)).mean())
    return NegativeFit(near, float((~(to_anchor < own)).mean()), int(to_positive.size))


def negative_figures(fit: NegativeFit | None) -> dict[str, Any]:
    """Return the shares as JSON values, none without negatives."""
    if fit is None:
        return {}
    return {"near": fit.near, "preferred": fit.preferred, "negatives": fit.negatives}


def negative_checks(figures: Mapping[str, Any], options: Gate, before: Before | None) -> list[Check]:
    """Check how many mined negatives say the same as their positive, and how many more than in the baseline."""
    name, metric = "signal.false_negatives", f"share of negatives with a similarity above {MAX_SIMILARITY}"
    if not figures:
        return [skipped(name, "signal", "the release has no negatives")]
    detail = f"{figures['preferred']:.1%} of {figures['negatives']:,} negatives are preferred to the positive"
    share, bound = figures["near"], options.max_near_negative_share
    checks = [compare(name, "signal", metric, share, "<=", bound, detail=detail)]
    return checks + ([] if before is None else [_rise(name + ".rise", share, options, before)])


def _rise(name: str, share: float, options: Gate, before: Before) -> Check:
    earlier = figure(before.metrics, "negatives", "near")
    if before.why or earlier is None:
        return skipped(name, "signal", before.why or "the baseline's verdict has no share of near negatives")
    metric = "rise of the share of near negatives against the baseline"
    bound = options.max_near_negative_rise
    return compare(name, "signal", metric, share - earlier, "<=", bound)
