"""Every cell of depth x dimension x rank."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np

from curation.training.evaluation.encoder import Encoder, Float32s, exits_of
from curation.training.evaluation.pairs import Bools, PairSet
from curation.training.evaluation.retrieval import (
    Answers,
    Int32s,
    Score,
    nested_similarities,
    pair_similarities,
    rank_both_ways,
    score_ranks,
    scores_of,
)
from curation.training.reproducible import reproducible

# What is in memory at once, unless one language has more: numbers in exits, and similarities of one dimension.
_FLOATS, _SCORES = 1 << 24, 1 << 21

Place = tuple[int, int, int]
"""Depth, dimension and rank."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the grid with its score, the mean over languages.

    Attributes:
        depth: number of blocks.
        dim: number of output dimensions.
        rank: rank of the token table.
        score: mean over languages.
    """

    depth: int
    dim: int
    rank: int
    score: Score


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of each query of a language in one cell.

    Attributes:
        language: the language.
        ids: n ids of the pairs.
        ranks: int32 (2, n), rank of the first right answer to the anchor and to the positive of each pair, from 1.
    """

    language: str
    ids: tuple[str, ...]
    ranks: Int32s

    @property
    def score(self) -> Score:
        """The mean over all queries."""
        return score_ranks(self.ranks)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A model at every cell.

    Attributes:
        grid: every cell in the order depth, dim, rank, with its mean over languages; none without languages.
        full: of each language, the full model: last exit, all dimensions, full rank.
        corner: of each language, the joint smallest corner: first exit, fewest dimensions, lowest rank. One axis at a
            time hides how losses multiply.
    """

    grid: tuple[Cell, ...]
    full: tuple[Outcome, ...]
    corner: tuple[Outcome, ...]


def evaluate(model: Encoder, sets: Sequence[PairSet]) -> dict[str, Score]:
    """Return the score of the full model in each language."""
    full = model.depths[-1], model.dims[-1], model.ranks[-1]
    found = ranks_at(model, sets, places=[full])
    return {pairs.language: score_ranks(ranks[0]) for pairs, ranks in zip(sets, found, strict=True)}


def evaluate_grid(model: Encoder, sets: Sequence[PairSet]) -> list[Cell]:
    """Return every cell of depth x dim x rank, in that order, with its mean over languages; none without languages."""
    return list(evaluate_all(model, sets).grid)


def evaluate_all(model: Encoder, sets: Sequence[PairSet]) -> Evaluation:
    """Evaluate a model at every cell; keep what became of each query in the full cell and in the joint corner."""
    if not sets:
        return Evaluation((), (), ())
    places = list(itertools.product(model.depths, model.dims, model.ranks))
    found = ranks_at(model, sets, places=places)
    cells = zip(*(scores_of(ranks) for ranks in found), strict=True)
    grid = [Cell(*place, macro(scores)) for place, scores in zip(places, cells, strict=True)]
    full, corner = (
        tuple(Outcome(pairs.language, pairs.ids, ranks[at]) for pairs, ranks in zip(sets, found, strict=True))
        for at in (-1, 0)
    )
    return Evaluation(tuple(grid), full, corner)


def ranks_at(model: Encoder, sets: Sequence[PairSet], *, places: Sequence[Place]) -> list[Int32s]:
    """Return the rank of the first right answer to each query of each set, from 1, int32 (places, 2, n).

    Args:
        model: the model.
        sets: pairs of the languages.
        places: depth, dimension and rank of each cell that is wanted.
    """
    depths, dims, ranks = (sorted(set(values)) for values in zip(*places, strict=True))
    exits = [model.depths.index(depth) for depth in depths]
    at = [(dims.index(dim), ranks.index(rank) * len(depths) + depths.index(depth)) for depth, dim, rank in places]
    found = []
    limit = _FLOATS // (len(ranks) * len(model.depths) * model.dims[-1])
    for batch in _batches(sets, limit):
        sides = [side for pairs in batch for side in (pairs.anchors, pairs.positives)]
        vectors = [[side[exits] for side in exits_of(model, sides, rank=rank)] for rank in ranks]
        joined = [np.concatenate(of_side) for of_side in zip(*vectors, strict=True)]
        for pairs, anchors, positives in zip(batch, joined[::2], joined[1::2], strict=True):
            everywhere = _ranks(anchors, positives, pairs.right, dims)
            found.append(np.stack([everywhere[place] for place in at]))
    return found


def macro(scores: Iterable[Score]) -> Score:
    """Return the mean over languages, each with the same weight; at least one is needed."""
    listed = list(scores)
    names = [field.name for field in fields(Score)]
    return Score(**{name: float(np.mean([getattr(score, name) for score in listed])) for name in names})


def pair_exits(model: Encoder, pairs: PairSet, *, rank: int) -> tuple[Float32s, Float32s]:
    """Return every exit of the anchors and of the positives, each float32 (exits, n, width)."""
    anchors, positives = exits_of(model, [pairs.anchors, pairs.positives], rank=rank)
    return anchors, positives


def full_similarities(model: Encoder, pairs: PairSet) -> Float32s:
    """Return the similarities (n, n) by the full model: last exit, all dimensions, full rank."""
    anchors, positives = pair_exits(model, pairs, rank=model.ranks[-1])
    return pair_similarities((anchors[-1], positives[-1]))


def _batches(sets: Sequence[PairSet], limit: int) -> Iterator[list[PairSet]]:
    """Yield sets with at most `limit` texts together, or one that has more."""
    batch: list[PairSet] = []
    for pairs in sets:
        if batch and 2 * (sum(len(held.ids) for held in batch) + len(pairs.ids)) > limit:
            yield batch
            batch = []
        batch.append(pairs)
    if batch:
        yield batch


def _ranks(anchors: Float32s, positives: Float32s, right: Bools, dims: Sequence[int]) -> Int32s:
    """Return the ranks int32 (dims, b, 2, n) for vectors (b, n, width) of either side."""
    answers = Answers.of(right), Answers.of(right.T)
    step = max(1, _SCORES // right.size)
    parts = []
    with reproducible():
        for start in range(0, len(anchors), step):
            part = slice(start, start + step)
            nested = nested_similarities(anchors[part], positives[part], dims)
            parts.append(np.stack([rank_both_ways(scores, answers) for scores in nested]))
    return np.concatenate(parts, axis=1)
