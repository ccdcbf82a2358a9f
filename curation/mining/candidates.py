"""The candidates of a search: neighbours of one anchor or of two, by vectors, by words or by both."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from curation.config.mining import Mining
from curation.mining.anchors import Anchors
from curation.mining.fusion import merge
from curation.mining.origins import Origin
from curation.mining.pool import Pool
from curation.mining.ragged import Exclusions, Rows
from curation.mining.scopes import Search
from curation.mining.search.candidates import Candidates, Vectors, best_first, empty_candidates, fill_candidates
from curation.mining.search.csls import rerank
from curation.mining.spaces import DenseSpace, Space


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


def find_candidates(
    space: Space,
    pool: Pool,
    anchors: Anchors,
    search: Search,
    k: int,
    options: Mining,
    hubness: Vectors | None = None,
) -> Found:
    """Return the candidates of a search, without the entries that a record must never get.

    At most k of each record, or k from each side of a hybrid search. Entries that the teacher has no vector for are
    left out beforehand: they are neither near nor far.
    """
    entries = search.entries[space.is_sound(search.entries)]
    excluded = pool.excluded.within(search.records, entries)
    k = min(k, max(len(entries), 1))
    places = [side[search.records] for side in anchors.sides]
    if isinstance(space, DenseSpace):
        return _find_dense(space, places, entries, k, excluded, options, hubness)
    near = [space.nearest(of_side, entries, k, excluded) for of_side in places]
    return _join_sides(space, places, near, k, Origin.LEXICAL)


def _find_dense(
    space: DenseSpace,
    places: list[Rows],
    entries: Rows,
    k: int,
    excluded: Exclusions,
    options: Mining,
    hubness: Vectors | None,
) -> Found:
    if options.candidates == "lexical":
        return _scored(space, places, space.by_words(places[0], entries, k, excluded), Origin.LEXICAL)
    near = [space.nearest(of_side, entries, k, excluded) for of_side in places]
    found = _join_sides(space, places, near, k, Origin.DENSE)
    if options.csls is not None and hubness is not None:
        of_places = space.spread(places[0], entries, options.csls)
        ranked = rerank(found.candidates, of_places, hubness).candidates
        found = replace(_scored(space, places, ranked, Origin.DENSE), nearest=found.nearest)
    if options.candidates == "hybrid":
        found = _unite(space, places, found, space.by_words(places[0], entries, k, excluded))
    return found


def _scored(space: Space, places: list[Rows], candidates: Candidates, origin: Origin) -> Found:
    """Return candidates in the order that they are in, with the teacher's scores."""
    sides = tuple(_score_matrix(space, of_side, candidates.rows) for of_side in places)
    scored = Candidates(candidates.rows, np.maximum.reduce(sides))
    return Found(scored, sides, _origins(candidates, origin), sides[0])


def _score_matrix(space: Space, places: Rows, rows: Rows) -> Vectors:
    scores = np.full(rows.shape, -np.inf, dtype=np.float32)
    queries, ranks = np.nonzero(rows >= 0)
    scores[queries, ranks] = space.scores(places[queries], rows[queries, ranks])
    return scores


def _unite(space: Space, places: list[Rows], dense: Found, by_words: Candidates) -> Found:
    """Return what either search found, those first that stand high in both, with the teacher's scores."""
    union = merge(dense.candidates, by_words)
    unscored = Candidates(union.rows, np.full(union.rows.shape, -np.inf, dtype=np.float32))
    scored = _scored(space, places, unscored, Origin.DENSE)
    return replace(scored, origins=union.origins, nearest=dense.nearest)


def _join_sides(space: Space, places: list[Rows], near: list[Candidates], k: int, origin: Origin) -> Found:
    """Return the nearest of what was found from any side, by the greatest score."""
    if len(near) == 1:
        return Found(near[0], (near[0].scores,), _origins(near[0], origin), near[0].scores)
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
