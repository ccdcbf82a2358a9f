"""What the doctor says of a machine, where something is missing, too."""

from __future__ import annotations

import importlib.metadata
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from curation import doctor
from curation.doctor import look_around, packages

METADATA = {"Provides-Extra": ["beam", "test", "hub"]}
REQUIRES = [
    "numpy>=2",
    "numba>=0.61; platform_machine == 'not-this-one'",
    'apache-beam>=2.77; extra == "beam"',
    'pytest; extra == "test"',
    'huggingface-hub>=2.4; extra == "hub"',
]
INSTALLED = {"numpy": "2.4.0", "apache-beam": "2.77.0", "huggingface-hub": "2.4.0"}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return what is installed, by name; the test may change it."""
    there = dict(INSTALLED)

    def version(name: str) -> str:
        if name not in there:
            raise importlib.metadata.PackageNotFoundError(name)
        return there[name]

    fake = SimpleNamespace(
        metadata=lambda _: SimpleNamespace(get_all=METADATA.get),
        requires=lambda _: REQUIRES,
        version=version,
        PackageNotFoundError=importlib.metadata.PackageNotFoundError,
    )
    monkeypatch.setattr(importlib, "metadata", fake)
    return there


def states() -> dict[str, str]:
    return {finding.subject: finding.state for finding in packages()}


def test_everything_is_there(installed: dict[str, str]) -> None:
    assert states() == {"packages": "ok", "extra beam": "ok", "extra hub": "ok"}


@pytest.mark.parametrize(
    ("name", "version", "subject", "state", "words"),
    [
        ("numpy", "", "packages", "wrong", "without numpy>=2"),
        ("numpy", "1.26.4", "packages", "wrong", "numpy 1.26.4, not >=2"),
        ("apache-beam", "", "extra beam", "absent", "without apache-beam"),
        ("apache-beam", "2.60.0", "extra beam", "wrong", "apache-beam 2.60.0, not >=2.77"),
        ("huggingface-hub", "", "extra hub", "absent", "without huggingface-hub"),
    ],
)
def test_something_is_not(
    installed: dict[str, str], name: str, version: str, subject: str, state: str, words: str
) -> None:
    if version:
        installed[name] = version
    else:
        del installed[name]
    found = {finding.subject: finding for finding in packages()}
    assert found[subject].state == state
    assert words in found[subject].detail
    assert found[subject].hint.startswith("pip install")
    assert all(finding.state == "ok" for other, finding in found.items() if other != subject)


def test_a_machine_on_which_the_tests_run_is_fit(tmp_path: Path) -> None:
    found = {finding.subject: finding for finding in look_around(tmp_path / "not" / "yet")}
    assert found.keys() >= {"python", "packages", "disk", "processors and memory", "gpu", "compiled kernels"}
    assert not [finding for finding in found.values() if finding.state == "wrong"]
    assert str(tmp_path) in found["disk"].detail


def test_a_full_disk_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, state in ((0, "wrong"), (5 << 30, "absent"), (50 << 30, "ok")):
        usage = SimpleNamespace(free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda _, usage=usage: usage)
        assert {f.subject: f.state for f in look_around(tmp_path)}["disk"] == state


def test_little_memory_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_memory_gb", lambda: 0.5)
    assert {f.subject: f.state for f in look_around(tmp_path)}["processors and memory"] == "wrong"
