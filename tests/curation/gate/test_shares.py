"""The lower end of a share's interval."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.gate.shares import at_least


@given(st.integers(1, 10_000).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_the_lower_end_of_the_interval(case: tuple[int, int]) -> None:
    hits, trials = case
    low = at_least(hits, trials)
    assert 0 <= low <= hits / trials
    assert (low == 0) == (hits == 0)
    # Two standard errors above the lower end is the share that was found: the definition of Wilson's interval.
    if hits:
        assert (hits / trials - low) ** 2 == pytest.approx(4 * low * (1 - low) / trials, rel=1e-6, abs=1e-12)


def test_more_trials_narrow_the_interval() -> None:
    ends = [at_least(n, 10 * n) for n in (1, 10, 100, 1_000)]
    assert ends == sorted(ends)
    assert ends[-1] == pytest.approx(0.1, abs=0.01)
