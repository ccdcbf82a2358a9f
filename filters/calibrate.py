"""Calibration of the filters' bounds from texts that are known to be sound."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from filters.base import Direction, Scores, rejects
from filters.columns import text_column
from filters.registry import FILTERS, SIDE_SCORES
from language_configs import Language
from language_configs.bounds import Bounds, Role

# Texts that are scored at a time.
_SLICE_ROWS = 4_096
_SAMPLES = 3
# A filter that drops more of the texts than this says more about the texts than about its bound.
_MAX_DOUBT = 0.2


@dataclass(frozen=True, slots=True)
class BoundFit:
    """What one filter does to sound texts, and the bound that it would need.

    Attributes:
        name: the bound.
        direction: whether a text passes with at least or at most the bound.
        bound: the bound that holds.
        dropped: share of the texts that it drops.
        fitted: the bound that drops no more than was allowed: the same, or looser; None where so many of the texts are
            dropped that they are hardly sound.
        samples: some of the texts that the bound drops.
    """

    name: str
    direction: Direction
    bound: float
    dropped: float
    fitted: float | None
    samples: tuple[str, ...]


def fit_bounds(texts: pa.Array, language: Language, role: Role, *, max_dropped: float) -> list[BoundFit]:
    """Fit the bounds of the filters of one text.

    A bound is only ever made looser, to the score that a share `max_dropped` of the texts does not reach: sound texts
    can show that a bound is wrong, but not what damage looks like.

    Args:
        texts: sound texts in the language, shape (n,), n >= 1.
        language: their language.
        role: their role.
        max_dropped: greatest share of them that one filter may drop.

    Returns:
        An entry for each filter that has a bound for the language and role.
    """
    bounds, scores = language.bounds(role), _scores(texts, language)
    fits = []
    for each in FILTERS:
        bound = getattr(bounds, each.name)
        if bound is not None and each.score.name in scores:
            fits.append(_fit(texts, scores[each.score.name], each.name, each.direction, float(bound), max_dropped))
    return fits


def _scores(texts: pa.Array, language: Language) -> dict[str, Scores]:
    """Return the scores of the texts by name, shape (n,) each."""
    codes = pa.repeat(pa.scalar(language.code), len(texts))
    parts: dict[str, list[Scores]] = {score.name: [] for score in SIDE_SCORES}
    for start in range(0, len(texts), _SLICE_ROWS):
        rows = slice(start, start + _SLICE_ROWS)
        column = text_column(pa.chunked_array([texts[rows]]), pa.chunked_array([codes[rows]]))
        for score in SIDE_SCORES:
            parts[score.name].append(score(column))
    return {name: np.concatenate(found) for name, found in parts.items()}


def _fit(
    texts: pa.Array, scores: Scores, name: str, direction: Direction, bound: float, max_dropped: float
) -> BoundFit:
    lost = rejects(direction, scores, np.full(len(scores), bound))
    samples = texts.filter(pa.array(lost))[:_SAMPLES].to_pylist()
    dropped, fitted = float(lost.mean()), None
    if dropped <= max(max_dropped, _MAX_DOUBT):
        fitted = bound if dropped <= max_dropped else _looser(scores, name, direction, max_dropped)
    return BoundFit(name, direction, bound, dropped, fitted, tuple(samples))


def _looser(scores: Scores, name: str, direction: Direction, max_dropped: float) -> float:
    """Return the bound that all but a share of the texts keep, written with the digits that a file would have."""
    whole = np.sort(scores[~np.isnan(scores)].astype(np.float64))
    spared, unit = math.floor(max_dropped * len(scores)), 1 if name.endswith("_chars") else 100
    if direction == "at_least":
        return math.floor(float(whole[spared]) * unit) / unit
    return math.ceil(float(whole[len(whole) - 1 - spared]) * unit) / unit


def bounds_of(fits: list[BoundFit]) -> Bounds:
    """Return the bounds that had to be made looser."""
    changed = {fit.name: fit.fitted for fit in fits if fit.fitted not in (None, fit.bound)}
    return Bounds.model_validate(changed)
