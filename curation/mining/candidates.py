"""The candidates of a search: neighbours of one anchor or of two, by vectors, by words or by both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curation.config.mining import LEXICAL
from curation.mining.anchors import Anchors
from curation.mining.assemble import Origin
from curation.mining.pool import Pool
from curation.mining.ragged import Rows
from curation.mining.scopes import Search
from curation.mining.search.candidates import Candidates, Vectors, best_first, empty_candidates, fill_candidates
from curation.mining.spaces import Space


@dataclass(frozen=True, slots=True)
class Found:
    """Candidates of q records, and how near they are.

    Attributes:
        candidates: entries and scores, shape (q, k), nearest first; the score is the greatest of the sides'.
        scores: the scores with the anchors of each side, float32, shape (q, k) each; -inf where there is no candidate.
        origins: values of `Origin`, int8, shape (q, k).
        nearest: the scores of the first side's own k nearest, float32, shape (q, k): what ranks are counted in.
    """

    candidates: Candidates
    scores: tuple[Vectors, ...]
    origins: npt.NDArray[np.int8]
    nearest: Vectors


def find_candidates(space: Space, pool: Pool, anchors: Anchors, search: Search, k: int) -> Found:
    """Return the candidates of a search, at most k of each record, without the entries that it must never get.

    Entries that the teacher has no vector for are left out beforehand: NaN is neither above nor below any score.
    """
    entries = search.entries[space.is_sound(search.entries)]
    excluded = pool.excluded.within(search.records, entries)
    k = min(k, max(len(entries), 1))
    places = [side[search.records] for side in anchors.sides]
    near = [space.nearest(of_side, entries, k, excluded) for of_side in places]
    origin = Origin.LEXICAL if space.teacher == LEXICAL else Origin.DENSE
    if len(near) == 1:
        return Found(near[0], (near[0].scores,), _origins(near[0], origin), near[0].scores)
    return _join_sides(space, places, near, k, origin)


def _join_sides(space: Space, places: list[Rows], near: list[Candidates], k: int, origin: Origin) -> Found:
    """Return the nearest of what was found from any side, by the greatest score."""
    queries, entries = _union(near)
    scores = [space.scores(of_side[queries], entries) for of_side in places]
    greatest = np.maximum.reduce(scores)
    best = best_first(queries, entries, greatest, k)
    joined = empty_candidates(len(places[0]), k)
    fill_candidates(joined, queries[best], entries[best], greatest[best])
    sides = []
    for of_side in scores:
        matrix = empty_candidates(len(places[0]), k)
        fill_candidates(matrix, queries[best], entries[best], of_side[best])
        sides.append(matrix.scores)
    return Found(joined, tuple(sides), _origins(joined, origin), near[0].scores)


def _union(found: list[Candidates]) -> tuple[Rows, Rows]:
    """Return the distinct pairs of query and entry of several searches, by query, then entry."""
    pairs = [np.stack([np.nonzero(part.rows >= 0)[0], part.rows[part.rows >= 0]]) for part in found]
    queries, entries = np.unique(np.concatenate(pairs, axis=1), axis=1)
    return queries, entries


def _origins(candidates: Candidates, origin: Origin) -> npt.NDArray[np.int8]:
    return np.full(candidates.rows.shape, origin, dtype=np.int8)
