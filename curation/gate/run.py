"""Running the gate: all checks on one release, and the verdict on disk."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from curation.code import code_digest, versions
from curation.config.gate import Gate
from curation.config.training import Training
from curation.files import to_json, write_json
from curation.gate.data import INDEPENDENT, STRUCTURAL, data_checks
from curation.gate.false_alarms import false_alarms
from curation.gate.verdict import Check, Kind, Verdict, skipped
from curation.release import Release

Progress = Callable[[int, str], None]

_UNSOUND = "the files of the release are not sound"


def run_gate(
    release: Release,
    *,
    options: Gate | None = None,
    training: Training | None = None,
    baseline: Release | None = None,
    out: Path | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """Check a release.

    Args:
        release: the release.
        options: thresholds; those of the release's own config by default.
        training: settings of the smoke model; likewise.
        baseline: an earlier release with a verdict, to compare with.
        out: folder that gets verdict.json, written whole or not at all.
        cache: folder in which trained tokenizers are kept between runs.
        progress: is called with the number of training steps done and a note.

    Returns:
        The verdict: `fail` if the release is not fit, `error` if a check itself broke.
    """
    config, seed = release.manifest["config"], int(release.manifest["seed"])
    options = options or Gate.model_validate(config["gate"])
    training = training or Training.model_validate(config["training"])
    checks = _check_data(release, options)
    if training.enabled and _sound(checks):
        trained = _train(release, options, training, baseline, seed, cache, progress or _silent)
    else:
        why = _UNSOUND if training.enabled else "training is switched off"
        trained = Trained([skipped("signal.training", "signal", why)], {}, [])
    verdict = Verdict(
        release=release.identity,
        baseline=baseline.identity if baseline else None,
        spec=spec_digest(options, training, baseline),
        environment=versions(),
        seed=seed,
        checks=tuple(replace(check, false_alarms=false_alarms(check.id)) for check in (*checks, *trained.checks)),
        metrics=trained.metrics,
        suspects=tuple(trained.suspects),
    )
    if out is not None:
        write_json(out / "verdict.json", verdict.to_json())
    return verdict


def spec_digest(options: Gate, training: Training, baseline: Release | None) -> str:
    """Return the digest of everything besides the release that a verdict depends on."""
    spec = {
        "gate": options.model_dump(),
        "training": training.model_dump(),
        # A verdict is no part of what the manifest's digest covers.
        "baseline": [baseline.digest, baseline.verdict] if baseline else None,
        "code": code_digest(),
    }
    return hashlib.sha256(to_json(spec).encode()).hexdigest()


def _check_data(release: Release, options: Gate) -> list[Check]:
    """Make the data checks; those after a file that is not sound are skipped: it would break them, not fail them."""
    checks: list[Check] = []
    for name, make in data_checks(release, options):
        possible = name in INDEPENDENT or _sound(checks)
        checks += _guarded(name, make) if possible else [skipped(name, "data", _UNSOUND)]
    return checks


def _sound(checks: Sequence[Check]) -> bool:
    return all(check.status == "pass" for check in checks if check.id in STRUCTURAL)


@dataclass(frozen=True, slots=True)
class Trained:
    """What the training run adds to a verdict: checks, figures and suspect pairs."""

    checks: list[Check]
    metrics: dict[str, Any]
    suspects: list[dict[str, Any]]


def _train(
    release: Release,
    options: Gate,
    training: Training,
    baseline: Release | None,
    seed: int,
    cache: Path | None,
    progress: Progress,
) -> Trained:
    from curation.gate import signal
    from curation.gate.signal.exporting import export_probe

    result = Trained([], {}, [])

    def evaluate() -> list[Check]:
        with _folder(cache) as folder:
            trial = signal.run_trial(release, training, options, seed=seed, cache=folder, progress=progress)
        result.metrics.update(signal.trial_metrics(trial))
        result.suspects.extend(signal.find_suspects(release, trial.rows, trial.fit))
        before = (baseline.verdict or {}) if baseline else None
        return signal.trial_checks(trial, result.metrics, options, before, export=export_probe())

    result.checks.extend(_guarded("signal.training", evaluate))
    return result


def _guarded(name: str, make: Callable[[], list[Check]]) -> list[Check]:
    """Make a check; if it breaks, that is an error of the gate and no finding about the release."""
    try:
        return make()
    except MemoryError:
        raise
    except Exception as error:
        kind: Kind = "data" if name.startswith("data.") else "signal"
        return [Check(name, kind, "error", detail=f"{type(error).__name__}: {error}")]


def _folder(cache: Path | None) -> contextlib.AbstractContextManager[Path]:
    return contextlib.nullcontext(cache) if cache else _temporary_folder()


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _silent(_steps: int, _note: str) -> None:
    return
