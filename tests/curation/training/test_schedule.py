"""Learning rates, ranks and the step at which nesting begins."""

from __future__ import annotations

from collections import Counter

import pytest

from curation.config.training import Training
from curation.training.schedule import first_nested_step, learning_rate, sample_rank


def test_the_learning_rate_rises_and_falls_to_nothing() -> None:
    settings = Training(steps=100, warmup=0.1)
    rates = [learning_rate(step, settings) for step in range(100)]
    assert rates[:10] == pytest.approx([settings.learning_rate * (step + 1) / 10 for step in range(10)])
    assert max(rates) == settings.learning_rate
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.001 * settings.learning_rate
    assert learning_rate(55, settings) == pytest.approx(settings.learning_rate / 2)


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0.0), (1, 1.0), (5, 1.0)])
def test_learning_rates_of_short_runs(steps: int, warmup: float) -> None:
    settings = Training(steps=steps, warmup=warmup)
    assert all(0 < learning_rate(step, settings) <= settings.learning_rate for step in range(steps))


def test_ranks_are_drawn_by_size() -> None:
    ranks = [sample_rank(step, (10, 30), seed=1) for step in range(1_000)]
    assert ranks == [sample_rank(step, (10, 30), seed=1) for step in range(1_000)]
    assert ranks != [sample_rank(step, (10, 30), seed=2) for step in range(1_000)]
    # Binomial: standard deviation 14.
    assert Counter(ranks)[30] == pytest.approx(750, abs=60)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [({}, 70), ({"nested_from": 0.0}, 0), ({"nested_from": 1.0}, 100), ({"nested": []}, 100), ({"steps": 1}, 1)],
)
def test_nesting_begins_at_a_share_of_the_steps(changed: dict[str, object], expected: int) -> None:
    assert first_nested_step(Training.model_validate({"steps": 100} | changed)) == expected
