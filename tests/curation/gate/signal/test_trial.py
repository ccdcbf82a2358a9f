"""Every seed leaves out a fold; the control's pairs mean nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.config.gate import Gate
from curation.config.training import Training
from curation.gate.signal import Trial, run_trial, trial_checks, trial_metrics
from curation.gate.signal.trial import folds_of, hits, without
from curation.release import Release
from curation.training import prepare
from curation.training.evaluation import retrieval_score


@given(st.integers(1, 9), st.integers(2, 40), st.integers(0, 99))
def test_hits_are_those_of_the_score(seed: int, size: int, values: int) -> None:
    random = np.random.default_rng((seed, values))
    similarities = random.integers(0, 4, (size, size)).astype(np.float32)
    right = np.eye(size, dtype=bool)
    assert float(hits(similarities, right).mean()) == pytest.approx(retrieval_score(similarities, right).accuracy)


@pytest.mark.parametrize(("seeds", "count"), [(1, 3), (3, 3), (5, 5)])
def test_folds(seeds: int, count: int) -> None:
    ids = np.array([f"id {number}" for number in range(600)], dtype=object)
    folds = folds_of(ids, seeds, 3)
    assert set(folds.tolist()) == set(range(count))
    assert np.array_equal(folds_of(ids[::-1], seeds, 3), folds[::-1])
    assert not np.array_equal(folds_of(ids, seeds, 4), folds)


def test_pairs_that_are_left_out(sound: Release, small: Training, tmp_path: Path) -> None:
    pairs = prepare(sound, small, seed=3, cache=tmp_path).pairs
    out = np.arange(len(pairs.anchors)) % 3 == 1
    kept = without(pairs, out)
    assert np.array_equal(kept.positives, pairs.positives[~out])
    assert sorted(np.concatenate(kept.sources).tolist()) == list(range(int((~out).sum())))
    assert without(pairs, np.ones(len(out), bool)) is pairs


def test_models_judge_only_what_they_have_not_seen(sound: Release, trial: Trial) -> None:
    folds = folds_of(trial.rows.ids, len(trial.models), 3)
    assert set(folds[trial.fit.rows].tolist()) == {0, 1}
    assert len(trial.rows.ids) <= sound.read("full", split="train", columns=["id"]).num_rows


def test_a_release_is_its_own_baseline(trial: Trial, metrics: dict[str, Any]) -> None:
    checks = trial_checks(trial, metrics, Gate(), {"metrics": metrics})
    assert {check.status for check in checks if check.severity == "block"} == {"pass", "skipped"}
    changes = {check.id: check.value for check in checks if "against the baseline" in check.metric}
    assert changes["signal.baseline_loss"] == changes["signal.alignment.rise"] == changes["mechanism.end_loss"] == 0


def test_too_little_is_held_out(sound: Release, small: Training, tmp_path: Path) -> None:
    told = []
    options, short = Gate(min_language_pairs=10_000, seeds=1), small.model_copy(update={"steps": 10})
    trial = run_trial(
        sound, short, options, seed=3, cache=tmp_path, progress=lambda step, note: told.append((step, note))
    )
    found = trial_metrics(trial)
    checks = {check.id: check for check in trial_checks(trial, found, options, None)}
    assert checks["mechanism.grid"].status == checks["signal.held_out"].status == "skipped"
    assert (found["held_out"], found["languages"], found["grid"]) == ({}, {}, [])
    assert [step for step, _ in told] == list(range(1, 11))
    assert all(note.startswith("training model 1 of 1, loss ") for _, note in told)


def test_metrics_are_a_short_curve_and_every_language(trial: Trial, metrics: dict[str, Any]) -> None:
    assert [point["step"] for point in metrics["losses"]] == list(range(1, 101))
    assert set(metrics["languages"]) == {pairs.language for pairs in trial.pairs}
    assert len(metrics["grid"]) == 2 * 2 * 1
    assert len(metrics["end_loss"]["seeds"]) == len(metrics["seeds"]) == 2
    assert all(0 <= row["low"] <= row["accuracy"] <= row["high"] <= 1 for row in metrics["languages"].values())
    assert any(row["low"] < row["accuracy"] < row["high"] for row in metrics["languages"].values())
