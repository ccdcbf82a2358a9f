"""Measures by hand, nested similarities against plain ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.training.evaluation.retrieval import (
    Answers,
    nested_similarities,
    outcomes,
    pair_similarities,
    rank_one_way,
    retrieval_ranks,
    score_ranks,
)


@pytest.mark.parametrize(
    ("rank", "accuracy", "mrr", "ndcg", "recall_5", "recall_10"),
    [
        (1, 1, 1, 1, 1, 1),
        (2, 0, 1 / 2, 1 / math.log2(3), 1, 1),
        (5, 0, 1 / 5, 1 / math.log2(6), 1, 1),
        (6, 0, 1 / 6, 1 / math.log2(7), 0, 1),
        (10, 0, 1 / 10, 1 / math.log2(11), 0, 1),
        (11, 0, 0, 0, 0, 0),
    ],
)
def test_every_measure_is_a_function_of_the_rank(
    rank: int, accuracy: float, mrr: float, ndcg: float, recall_5: float, recall_10: float
) -> None:
    measured = {name: float(value) for name, value in outcomes(np.array(rank, np.int32)).items()}
    expected = {"accuracy": accuracy, "mrr": mrr, "ndcg": ndcg, "recall_5": recall_5, "recall_10": recall_10}
    assert measured == pytest.approx(expected)


def test_scores_are_means_over_both_directions() -> None:
    score = score_ranks(np.array([[1, 4], [20, 1]], np.int32))
    assert (score.accuracy, score.mrr, score.recall_5, score.recall_10) == (0.5, 0.5625, 0.75, 0.75)


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 3))
def test_nested_similarities_are_cosines_of_prefixes(seed: int, size: int, exits: int) -> None:
    random = np.random.default_rng(seed)
    anchors = random.normal(size=(exits, size, 8)).astype(np.float32)
    positives = random.normal(size=(exits, size + 2, 8)).astype(np.float32)
    for dim, found in zip((2, 3, 8), nested_similarities(anchors, positives, (2, 3, 8)), strict=True):
        sides = [
            side[:, :, :dim] / np.linalg.norm(side[:, :, :dim], axis=2, keepdims=True) for side in (anchors, positives)
        ]
        np.testing.assert_allclose(found.numpy(), sides[0] @ sides[1].transpose(0, 2, 1), atol=1e-5)


@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 9), st.integers(1, 3))
def test_ranks_are_those_of_sorting(seed: int, queries: int, candidates: int, batch: int) -> None:
    import torch

    random = np.random.default_rng(seed)
    scores = random.integers(0, 5, size=(batch, queries, candidates)).astype(np.float32)
    right = random.random((queries, candidates)) < 0.3
    right[np.arange(queries), random.integers(candidates, size=queries)] = True
    found = rank_one_way(torch.from_numpy(scores), Answers.of(right))
    for b in range(batch):
        for q in range(queries):
            order = sorted(range(candidates), key=lambda c: (-scores[b, q, c], right[q, c]))
            assert found[b, q] == 1 + next(place for place, c in enumerate(order) if right[q, c])


def test_equal_vectors_are_a_tie_wherever_they_stand() -> None:
    """Their cosines differ by a few units of the last place."""
    vector = np.random.default_rng(0).normal(size=128).astype(np.float32)
    point = np.tile(vector, (37, 1))
    assert (retrieval_ranks(pair_similarities((point, point)), np.eye(37, dtype=bool)) == 37).all()
