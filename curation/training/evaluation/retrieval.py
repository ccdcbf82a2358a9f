"""Retrieval in numbers: similarities of nested vectors, the rank of the first right answer, and what follows from it.

Right answers are alternatives, of which one is enough: the same sentence may stand in a sample several times. Every
measure is then a function of the rank of the first right one. Ties go against the model: one that maps all texts to a
point scores nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from curation.training.evaluation.encoder import Float32s
from curation.training.evaluation.pairs import Bools
from curation.training.reproducible import reproducible

Int32s = npt.NDArray[np.int32]
Float64s = npt.NDArray[np.float64]

CUTOFF = 10
"""Rank beyond which an answer counts for nothing in MRR and nDCG."""

# Cosines of equal vectors differ by some units of float32, by their place in a matrix product.
_TIE = 1e-6


@dataclass(frozen=True, slots=True)
class Score:
    """Retrieval quality, the mean over queries.

    Attributes:
        accuracy: share of queries whose first answer is right: recall at 1, and the accuracy of bitext search
            (Artetxe and Schwenk 2019, section 4.3).
        mrr: mean reciprocal rank of the first right answer, zero beyond rank 10 (Voorhees 1999).
        ndcg: mean of 1 / log2(1 + rank), zero beyond rank 10: normalised discounted cumulative gain (Järvelin and
            Kekäläinen 2002) where one right answer is wanted; NaN where it was not measured, as the next two.
        recall_5: share of queries with a right answer among the first five.
        recall_10: likewise, among the first ten.
    """

    accuracy: float
    mrr: float
    ndcg: float = float("nan")
    recall_5: float = float("nan")
    recall_10: float = float("nan")


def retrieval_score(scores: Float32s, right: Bools) -> Score:
    """Score one similarity matrix in both directions.

    Args:
        scores: float32 (n, n), anchors by positives.
        right: bool (n, n), whether positive j is a right answer to anchor i; at least one is in each row and column.

    Returns:
        The mean of anchors -> positives and positives -> anchors. A wrong answer that ties with the best right one
        goes before it.
    """
    return score_ranks(retrieval_ranks(scores, right))


def retrieval_ranks(scores: Float32s, right: Bools) -> Int32s:
    """Return the rank of the first right answer, from 1, int32 (2, n): to each anchor, and to each positive."""
    answers = Answers.of(right), Answers.of(right.T)
    with reproducible():
        return np.asarray(rank_both_ways(torch.from_numpy(np.ascontiguousarray(scores))[None], answers)[0])


def score_ranks(ranks: Int32s) -> Score:
    """Return the mean of every measure over ranks (2, n), at least one."""
    return scores_of(ranks[None])[0]


def scores_of(ranks: Int32s) -> list[Score]:
    """Return the mean of every measure over ranks (b, 2, n) for each of the b."""
    measured = {name: values.reshape(len(ranks), -1).mean(axis=1) for name, values in outcomes(ranks).items()}
    return [Score(**dict(zip(measured, map(float, row), strict=True))) for row in zip(*measured.values(), strict=True)]


def outcomes(ranks: Int32s) -> dict[str, Float64s]:
    """Return every measure of each query, by its name in `Score`, in the shape of `ranks`."""
    counted = ranks <= CUTOFF
    return {
        "accuracy": (ranks == 1).astype(np.float64),
        "mrr": np.where(counted, 1 / ranks, 0.0),
        "ndcg": np.where(counted, 1 / np.log2(1.0 + ranks), 0.0),
        "recall_5": (ranks <= 5).astype(np.float64),
        "recall_10": (ranks <= 10).astype(np.float64),
    }


def pair_similarities(sides: tuple[Float32s, Float32s]) -> Float32s:
    """Return the cosine of every anchor (n, d) with every positive (m, d), float32 (n, m); 0 with zeros."""
    anchors, positives = (np.ascontiguousarray(side)[None] for side in sides)
    with reproducible():
        (similarities,) = nested_similarities(anchors, positives, [anchors.shape[-1]])
    return np.asarray(similarities[0].numpy())


def nested_similarities(anchors: Float32s, positives: Float32s, dims: Sequence[int]) -> Iterator[torch.Tensor]:
    """Yield the cosines of every prefix of some vectors; whoever takes them does so in a `reproducible` block.

    The product of a prefix is that of the shorter one and of the columns between: all together cost one product.

    Args:
        anchors: float32 (exits, n, width).
        positives: float32 (exits, m, width).
        dims: lengths of the prefixes, rising.

    Yields:
        float32 (exits, n, m) for each prefix.
    """
    left, right = torch.from_numpy(anchors), torch.from_numpy(positives)
    product = left.new_zeros(len(left), left.shape[1], right.shape[1])
    squares = [left.new_zeros(left.shape[:2]), right.new_zeros(right.shape[:2])]
    for start, dim in itertools.pairwise((0, *dims)):
        parts = [side[:, :, start:dim] for side in (left, right)]
        product = torch.baddbmm(product, parts[0], parts[1].transpose(1, 2))
        squares = [total + part.square().sum(dim=-1) for total, part in zip(squares, parts, strict=True)]
        scales = [torch.where(square > 0, square.rsqrt(), 0.0) for square in squares]
        yield product * scales[0][:, :, None] * scales[1][:, None, :]


@dataclass(frozen=True, slots=True)
class Answers:
    """Which of m candidates are right answers to each of n queries.

    Attributes:
        rows: int64 (k,), query of each right answer.
        columns: int64 (k,), the answer.
        wrong: int32 (n,), wrong candidates of each query.
    """

    rows: torch.Tensor
    columns: torch.Tensor
    wrong: torch.Tensor

    @classmethod
    def of(cls, right: Bools) -> Answers:
        """Take them from a table, bool (n, m), with at least one right answer in each row."""
        rows, columns = (torch.from_numpy(places) for places in np.nonzero(right))
        return cls(rows, columns, torch.from_numpy((~right).sum(axis=1).astype(np.int32)))


def rank_both_ways(scores: torch.Tensor, answers: tuple[Answers, Answers]) -> Int32s:
    """Return the rank of the first right answer both ways, int32 (b, 2, n), for similarities (b, n, n).

    Args:
        scores: the similarities.
        answers: those of the rows, and those of the columns.
    """
    forth, back = answers
    return np.stack([rank_one_way(scores, forth), rank_one_way(scores.transpose(1, 2), back)], axis=1)


def rank_one_way(scores: torch.Tensor, answers: Answers) -> Int32s:
    """Return the rank of the first right answer to each query, from 1, int32 (b, n), for similarities (b, n, m)."""
    rows = answers.rows.expand(len(scores), -1)
    of_right = scores[:, answers.rows, answers.columns]
    bars = scores.new_full(scores.shape[:2], -torch.inf).scatter_reduce(1, rows, of_right, "amax") - _TIE
    # Not `>=`: what is not a number is below nothing, and must not look like a perfect answer.
    below = (scores < bars[:, :, None]).sum(dim=2, dtype=torch.int32)
    right_below = (of_right < bars[:, answers.rows]).to(torch.int32)
    return np.asarray((1 + answers.wrong - below.scatter_add(1, rows, -right_below)).numpy())
