from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.config.mining import Mining
from curation.errors import ConfigError
from curation.mining.rules import Rules, Side, Verdict, Verdicts, as_near_as_positive, judge, positive_bound
from curation.mining.search.candidates import Candidates

OPEN = {"num_negatives": 2, "top_k": 100, "skip_rank": 0, "max_score": 2.0, "max_positive_ratio": 2.0}
OK, ABSENT, SKIP, TOP, MAX, RATIO, MARGIN, MIN, *_ = Verdict


def rules(**changes: float) -> Rules:
    return Rules(**(OPEN | changes))  # type: ignore[arg-type]


def ranked(*scores: float) -> Candidates:
    """Return candidates of one query, rows 10, 11, ...; -inf stands for none."""
    values = np.array([scores], dtype=np.float32)
    return Candidates(np.where(np.isneginf(values), -1, np.arange(10, 10 + len(scores))), values)


def verdicts_on(candidates: Candidates, positives: list[float], used: Rules) -> Verdicts:
    return judge(candidates, Side.of(candidates.scores, np.array(positives, dtype=np.float32), used), used)


SIX = (0.95, 0.9, 0.8, 0.7, 0.5, -np.inf)


@pytest.mark.parametrize(
    ("changes", "positive", "expected"),
    [
        ({}, 1.0, [OK, OK, OK, OK, OK, ABSENT]),
        ({"skip_rank": 2}, 1.0, [SKIP, SKIP, OK, OK, OK, ABSENT]),
        ({"skip_rank": 9}, 1.0, [SKIP] * 5 + [ABSENT]),
        ({"top_k": 3}, 1.0, [OK, OK, OK, TOP, TOP, ABSENT]),
        ({"top_k": 1, "skip_rank": 1}, 1.0, [SKIP, TOP, TOP, TOP, TOP, ABSENT]),
        ({"max_score": 0.8}, 1.0, [MAX, MAX, MAX, OK, OK, ABSENT]),
        ({"max_score": 0.81}, 1.0, [MAX, MAX, OK, OK, OK, ABSENT]),
        ({"max_positive_ratio": 0.95}, 1.0, [RATIO, OK, OK, OK, OK, ABSENT]),
        ({"max_positive_ratio": 0.95}, 0.8, [RATIO, RATIO, RATIO, OK, OK, ABSENT]),
        ({"max_positive_ratio": 1.0}, 0.5, [RATIO] * 5 + [ABSENT]),
        ({"max_positive_ratio": np.inf}, 0.0, [OK, OK, OK, OK, OK, ABSENT]),
        ({"positive_margin": 0.1}, 1.0, [MARGIN, MARGIN, OK, OK, OK, ABSENT]),
        ({"positive_margin": 0.0}, 0.75, [MARGIN, MARGIN, MARGIN, OK, OK, ABSENT]),
        ({"min_score": 0.7}, 1.0, [OK, OK, OK, OK, MIN, ABSENT]),
        ({"skip_survivors": 2}, 1.0, [OK, OK, OK, OK, OK, ABSENT]),
        (
            {"skip_rank": 1, "top_k": 4, "max_score": 0.85, "max_positive_ratio": 0.9},
            0.8,
            [SKIP, MAX, RATIO, OK, TOP, ABSENT],
        ),
    ],
)
def test_verdicts(changes: dict[str, float], positive: float, expected: list[Verdict]) -> None:
    verdicts = verdicts_on(ranked(*SIX), [positive], rules(**changes))
    assert verdicts.tolist() == [expected]
    assert verdicts.dtype == np.int8


@pytest.mark.parametrize(
    ("positive", "ratio", "bound"),
    [
        (1.0, 0.95, 0.95),
        (0.5, 0.9, 0.45),
        (0.0, 0.95, 0.0),
        (-0.5, 0.9, -0.55),
        (-1.0, 0.95, -1.05),
        (-0.5, 1.2, -0.4),
        (0.5, 1.2, 0.6),
        (0.0, np.inf, np.inf),
        (-0.5, np.inf, np.inf),
    ],
)
def test_the_bound_is_safe_for_either_sign(positive: float, ratio: float, bound: float) -> None:
    assert positive_bound(np.array([positive], dtype=np.float32), ratio).tolist() == pytest.approx([bound])


@given(st.floats(-1, 1, width=32), st.floats(0, 1))
def test_a_ratio_below_one_never_lets_a_better_candidate_through(positive: float, ratio: float) -> None:
    assert positive_bound(np.array([positive], dtype=np.float32), ratio)[0] <= np.float32(positive)


def test_scores_that_are_no_numbers_are_never_eligible() -> None:
    candidates = Candidates(np.array([[4, 5]]), np.array([[np.nan, 0.1]], dtype=np.float32))
    assert verdicts_on(candidates, [0.9], rules()).tolist() == [[MAX, OK]]
    assert verdicts_on(candidates, [np.nan], rules()).tolist() == [[MAX, RATIO]]


@pytest.mark.parametrize(("queries", "ranks"), [(0, 3), (2, 0), (0, 0)])
def test_nothing_to_judge(queries: int, ranks: int) -> None:
    none = Candidates(np.full((queries, ranks), -1), np.full((queries, ranks), -np.inf, np.float32))
    assert verdicts_on(none, [0.0] * queries, rules()).shape == (queries, ranks)


@pytest.mark.parametrize(
    ("changes", "positive", "expected"),
    [
        ({"max_positive_ratio": np.inf}, 0.85, [True, True, False, False, False, False]),
        ({"max_positive_ratio": 0.9}, 0.85, [True, True, True, False, False, False]),
        ({"max_positive_ratio": np.inf, "positive_margin": 0.3}, 0.9, [True, True, True, True, False, False]),
        ({"max_positive_ratio": np.inf, "positive_margin": -0.5}, 0.9, [True, True, False, False, False, False]),
    ],
)
def test_what_may_be_a_positive_itself(changes: dict[str, float], positive: float, expected: list[bool]) -> None:
    candidates, used = ranked(*SIX), rules(**changes)
    side = Side.of(candidates.scores, np.array([positive], dtype=np.float32), used)
    assert as_near_as_positive(side, used).tolist() == [expected]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"num_negatives": 0}, "num_negatives"),
        ({"top_k": 0}, "top_k"),
        ({"skip_rank": -1}, "skip_rank"),
        ({"skip_survivors": -1}, "skip_survivors"),
        ({"max_score": np.nan}, "max_score"),
        ({"positive_margin": np.nan}, "positive_margin"),
        ({"max_positive_ratio": np.nan}, "max_positive_ratio"),
    ],
)
def test_rules_that_cannot_be_are_refused_by_name(changes: dict[str, float], named: str) -> None:
    with pytest.raises(ConfigError, match=f"^{named} must be"):
        rules(**changes)


def test_rules_of_a_config() -> None:
    options = Mining(num_negatives=3, top_k=50, skip_rank=1, max_score=0.7, max_positive_ratio=0.9)
    assert Rules.from_options(options) == Rules(3, 50, 1, 0.7, 0.9)
