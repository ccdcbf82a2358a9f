"""Held-out retrieval: does the anchor find its positive among the held-out positives of its language, and back?"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from curation.hashing import priority
from curation.release import Release
from curation.text import fold
from curation.training.reproducible import reproducible
from curation.training.smoke import Float32s, TrainedModel, unit

Bools = npt.NDArray[np.bool_]

MAX_CANDIDATES = 1_000
_MRR_RANKS = 10


@dataclass(frozen=True, slots=True)
class PairSet:
    """Pairs of one language, candidates for each other.

    Attributes:
        language: the language that the pairs count for.
        ids: n record ids.
        anchors: n texts.
        positives: n texts.
        right: bool (n, n), whether positive j is a right answer to anchor i: their own, or equal on either side
            after folding.
    """

    language: str
    ids: tuple[str, ...]
    anchors: tuple[str, ...]
    positives: tuple[str, ...]
    right: Bools


@dataclass(frozen=True, slots=True)
class Score:
    """Retrieval quality, the mean of both directions.

    Attributes:
        accuracy: share of queries whose first answer is right.
        mrr: mean reciprocal rank of the first right answer, zero beyond rank 10.
    """

    accuracy: float
    mrr: float


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


def sample_pairs(
    release: Release, *, split: str, min_pairs: int, seed: int, max_pairs: int = MAX_CANDIDATES
) -> list[PairSet]:
    """Return a sample of each language's pairs in a split.

    Args:
        release: the release.
        split: the split.
        min_pairs: a language with fewer is left out.
        seed: of the sample, which is the pairs of the lowest priority hash.
        max_pairs: size of the sample.
    """
    columns = ["id", "anchor", "positive"]
    tables = (
        (code, release.read("full", split=split, columns=columns, language=code)) for code in _languages(release, split)
    )
    return [_sampled(code, table, max_pairs, seed) for code, table in tables if table.num_rows >= min_pairs]


def retrieval_score(scores: Float32s, right: Bools) -> Score:
    """Score one similarity matrix in both directions.

    Args:
        scores: float32 (n, n), anchors by positives.
        right: bool (n, n) as of `PairSet`.

    Returns:
        The mean of anchors -> positives and positives -> anchors. A wrong answer that ties with the best right one
        goes before it: a model that maps all texts to one point scores nothing.
    """
    both = [_one_way(scores, right), _one_way(scores.T, right.T)]
    return Score(*(float(np.mean(values)) for values in zip(*both, strict=True)))


def evaluate(model: TrainedModel, sets: Sequence[PairSet]) -> dict[str, Score]:
    """Return the score of the full model in each language."""
    return {pairs.language: retrieval_score(full_similarities(model, pairs), pairs.right) for pairs in sets}


def evaluate_grid(model: TrainedModel, sets: Sequence[PairSet]) -> list[Cell]:
    """Return every cell of depth x dim x rank, in that order, with its mean over languages; none without languages."""
    cells = [
        Cell(depth, dim, rank, macro(scores))
        for rank in model.options.ranks
        for (depth, dim), scores in _rank_scores(model, sets, rank).items()
    ]
    return sorted(cells, key=lambda cell: (cell.depth, cell.dim, cell.rank))


def macro(scores: Iterable[Score]) -> Score:
    """Return the mean over languages, each with the same weight; at least one is needed."""
    accuracies, reciprocals = zip(*((score.accuracy, score.mrr) for score in scores), strict=True)
    return Score(float(np.mean(accuracies)), float(np.mean(reciprocals)))


def pair_similarities(sides: tuple[Float32s, Float32s]) -> Float32s:
    """Return the cosine of every anchor (n, d) with every positive (n, d), float32 (n, n)."""
    anchors, positives = (torch.from_numpy(unit(side)) for side in sides)
    with reproducible():
        return np.asarray((anchors @ positives.T).numpy())


def pair_exits(model: TrainedModel, pairs: PairSet, *, rank: int) -> tuple[Float32s, Float32s]:
    """Return every exit of the anchors and of the positives, each float32 (depth + 1, n, width)."""
    exits = model.exits([*pairs.anchors, *pairs.positives], rank=rank)
    return exits[:, : len(pairs.anchors)], exits[:, len(pairs.anchors) :]


def full_similarities(model: TrainedModel, pairs: PairSet) -> Float32s:
    """Return the similarities (n, n) by the full model: last exit, all dimensions, full rank."""
    anchors, positives = pair_exits(model, pairs, rank=model.options.ranks[-1])
    return pair_similarities((anchors[-1], positives[-1]))


def _languages(release: Release, split: str) -> list[str]:
    return [code for code in release.languages if release.shards("full", split=split, language=code)]


def _sampled(language: str, table: pa.Table, max_pairs: int, seed: int) -> PairSet:
    chosen = np.argsort(priority(table.column("id").to_pylist(), "evaluate", seed), kind="stable")[:max_pairs]
    part = table.take(pa.array(np.sort(chosen)))
    ids, anchors, positives = (tuple(part.column(name).to_pylist()) for name in ("id", "anchor", "positive"))
    return PairSet(language, ids, anchors, positives, _same(part.column("anchor")) | _same(part.column("positive")))


def _same(texts: pa.ChunkedArray) -> Bools:
    numbers = fold(texts.combine_chunks()).dictionary_encode().indices.to_numpy()
    return np.asarray(numbers[:, None] == numbers[None, :])


def _rank_scores(model: TrainedModel, sets: Sequence[PairSet], rank: int) -> dict[tuple[int, int], list[Score]]:
    """Return the score of each language in each cell (depth, dim) of one rank."""
    scores: dict[tuple[int, int], list[Score]] = {}
    for pairs in sets:
        anchors, positives = pair_exits(model, pairs, rank=rank)
        for depth, dim in itertools.product(range(len(anchors)), model.options.dims):
            similarities = pair_similarities((anchors[depth, :, :dim], positives[depth, :, :dim]))
            scores.setdefault((depth, dim), []).append(retrieval_score(similarities, pairs.right))
    return scores


def _one_way(scores: Float32s, right: Bools) -> tuple[float, float]:
    best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
    # Not `scores >= best`: what is not a number is below nothing, and must not look like a perfect answer.
    ranks = 1 + (~(scores < best) & ~right).sum(axis=1)
    return float(np.mean(ranks == 1)), float(np.mean(np.where(ranks <= _MRR_RANKS, 1 / ranks, 0.0)))
