"""The release must teach something, the same as before, and the losses must be sane."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from curation.config.gate import Gate
from curation.config.training import Training
from curation.gate import Verdict, run_gate, signal
from curation.gate.signal import BASELINE_TOLERANCE, Trial, find_suspects, mechanism_checks, signal_checks
from curation.release import Release
from curation.training.evaluation import Cell, Score


@pytest.fixture(scope="module")
def trial(sound: Release, small: Training, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    cache = tmp_path_factory.mktemp("tokenizers")
    return signal.run_trial(sound, small, Gate(), seed=3, cache=cache, progress=lambda *_: None)


def statuses(checks: list[signal.Check]) -> dict[str, str]:
    return {check.id: check.status for check in checks}


def test_a_release_that_teaches(gated: Verdict) -> None:
    assert gated.status == "pass"
    found = {check.id: check for check in gated.checks}
    assert found["signal.gain_over_shuffled"].value > 1.5 * Gate().min_gain_over_shuffled
    assert found["signal.gain_over_untrained"].status == "pass"
    assert found["signal.gain_over_lexical"].severity == "warn"


def turned(table: pa.Table) -> pa.Table:
    """Give each row the positive and the negatives of the next one."""
    rows = np.roll(np.arange(table.num_rows), 1)
    for index, name in enumerate(table.column_names):
        if name == "positive" or (name.startswith("negative_") and name != "negative_ids"):
            table = table.set_column(index, table.schema.field(name), table[name].take(pa.array(rows)))
    return table


def test_shuffled_positives(sound: Release, alter: Callable[..., Release], small: Training, tmp_path: Path) -> None:
    release = sound
    for language in sound.languages:
        release = alter(turned, language=language)
    verdict = run_gate(release, training=small, cache=tmp_path / "tokenizers")
    failed = {check.id for check in verdict.checks if check.status == "fail" and check.severity == "block"}
    assert verdict.status == "fail"
    assert "signal.gain_over_shuffled" in failed
    assert failed <= {"signal.gain_over_shuffled", "signal.gain_over_untrained"}


def test_the_figures_behind_the_checks(trial: Trial) -> None:
    checks, figures = signal_checks(trial, Gate(), None)
    values = {check.id: check.value for check in checks}
    assert values["signal.gain_over_shuffled"] == figures["accuracy"] - figures["shuffled"]
    assert values["signal.gain_over_untrained"] == figures["accuracy"] - figures["untrained"]
    assert values["signal.gain_over_lexical"] == figures["accuracy"] - figures["lexical"]
    assert all(0 <= value <= 1 for value in figures.values())
    assert len(checks) == 3


@pytest.mark.parametrize(
    ("change", "loss", "gain"),
    [
        (0.0, "pass", "pass"),
        (0.9 * BASELINE_TOLERANCE, "pass", "pass"),
        (-0.9 * BASELINE_TOLERANCE, "pass", "pass"),
        (1.1 * BASELINE_TOLERANCE, "pass", "fail"),
        (-1.1 * BASELINE_TOLERANCE, "fail", "pass"),
    ],
)
def test_the_baseline_is_compared_with_on_both_sides(trial: Trial, change: float, loss: str, gain: str) -> None:
    accuracy = signal_checks(trial, Gate(), None)[1]["accuracy"]
    baseline = {"metrics": {"held_out": {"accuracy": accuracy - change}}}
    checks = {check.id: check for check in signal_checks(trial, Gate(), baseline)[0]}
    assert checks["signal.baseline_loss"].status == loss
    assert checks["signal.baseline_gain"].status == gain
    assert (checks["signal.baseline_loss"].severity, checks["signal.baseline_gain"].severity) == ("block", "warn")
    assert ("contamination" in checks["signal.baseline_gain"].detail) == (gain == "fail")


@pytest.mark.parametrize("baseline", [{}, {"metrics": {}}, {"metrics": {"held_out": {}}}])
def test_a_baseline_without_a_score_is_named(trial: Trial, baseline: dict[str, object]) -> None:
    checks = {check.id: check for check in signal_checks(trial, Gate(), baseline)[0]}
    assert checks["signal.baseline"].status == "skipped"
    assert "no verdict" in checks["signal.baseline"].detail


def with_losses(trial: Trial, *losses: float) -> Trial:
    return dataclasses.replace(trial, model=dataclasses.replace(trial.model, losses=losses))


def test_mechanism_of_a_sound_trial(trial: Trial) -> None:
    assert statuses(mechanism_checks(trial)) == dict.fromkeys(
        ["mechanism.steps", "mechanism.loss", "mechanism.grid"], "pass"
    )


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([], {"mechanism.steps": "fail"}),
        ([3.0], {"mechanism.steps": "fail", "mechanism.loss": "fail", "mechanism.grid": "pass"}),
        ([3.0] * 100, {"mechanism.steps": "pass", "mechanism.loss": "fail", "mechanism.grid": "pass"}),
        ([1.0] * 50 + [2.0] * 50, {"mechanism.steps": "pass", "mechanism.loss": "fail", "mechanism.grid": "pass"}),
        ([2.0] * 50 + [1.0] * 40, {"mechanism.steps": "fail", "mechanism.loss": "pass", "mechanism.grid": "pass"}),
    ],
)
def test_losses_that_are_not_sane(trial: Trial, losses: list[float], expected: dict[str, str]) -> None:
    assert statuses(mechanism_checks(with_losses(trial, *losses))) == expected


def test_a_cell_without_a_score(trial: Trial) -> None:
    missing = dataclasses.replace(trial, grid=trial.grid[1:])
    broken = dataclasses.replace(trial, grid=[*trial.grid[1:], Cell(0, 16, 16, Score(float("nan"), 0.0))])
    for changed in (missing, broken):
        assert statuses(mechanism_checks(changed))["mechanism.grid"] == "fail"


def test_too_little_is_held_out(sound: Release, small: Training, tmp_path: Path) -> None:
    told = []
    options, short = Gate(min_language_pairs=10_000), small.model_copy(update={"steps": 10})
    trial = signal.run_trial(
        sound, short, options, seed=3, cache=tmp_path, progress=lambda step, note: told.append((step, note))
    )
    checks, figures = signal_checks(trial, options, None)
    skipped = {check.id: (check.status, check.detail) for check in [*mechanism_checks(trial), *checks]}
    reason = ("skipped", "no language has enough held-out pairs")
    assert skipped["mechanism.grid"] == skipped["signal.held_out"] == reason
    assert figures == {}
    assert trial.shuffled is None
    assert [step for step, _ in told] == list(range(1, 11))
    assert all(note.startswith("training the model, loss ") for _, note in told)


def test_metrics_are_a_short_curve_and_every_language(trial: Trial) -> None:
    metrics = signal.training_metrics(trial)
    assert [point["step"] for point in metrics["losses"]] == list(range(1, 101))
    assert set(metrics["languages"]) == {pairs.language for pairs in trial.pairs}
    assert len(metrics["grid"]) == 2 * 2 * 1
    long = signal.training_metrics(with_losses(trial, *map(float, range(5_000))))["losses"]
    assert len(long) == 200
    assert (long[0]["step"], long[-1]) == (1, {"step": 5_000, "loss": 4_999.0})
    assert signal.training_metrics(with_losses(trial))["losses"] == []


def test_wrong_pairs_are_suspect(alter: Callable[..., Release], trial: Trial) -> None:
    """Five German pairs whose positives went round, before a model that was trained on the right ones."""

    def change(table: pa.Table) -> pa.Table:
        rows = [1, 2, 3, 4, 0, *range(5, table.num_rows)]
        index = table.column_names.index("positive")
        return table.set_column(index, table.schema.field("positive"), table["positive"].take(pa.array(rows)))

    release = alter(change)
    wrong = set(release.read("full", split="train", language="deu_Latn")["id"].to_pylist()[:5])
    by_language = defaultdict(list)
    for suspect in find_suspects(release, trial.model, seed=3):
        by_language[suspect["language"]].append(suspect)
    assert {len(suspects) for suspects in by_language.values()} == {5}
    assert set(by_language) == set(release.languages)
    assert len(wrong & {suspect["id"] for suspect in by_language["deu_Latn"]}) >= 2
    for suspects in by_language.values():
        assert [s["margin"] for s in suspects] == sorted(s["margin"] for s in suspects)
