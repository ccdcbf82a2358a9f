from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from filters.base import Filter, PairScore, SideScore, rejects


def constant(*values):
    return lambda _: np.array(values, dtype=np.float64)


@pytest.mark.parametrize(
    ("direction", "bounds", "scores", "rejected"),
    [
        ("at_least", [0.5] * 4, [0.4, 0.5, 0.6, np.nan], [True, False, False, False]),
        ("at_most", [0.5] * 4, [0.4, 0.5, 0.6, np.nan], [False, False, True, False]),
        # 0.6 and 0.3 have no exact float32: a score that equals its bound must still pass.
        ("at_most", [0.6], [0.6], [False]),
        ("at_least", [0.3], [0.3], [False]),
        # Each text has its own bound, and none where the filter is off.
        ("at_most", [0.5, 0.7, np.nan], [0.6, 0.6, 0.6], [True, False, False]),
    ],
)
def test_rejects(direction, bounds, scores, rejected):
    assert rejects(direction, np.array(scores, dtype=np.float32), np.array(bounds)).tolist() == rejected


@pytest.mark.parametrize(
    ("tasks", "applies"),
    [
        (frozenset(), [True, True, True]),
        (frozenset({"bitext"}), [True, False, True]),
        (frozenset({"sts"}), [False] * 3),
    ],
)
def test_a_pair_score_is_for_some_tasks(tasks, applies):
    score = PairScore("name", 1, constant(1, 2, 3), tasks)
    assert score.applies(pa.array(["bitext", "code", "bitext"])).tolist() == applies


def test_what_is_not_judged_is_not_a_number(pairs):
    columns = pairs([("a", "b"), ("c", "d")])
    assert PairScore("name", 1, constant(1, np.nan))(columns).tolist()[0] == 1.0
    elsewhere = PairScore("name", 1, constant(1, 2), frozenset({"code"}))(columns)
    assert np.isnan(elsewhere).all()
    assert elsewhere.dtype == np.float32


def test_a_side_score_judges_both_sides_and_a_pair_score_the_pair():
    assert Filter("a", SideScore("a", 1, constant(1)), "at_most").places == ("query", "positive")
    assert Filter("a", PairScore("a", 1, constant(1)), "at_most").places == ("pair",)
