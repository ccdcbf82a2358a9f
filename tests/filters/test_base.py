from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from filters.base import Filter, worse_side


def constant(*values):
    return lambda columns: np.array(values, dtype=np.float64)


@pytest.mark.parametrize(
    ("direction", "threshold", "scores", "rejected"),
    [
        ("at_least", 0.5, [0.4, 0.5, 0.6, np.nan], [True, False, False, False]),
        ("at_most", 0.5, [0.4, 0.5, 0.6, np.nan], [False, False, True, False]),
        # 0.6 and 0.3 have no exact float32: a score that equals its threshold must still pass.
        ("at_most", 0.6, [0.6], [False]),
        ("at_least", 0.3, [0.3], [False]),
    ],
)
def test_rejects(direction, threshold, scores, rejected):
    each = Filter("name", direction, threshold, constant())
    assert each.rejects(np.array(scores, dtype=np.float32)).tolist() == rejected


@pytest.mark.parametrize(
    ("tasks", "applies"),
    [
        (frozenset(), [True, True, True]),
        (frozenset({"bitext"}), [True, False, True]),
        (frozenset({"sts"}), [False] * 3),
    ],
)
def test_applies_by_task(tasks, applies):
    each = Filter("name", "at_most", 1.0, constant(1, 2, 3), tasks)
    assert each.applies(pa.array(["bitext", "code", "bitext"])).tolist() == applies


def test_measure_leaves_out_what_is_not_judged(pairs):
    columns = pairs([("a", "b"), ("c", "d")])
    assert Filter("name", "at_most", 1.0, constant(1, np.nan)).measure(columns).tolist()[0] == 1.0
    elsewhere = Filter("name", "at_most", 1.0, constant(1, 2), frozenset({"code"})).measure(columns)
    assert np.isnan(elsewhere).all()
    assert elsewhere.dtype == np.float32


@pytest.mark.parametrize(("direction", "expected"), [("at_least", [1.0, 3.0, np.nan]), ("at_most", [2.0, 3.0, np.nan])])
def test_the_worse_side_counts_and_an_exempt_side_does_not(pairs, direction, expected):
    columns = pairs([("a", "b")] * 3)
    scores = {id(columns.query): [1.0, np.nan, np.nan], id(columns.positive): [2.0, 3.0, np.nan]}
    score = worse_side(lambda column: np.array(scores[id(column)]), direction)
    assert np.array_equal(score(columns), expected, equal_nan=True)
