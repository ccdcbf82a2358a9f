"""Every check of data says how often it has failed sound releases."""

from __future__ import annotations

import pytest

from curation.gate.data.thresholds import false_alarms


@pytest.mark.parametrize("check", ["data.labels", "data.near_leaks.test", "data.sides", "data.word_order"])
def test_estimates_were_measured(check: str) -> None:
    failed, of, runs = false_alarms(check).split()[:3]
    assert (failed, of) == ("0", "of")
    assert int(runs) > 10


@pytest.mark.parametrize("check", ["data.integrity", "data.loads", "data.nulls", "data.counts", "data.licences"])
def test_facts_are_not_estimated(check: str) -> None:
    assert "fact" in false_alarms(check)
