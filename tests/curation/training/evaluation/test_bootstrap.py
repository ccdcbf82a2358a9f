"""Intervals that hold what they say, and differences that can be turned over."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.training.evaluation.bootstrap import Interval, interval, pair_values, paired_difference
from curation.training.evaluation.grid import Outcome

Values = dict[str, np.ndarray]


def draws(shares: dict[str, float], size: int, seed: int) -> Values:
    random = np.random.default_rng(seed)
    return {code: (random.random(size) < share).astype(np.float64) for code, share in shares.items()}


@pytest.mark.parametrize(
    ("shares", "size"),
    [({"amh_Ethi": 0.5}, 60), ({"tha_Thai": 0.3, "kat_Geor": 0.6, "heb_Hebr": 0.8}, 30)],
    ids=["one language", "languages"],
)
def test_intervals_cover_the_truth_about_as_often_as_they_say(shares: dict[str, float], size: int) -> None:
    truth = float(np.mean(list(shares.values())))
    found = [interval(draws(shares, size, seed), seed=seed, resamples=400) for seed in range(300)]
    assert 0.91 <= np.mean([each.low <= truth <= each.high for each in found]) <= 0.985


def test_two_models_that_are_alike_differ_as_often_as_the_level_says() -> None:
    shares = {"hin_Deva": 0.4, "jpn_Jpan": 0.7}
    found = [
        paired_difference(draws(shares, 50, seed), draws(shares, 50, seed + 10_000), seed=seed, resamples=400)
        for seed in range(300)
    ]
    assert 0.02 <= np.mean([each.p < 0.05 for each in found]) <= 0.09
    for each in found:
        assert (each.p < 0.04) <= (each.low > 0 or each.high < 0)
        assert (each.low > 0 or each.high < 0) <= (each.p < 0.06)


@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 4))
def test_changing_over_negates(seed: int, size: int, languages: int) -> None:
    random = np.random.default_rng(seed)
    first, second = ({f"l{n}": random.random(size) for n in range(languages)} for _ in range(2))
    one = paired_difference(first, second, seed=seed, resamples=99)
    other = paired_difference(second, first, seed=seed, resamples=99)
    assert (one.value, one.low, one.high, one.p) == (-other.value, -other.high, -other.low, other.p)
    assert one.low <= one.high
    assert 0 < one.p <= 1


@given(st.integers(0, 2**32), st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_an_interval_lies_between_the_least_and_the_greatest(seed: int, values: list[float]) -> None:
    found = interval({"yor_Latn": np.array(values)}, seed=seed, resamples=50)
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9


def test_pairing_finds_what_two_intervals_hide() -> None:
    """One model is right wherever the other is, and on a few queries more."""
    worse = {"rus_Cyrl": np.repeat([0.0, 1.0], 100)}
    better = {"rus_Cyrl": np.concatenate([np.repeat(0.0, 85), np.repeat(1.0, 115)])}
    sides = [interval(values, seed=1) for values in (worse, better)]
    assert sides[0].high > sides[1].low
    difference = paired_difference(better, worse, seed=1)
    assert difference.value == pytest.approx(0.075)
    assert difference.low > 0
    assert difference.p < 0.01


def test_equal_models_do_not_differ() -> None:
    values = draws({"arb_Arab": 0.5}, 30, 3)
    difference = paired_difference(values, values, seed=0)
    assert (difference.value, difference.low, difference.high, difference.p) == (0, 0, 0, 1)


def test_languages_weigh_the_same_whatever_their_size() -> None:
    values = {"ell_Grek": np.ones(1_000), "hye_Armn": np.zeros(10)}
    assert interval(values, seed=0) == Interval(0.5, 0.5, 0.5)


def test_draws_are_a_function_of_language_and_seed_alone() -> None:
    values = draws({"kor_Hang": 0.5, "tam_Taml": 0.5}, 40, 0)
    backwards = dict(reversed(values.items()))
    assert interval(values, seed=4) == interval(backwards, seed=4)
    assert interval(values, seed=4) != interval(values, seed=5)


@pytest.mark.parametrize("other", [{}, {"deu_Latn": np.ones(3)}, {"fra_Latn": np.ones(4)}])
def test_other_queries_cannot_be_compared(other: Values) -> None:
    with pytest.raises(ValueError, match="same queries"):
        paired_difference({"deu_Latn": np.ones(4)}, other, seed=0)


def test_the_value_of_a_pair_is_the_mean_of_both_directions() -> None:
    outcome = Outcome("khm_Khmr", ("a", "b"), np.array([[1, 2], [2, 11]], np.int32))
    np.testing.assert_array_equal(pair_values(outcome), [0.5, 0.0])
    np.testing.assert_array_equal(pair_values(outcome, "mrr"), [0.75, 0.25])
