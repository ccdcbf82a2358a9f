"""Training works, the losses are sane, and the model survives its folder."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from curation.config.gate import Gate
from curation.gate.baseline import Before
from curation.gate.signal import Trial
from curation.gate.signal.mechanism import TOO_FEW, end_loss, export_loads, mechanism_checks
from curation.training.evaluation import Cell, Score

ALL = ("steps", "loss", "grid", "reload", "export_loads")


def statuses(trial: Trial, before: Before | None = None) -> dict[str, str]:
    found = mechanism_checks(trial, Gate(), before)
    return {check.id.removeprefix("mechanism."): check.status for check in found}


def with_losses(trial: Trial, *losses: float) -> Trial:
    """Return the trial with these losses in its last model."""
    *others, last = trial.models
    return dataclasses.replace(trial, models=(*others, dataclasses.replace(last, losses=losses)))


def test_a_sound_trial(trial: Trial) -> None:
    assert statuses(trial) == dict.fromkeys(ALL, "pass") | {"export_loads": "skipped"}


@pytest.mark.parametrize(
    ("losses", "failed"),
    [
        ([3.0], {"steps", "loss"}),
        ([3.0] * 100, {"loss"}),
        ([1.0] * 50 + [2.0] * 50, {"loss"}),
        ([2.0] * 50 + [1.0] * 40, {"steps"}),
    ],
)
def test_losses_that_are_not_sane_in_one_seed(trial: Trial, losses: list[float], failed: set[str]) -> None:
    found = statuses(with_losses(trial, *losses))
    assert {name for name, status in found.items() if status == "fail"} == failed


def test_no_step_at_all(trial: Trial) -> None:
    assert statuses(with_losses(trial)) == {"steps": "fail"}


def test_a_cell_without_a_score(trial: Trial) -> None:
    missing = dataclasses.replace(trial, grid=trial.grid[1:])
    broken = dataclasses.replace(trial, grid=[*trial.grid[1:], Cell(0, 16, 16, Score(float("nan"), 0.0))])
    assert statuses(missing)["grid"] == statuses(broken)["grid"] == "fail"
    (grid,) = [
        check
        for check in mechanism_checks(dataclasses.replace(trial, pairs=[]), Gate(), None)
        if check.id == "mechanism.grid"
    ]
    assert (grid.status, grid.detail) == ("skipped", TOO_FEW)


@pytest.mark.parametrize(("change", "status"), [(0.0, "pass"), (0.9, "pass"), (1.1, "fail"), (-1.1, "fail")])
def test_the_end_loss_is_compared_on_both_sides(trial: Trial, change: float, status: str) -> None:
    mean = sum(map(end_loss, trial.models)) / len(trial.models)
    before = Before({"end_loss": {"mean": mean + change * Gate().max_end_loss_change}}, "")
    assert statuses(trial, before)["end_loss"] == status


@pytest.mark.parametrize("before", [Before({}, ""), Before({"end_loss": {"mean": 1.0}}, "made otherwise")])
def test_an_end_loss_that_cannot_be_compared_is_skipped(trial: Trial, before: Before) -> None:
    assert statuses(trial, before)["end_loss"] == "skipped"


@pytest.mark.parametrize(("difference", "status"), [(0.0, "pass"), (1e-3, "fail"), (float("nan"), "fail")])
def test_an_export_is_compared_with_the_model(trial: Trial, difference: float, status: str) -> None:
    def export(model: object, folder: Path, texts: tuple[str, ...]) -> float:
        assert model is trial.model
        assert folder.is_dir()
        assert texts
        return difference

    assert export_loads(trial.model, export).status == status
