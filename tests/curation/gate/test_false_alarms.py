"""Every check says how often it has failed sound releases."""

from __future__ import annotations

import pytest

from curation.gate import Verdict
from curation.gate.false_alarms import false_alarms


@pytest.mark.parametrize(
    "check", ["data.labels", "data.near_leaks.test", "data.sides", "data.word_order", "signal.alignment.rise"]
)
def test_estimates_were_measured(check: str) -> None:
    failed, of, runs = false_alarms(check).split()[:3]
    assert (failed, of) == ("0", "of")
    assert int(runs) >= 20


@pytest.mark.parametrize("check", ["data.integrity", "data.loads", "data.nulls", "data.counts", "mechanism.grid"])
def test_what_is_counted_has_none(check: str) -> None:
    assert false_alarms(check).startswith("none")


def test_what_was_not_measured_says_so() -> None:
    assert false_alarms("signal.alignment.source.web").startswith("not measured")


def test_every_check_of_a_verdict_says_it(gated: Verdict) -> None:
    assert all(check.false_alarms for check in gated.checks)
