"""What an earlier release's verdict says, where it can be compared at all."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from curation.files import to_json
from curation.hashing import hash64

if TYPE_CHECKING:
    from curation.config.training import Training
    from curation.training.evaluation import PairSet

# Hashes of held-out ids that a verdict keeps: their overlap is known to within a few per cent.
_SKETCH = 256
# Two releases whose held-out pairs overlap less measure different things.
MIN_OVERLAP = 0.5


@dataclass(frozen=True, slots=True)
class Before:
    """The baseline.

    Attributes:
        metrics: of its verdict.
        why: why its figures cannot be compared with, empty where they can.
    """

    metrics: Mapping[str, Any]
    why: str


def settings(training: Training, sets: Sequence[PairSet], *, seeds: int) -> dict[str, Any]:
    """Return what figures depend on besides the training data, as JSON values for the verdict.

    Args:
        training: settings of the model; their digest is kept.
        sets: held-out pairs; the lowest hashes of their ids are kept.
        seeds: number of models.
    """
    lowest = sorted({int(value) for pairs in sets for value in hash64(pairs.ids)})[:_SKETCH]
    digest = hashlib.sha256(to_json(training.model_dump()).encode()).hexdigest()
    return {"training_sha256": digest, "seeds": seeds, "held_out_ids": [f"{value:016x}" for value in lowest]}


def comparable(verdict: Mapping[str, Any], mine: Mapping[str, Any]) -> Before:
    """Say whether the figures of an earlier verdict can be compared with.

    Args:
        verdict: of the baseline, empty where its gate has not run.
        mine: `settings` of this release, as its own verdict has them.
    """
    metrics = verdict.get("metrics")
    if not isinstance(metrics, Mapping) or not metrics:
        return Before({}, "the baseline has no verdict with figures")
    theirs = metrics.get("settings")
    if not isinstance(theirs, Mapping):
        return Before(metrics, "the baseline's verdict does not say how its figures were made; gate it again")
    if theirs.get("training_sha256") != mine.get("training_sha256"):
        return Before(metrics, "the baseline's model was trained with other settings; gate it again with these")
    shared = overlap(mine.get("held_out_ids"), theirs.get("held_out_ids"))
    if shared < MIN_OVERLAP:
        return Before(metrics, f"only {shared:.0%} of the held-out pairs are those of the baseline")
    return Before(metrics, "")


def overlap(mine: object, theirs: object) -> float:
    """Return the estimated Jaccard similarity of two sets of which the lowest hashes are known; 1 if both are empty.

    Of the lowest hashes of the union, the share that is in both (Broder 1997, bottom-k sketches).
    """
    one, other = _texts(mine), _texts(theirs)
    union = sorted(one | other)[:_SKETCH]
    return sum(value in one and value in other for value in union) / len(union) if union else 1.0


def _texts(value: object) -> set[str]:
    return {item for item in value if isinstance(item, str)} if isinstance(value, list) else set()


def figure(metrics: Mapping[str, Any], *keys: str) -> float | None:
    """Return the finite number at a path of keys, None if there is none."""
    value: Any = metrics
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else None
