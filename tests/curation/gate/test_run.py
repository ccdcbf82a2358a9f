"""The whole gate: one verdict, the same each time; a broken check is no finding."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path

import pytest

from curation.config.gate import Gate
from curation.config.training import Training
from curation.files import sha256_file, write_json
from curation.gate import Verdict, data, run_gate, signal
from curation.gate.data import integrity, labels
from curation.gate.run import spec_digest
from curation.gate.signal import trial as trials
from curation.release import Release, layout, open_release

OFF = Training(enabled=False)


def test_two_runs_give_the_same_bytes(sound: Release, small: Training, gated: Verdict, tmp_path: Path) -> None:
    """With an empty cache, and beside a verdict that is there already."""
    elsewhere = open_release(shutil.copytree(sound.path, tmp_path / "copy"))
    out = elsewhere.path / "gate"
    for _ in range(2):
        verdict = run_gate(elsewhere, training=small, out=out)
        assert verdict == gated
        write_json(tmp_path / "first.json", gated.to_json())
        assert sha256_file(out / "verdict.json") == sha256_file(tmp_path / "first.json")
    assert [path.name for path in out.iterdir()] == ["verdict.json"]


def test_a_verdict_speaks_about_one_release(sound: Release, gated: Verdict) -> None:
    assert gated.release["manifest_sha256"] == sound.digest
    assert gated.release["name"] == "messages"
    assert gated.seed == sound.manifest["seed"] == 3
    assert gated.environment.keys() >= {"torch", "sentencepiece", "numpy"}
    assert gated.metrics.keys() >= {"losses", "languages", "grid", "held_out", "alignment", "negatives", "settings"}
    assert {check.kind for check in gated.checks} == {"data", "mechanism", "signal"}
    assert {check.status for check in gated.checks if check.severity == "block"} == {"pass", "skipped"}
    json.dumps(gated.to_json(), allow_nan=False)


def test_the_releases_own_settings_are_the_default(sound: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    config = sound.manifest["config"] | {
        "gate": sound.manifest["config"]["gate"] | {"max_label_noise": 0.0},
        "training": sound.manifest["config"]["training"] | {"enabled": False},
    }
    seen = []
    monkeypatch.setattr(data, "check_labels", lambda _, options: seen.append(options) or [])
    release = Release(sound.path, sound.manifest | {"config": config}, sound.digest)
    verdict = run_gate(release)
    assert seen == [Gate.model_validate(config["gate"])]
    assert [check.detail for check in verdict.checks if check.status == "skipped"] == ["training is switched off"]


@pytest.mark.parametrize(
    ("module", "name", "check"),
    [
        (integrity, "verify_release", "data.integrity"),
        (data, "check_schema", "data.schema"),
        (data, "check_texts", "data.texts"),
        (labels, "label_margins", "data.labels"),
        (trials, "prepare", "signal.training"),
        (signal, "find_suspects", "signal.training"),
    ],
)
def test_a_broken_check_is_an_error_and_no_failure(
    sound: Release, small: Training, monkeypatch: pytest.MonkeyPatch, module: object, name: str, check: str
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ArithmeticError("the ruler is bent")

    monkeypatch.setattr(module, name, broken)
    training = small.model_copy(update={"steps": 5}) if module in (signal, trials) else OFF
    verdict = run_gate(sound, options=Gate(min_gain_over_shuffled=0, seeds=1), training=training)
    (error,) = [found for found in verdict.checks if found.status == "error"]
    assert (error.id, error.detail) == (check, "ArithmeticError: the ruler is bent")
    assert error.kind == check.partition(".")[0]
    assert verdict.status == verdict.to_json()["status"] == "error"
    assert not [found for found in verdict.checks if found.status == "fail"]


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_what_is_no_fault_of_a_check_ends_the_gate(
    sound: Release, monkeypatch: pytest.MonkeyPatch, error: type[BaseException], tmp_path: Path
) -> None:
    def stop(*_: object) -> None:
        raise error

    monkeypatch.setattr(data, "check_leaks", stop)
    with pytest.raises(error):
        run_gate(sound, training=OFF, out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_baseline_without_a_verdict_is_named(sound: Release, small: Training) -> None:
    assert sound.verdict is None
    verdict = run_gate(sound, training=small.model_copy(update={"steps": 5}), baseline=sound)
    (check,) = [check for check in verdict.checks if check.id == "signal.baseline"]
    assert (check.status, check.detail) == ("skipped", "the baseline has no verdict with figures")


def test_a_baseline_with_a_verdict(sound: Release, small: Training, gated: Verdict, tmp_path: Path) -> None:
    """The release is its own baseline: nothing has changed."""
    earlier = open_release(shutil.copytree(sound.path, tmp_path / "earlier"))
    write_json(earlier.path / layout.VERDICT, gated.to_json())
    verdict = run_gate(sound, training=small, baseline=earlier)
    values = {check.id: check.value for check in verdict.checks if check.id.startswith("signal.baseline")}
    assert values == {"signal.baseline_loss": 0.0, "signal.baseline_gain": 0.0}
    assert verdict.spec != gated.spec
    assert verdict.spec != spec_digest(Gate(), small, sound)
    assert (gated.to_json()["baseline"], verdict.to_json()["baseline"]) == (None, earlier.identity)


def test_the_spec_names_all_that_a_verdict_depends_on(sound: Release) -> None:
    settings = itertools.product([Gate(), Gate(min_language_pairs=9)], [Training(), OFF], [None, sound])
    digests = [spec_digest(*setting) for setting in settings]
    assert len(set(digests)) == 8
    assert spec_digest(Gate(), Training(), None) == digests[0]
