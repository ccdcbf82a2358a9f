"""Retrieval scores on matrices that can be checked by hand, and the grid."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pyarrow as pa
import pytest

from curation.release import Release
from curation.training import TrainedModel
from curation.training.evaluation import (
    PairSet,
    Score,
    evaluate,
    evaluate_grid,
    macro,
    pair_similarities,
    retrieval_score,
    sample_pairs,
)
from curation.training.smoke import unit

OWN = np.eye(3, dtype=bool)
TWINS = OWN | np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=bool)
NAN = math.nan

# Similarities, right answers, accuracy (mean of both ways), MRR (likewise).
MATRICES = [
    pytest.param([[3, 1, 0], [1, 3, 0], [0, 0, 3]], OWN, 1, 1, id="all right"),
    # Rows: ranks 1, 2, 1. Columns: 1, 2, 1.
    pytest.param([[9, 8, 0], [8, 7, 0], [0, 0, 1]], OWN, 2 / 3, (1 + 1 / 2 + 1) / 3, id="one second"),
    # Rows: ranks 2, 1, 1. Columns: 1, 2, 1: not the same queries.
    pytest.param([[5, 6, 0], [0, 5, 0], [0, 0, 5]], OWN, 2 / 3, (1 + 1 / 2 + 1) / 3, id="one way each"),
    # Rows: ranks 2, 2, 1. Columns: 3, 1, 1.
    pytest.param([[1, 2, 0], [3, 2.5, 0], [2, 0, 5]], OWN, 1 / 2, (2 / 3 + 7 / 9) / 2, id="uneven"),
    pytest.param([[1, 1, 1], [1, 1, 1], [1, 1, 1]], OWN, 0, 1 / 3, id="one point scores nothing"),
    pytest.param([[5, 5, 0], [0, 9, 0], [0, 0, 9]], OWN, (2 / 3 + 1) / 2, (5 / 6 + 1) / 2, id="a tie is lost"),
    pytest.param([[0, 9, 1], [9, 0, 1], [0, 0, 9]], TWINS, 1, 1, id="a twin's answer is right"),
    pytest.param([[4, 4, 1], [4, 4, 1], [0, 0, 9]], TWINS, 1, 1, id="right answers may tie"),
    pytest.param([[NAN, NAN, NAN]] * 3, OWN, 0, 1 / 3, id="no numbers score nothing"),
    pytest.param([[3, NAN, 0], [0, 3, 0], [0, 0, 3]], OWN, 2 / 3, 5 / 6, id="no number is no worse answer"),
]


@pytest.mark.parametrize(("scores", "right", "accuracy", "mrr"), MATRICES)
def test_scores_by_hand(scores: list[list[float]], right: np.ndarray, accuracy: float, mrr: float) -> None:
    score = retrieval_score(np.array(scores, np.float32), right)
    assert score.accuracy == pytest.approx(accuracy)
    assert score.mrr == pytest.approx(mrr)


@pytest.mark.parametrize(("better", "reciprocal"), [(0, 1), (1, 1 / 2), (9, 1 / 10), (10, 0), (11, 0)])
def test_beyond_the_tenth_rank_nothing_counts(better: int, reciprocal: float) -> None:
    """Every query finds `better` wrong answers before the right one, both ways."""
    size = 12
    distance = (np.arange(size)[None, :] - np.arange(size)[:, None]) % size
    scores = np.where((distance > 0) & (distance <= better), 1.0, 0.0) + np.eye(size) * 0.5
    score = retrieval_score(scores.astype(np.float32), np.eye(size, dtype=bool))
    assert score.mrr == pytest.approx(reciprocal)
    assert score.accuracy == (better == 0)


def test_languages_weigh_the_same() -> None:
    one, other = Score(1.0, 1.0, 1.0, 1.0, 1.0), Score(0.0, 0.5, 0.25, 0.0, 1.0)
    assert macro([one, other]) == Score(0.5, 0.75, 0.625, 0.5, 1.0)


def test_similarities_are_cosines() -> None:
    sides = np.array([[3, 4], [1, 0]], np.float32), np.array([[0, 2], [0, 0]], np.float32)
    np.testing.assert_allclose(pair_similarities(sides), [[0.8, 0], [0, 0]], atol=1e-6)


@pytest.fixture(scope="module")
def sets(release: Release) -> list[PairSet]:
    return sample_pairs(release, split="test", min_pairs=20, seed=5)


def test_pairs_of_each_language(release: Release, sets: list[PairSet]) -> None:
    sizes = {code: release.read("full", split="test", language=code).num_rows for code in release.languages}
    assert {pairs.language: len(pairs.ids) for pairs in sets} == {c: n for c, n in sizes.items() if n >= 20}
    assert len(sets) > 10
    for pairs in sets:
        assert len(pairs.ids) == len(pairs.anchors) == len(pairs.positives) == len(pairs.right)


def test_equal_texts_on_either_side_are_right(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table(
        {
            "id": ["1", "2", "3", "4", "5"],
            "anchor": ["Save", "SAVE", "Keep", "ｓａｖｅ", "Add"],
            "positive": ["შენახვა", "დამახსოვრება", "შენახვა", "ჩაწერა", "დამატება"],
            "task": ["bitext"] * 5,
            "source": ["django"] * 5,
            "label": [""] * 5,
        }
    )
    monkeypatch.setattr(Release, "read", lambda *_, **__: table)
    (pairs, *_) = sample_pairs(release, split="test", min_pairs=2, seed=5)
    same = {(0, 1), (0, 2), (0, 3), (1, 3)}
    expected = {*same, *((j, i) for i, j in same), *((i, i) for i in range(5))}
    assert {(int(i), int(j)) for i, j in np.argwhere(pairs.right)} == expected


def test_a_sample_is_the_same_each_time_and_part_of_a_larger_one(release: Release) -> None:
    def ids(count: int, seed: int = 5) -> dict[str, set[str]]:
        found = sample_pairs(release, split="test", min_pairs=20, seed=seed, max_pairs=count)
        return {pairs.language: set(pairs.ids) for pairs in found}

    assert ids(10) == ids(10)
    assert ids(10) != ids(10, seed=6)
    assert all(len(some) == 10 and some < ids(15)[code] for code, some in ids(10).items())


def test_the_grid_is_complete_and_its_last_cell_is_the_full_model(model: TrainedModel, sets: list[PairSet]) -> None:
    cells = evaluate_grid(model, sets)
    assert [(cell.depth, cell.dim, cell.rank) for cell in cells] == list(
        itertools.product(range(3), (8, 16, 32), (8, 16))
    )
    assert cells[-1].score == macro(evaluate(model, sets).values())
    assert len({cell.score for cell in cells}) > 6


def test_a_cell_is_what_encode_gives(model: TrainedModel, sets: list[PairSet]) -> None:
    cell = next(c for c in evaluate_grid(model, sets[:1]) if (c.depth, c.dim, c.rank) == (1, 16, 8))
    sides = (model.encode(side, depth=1, dim=16, rank=8) for side in (sets[0].anchors, sets[0].positives))
    anchors, positives = (unit(side) for side in sides)
    score = retrieval_score(anchors @ positives.T, sets[0].right)
    assert score.accuracy == pytest.approx(cell.score.accuracy, abs=0.02)


def test_no_languages_no_cells(model: TrainedModel) -> None:
    assert evaluate_grid(model, []) == []
    assert evaluate(model, []) == {}
