"""Thresholds on scores: the config's numbers, or quantiles of the scores themselves.

A cosine of 0.8 means one thing with one teacher and another with the next, and so it does in two languages. A
quantile means the same everywhere.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from curation.config.mining import Mining, Quantile
from curation.mining.pool import Pool, column
from curation.mining.ragged import Rows, groups_of
from curation.mining.rules import INFINITY
from curation.mining.search.candidates import Vectors
from curation.mining.selection import Keys
from curation.mining.spaces import Space
from curation.ngrams import mix

LEAST = 50
"""Scores that a quantile is taken of at least: a source with fewer in a language takes the language's."""


def find_thresholds(
    records: pa.Table, pool: Pool, space: Space, places: Rows, positive_scores: Vectors, options: Mining, keys: Keys
) -> tuple[Vectors, Vectors]:
    """Return what a negative of each record must stay below, and what it must reach.

    Args:
        records: shape (n,).
        pool: their pool.
        space: what scores.
        places: the anchor of each record, shape (n,).
        positive_scores: float32, shape (n,); NaN where the positive is the anchor, whose score says nothing.
        options: the config's `mining` section.
        keys: a random number of each record, uint64, shape (n,): the pairs at random are a function of these.

    Returns:
        Two arrays of float32, shape (n,): infinite where there is no such rule.
    """
    groups = _groups(records)
    scores = {"positive": positive_scores}
    wanted = (options.max_score, options.min_score)
    if any(isinstance(value, Quantile) and value.of == "random" for value in wanted):
        drawn = (mix(keys) % np.uint64(max(len(pool.texts), 1))).astype(np.int64)
        others = np.where(drawn == pool.entries, (drawn + 1) % max(len(pool.texts), 1), drawn)
        scores["random"] = space.scores(places, others)
    highest, lowest = (
        _threshold(value, default, scores, groups) for value, default in zip(wanted, (INFINITY, -INFINITY), strict=True)
    )
    return highest, lowest


def _groups(records: pa.Table) -> list[Rows]:
    """Return the group of each record, from the finest kind of group to the coarsest."""
    codes = [column(records, name).dictionary_encode().indices.to_numpy() for name in ("positive_language", "source")]
    languages, sources = (code.astype(np.int64) for code in codes)
    fine = languages * (int(sources.max(initial=0)) + 1) + sources
    return [fine, languages, np.zeros(len(languages), dtype=np.int64)]


def _threshold(
    value: float | Quantile | None, default: float, scores: dict[str, Vectors], groups: list[Rows]
) -> Vectors:
    count = len(groups[0])
    if not isinstance(value, Quantile):
        return np.full(count, default if value is None else value, dtype=np.float32)
    found = np.full(count, np.nan, dtype=np.float32)
    for level in groups:
        least = 1 if level is groups[-1] else LEAST
        for members in groups_of(level):
            lacking = members[np.isnan(found[members])]
            sound = scores[value.of][members]
            sound = sound[np.isfinite(sound)]
            if len(lacking) and len(sound) >= least:
                found[lacking] = np.quantile(sound, value.quantile)
    found[np.isnan(found)] = default
    return found
