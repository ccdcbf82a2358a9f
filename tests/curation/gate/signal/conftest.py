"""A trial of the sound release, made once."""

from __future__ import annotations

from typing import Any

import pytest

from curation.config.gate import Gate
from curation.config.training import Training
from curation.gate.signal import Trial, run_trial, trial_metrics
from curation.release import Release


@pytest.fixture(scope="session")
def trial(sound: Release, small: Training, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    cache = tmp_path_factory.mktemp("tokenizers")
    return run_trial(sound, small, Gate(seeds=2), seed=3, cache=cache, progress=lambda *_: None)


@pytest.fixture(scope="session")
def metrics(trial: Trial) -> dict[str, Any]:
    return trial_metrics(trial)
