"""The release must teach something, the same as before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from curation.config.gate import Gate
from curation.gate.baseline import Before
from curation.gate.signal import Trial
from curation.gate.signal.held_out import MIN_PAIRS_OF_DROP, change_z, gain_low, held_out_checks, lexical_hits
from curation.gate.signal.trial import macro_accuracy
from curation.gate.verdict import Check


def checks_of(trial: Trial, metrics: dict[str, Any], before: Before | None = None, **changed: Any) -> dict[str, Check]:
    options = Gate(**changed)
    found = held_out_checks(trial, metrics["held_out"], metrics["languages"], options, before)
    return {check.id: check for check in found}


def test_a_release_that_teaches(trial: Trial, metrics: dict[str, Any]) -> None:
    found = checks_of(trial, metrics)
    assert found["signal.gain_over_shuffled"].status == "pass"
    assert found["signal.gain_over_untrained"].status == "pass"
    assert found["signal.language_gain"].status == "pass"
    assert found["signal.gain_over_lexical"].severity == "warn"
    held_out = metrics["held_out"]
    assert found["signal.gain_over_lexical"].value == held_out["accuracy"] - held_out["lexical"]
    assert found["signal.gain_over_shuffled"].value <= held_out["accuracy"] - held_out["shuffled"]
    assert held_out["lexical"] == macro_accuracy(lexical_hits(trial.pairs))
    assert held_out["accuracy"] == pytest.approx(np.mean(metrics["seeds"]))


def moved(metrics: dict[str, Any], change: float) -> Before:
    """Return the baseline from which the release changed by `change`."""
    return Before({"held_out": {"accuracy": metrics["held_out"]["accuracy"] - change}}, "")


@pytest.mark.parametrize(
    ("change", "loss", "gain"),
    [
        (0.0, "pass", "pass"),
        (0.9, "pass", "pass"),
        (-0.9, "pass", "pass"),
        (1.1, "pass", "fail"),
        (-1.1, "fail", "pass"),
    ],
)
def test_the_baseline_is_compared_with_on_both_sides(
    trial: Trial, metrics: dict[str, Any], change: float, loss: str, gain: str
) -> None:
    found = checks_of(trial, metrics, moved(metrics, change * Gate().max_score_change))
    assert found["signal.baseline_loss"].status == loss
    assert found["signal.baseline_gain"].status == gain
    assert (found["signal.baseline_loss"].severity, found["signal.baseline_gain"].severity) == ("block", "warn")
    assert ("contamination" in found["signal.baseline_gain"].detail) == (gain == "fail")


@pytest.mark.parametrize("before", [Before({}, "trained otherwise"), Before({}, "")])
def test_a_missing_figure_is_skipped_with_the_reason(trial: Trial, metrics: dict[str, Any], before: Before) -> None:
    found = checks_of(trial, metrics, before)
    assert found["signal.baseline"].status == "skipped"
    assert found["signal.baseline"].detail
    assert not {"signal.baseline_loss", "signal.baseline_gain"} & found.keys()


def test_a_language_that_fell(trial: Trial, metrics: dict[str, Any]) -> None:
    entry = {"accuracy": 0.3, "untrained": 0.1, "gain": 5.0, "pairs": MIN_PAIRS_OF_DROP}
    small = entry | {"pairs": MIN_PAIRS_OF_DROP - 1}
    languages = {"hin_Deva": entry, "kat_Geor": small}
    earlier = {code: value | {"accuracy": 0.45} for code, value in languages.items()}
    found = held_out_checks(trial, metrics["held_out"], languages, Gate(), Before({"languages": earlier}, ""))
    failed = {(check.id, check.language) for check in found if check.status == "fail"}
    assert ("signal.language_drop", "hin_Deva") in failed
    assert ("signal.language_drop", "kat_Geor") not in failed


def test_a_language_that_training_makes_worse(trial: Trial, metrics: dict[str, Any]) -> None:
    languages = {"tam_Taml": {"accuracy": 0.1, "untrained": 0.4, "gain": -9.0, "pairs": 50}}
    found = held_out_checks(trial, metrics["held_out"], languages, Gate(), None)
    assert [(check.id, check.language) for check in found if check.status == "fail"] == [
        ("signal.language_gain", "tam_Taml")
    ]


def test_the_bootstrap_is_paired() -> None:
    """An equal gain on every pair has no interval, however much the pairs differ; no gain is none."""
    random = np.random.default_rng(1)
    floor = {code: random.integers(0, 2, 40).astype(np.float32) / 2 for code in ("ell_Grek", "hye_Armn")}
    better = {code: values + np.float32(0.25) for code, values in floor.items()}
    assert gain_low(better, floor, seed=1) == pytest.approx(0.25)
    assert gain_low(floor, floor, seed=1) == 0
    other = {code: values[::-1].copy() for code, values in floor.items()}
    assert gain_low(other, floor, seed=1) < 0
    assert gain_low(other, floor, seed=1) == gain_low(other, floor, seed=1)


def test_fewer_pairs_spread_more() -> None:
    assert change_z(0.3, 0.5, pairs=150) < change_z(0.3, 0.5, pairs=30) < 0
    assert change_z(0.3, 0.5, pairs=150) == change_z(0.3, 0.5, pairs=900)
