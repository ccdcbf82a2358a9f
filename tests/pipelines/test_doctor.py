"""What the doctor says of engines: of a real port that answers or does not, and of commands on the path."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from pipelines.doctor import look_at_engines


def states() -> dict[str, str]:
    return {finding.subject: finding.state for finding in look_at_engines()}


def details() -> dict[str, str]:
    return {finding.subject: finding.detail for finding in look_at_engines()}


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is the whole path."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def write(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_without_slurm(commands: Path) -> None:
    assert states()["launcher slurm"] == "absent"


@pytest.mark.parametrize(
    ("script", "state", "words"),
    [
        ("echo 'cpu  up 40'; echo 'gpu  up 2'", "ok", "cpu up 40, gpu up 2"),
        ("echo 'Unable to contact slurm controller' >&2; exit 1", "absent", "Unable to contact"),
    ],
)
def test_with_slurm(commands: Path, script: str, state: str, words: str) -> None:
    write(commands, "srun", "exit 0")
    write(commands, "sinfo", script)
    assert states()["launcher slurm"] == state
    assert words in details()["launcher slurm"]


def test_a_ray_cluster_that_answers_and_one_that_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert states()["launcher ray"] == "ok"
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", address)
        assert states()["launcher ray"] == "ok"
        assert address in details()["launcher ray"]
    assert states()["launcher ray"] == "wrong"


def test_beam_says_what_flink_needs(commands: Path) -> None:
    pytest.importorskip("apache_beam")
    assert "no java" in details()["engine beam"]
    write(commands, "java", "exit 0")
    assert "no java" not in details()["engine beam"]
