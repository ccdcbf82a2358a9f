"""`curate doctor` from its command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curation.cli.main import run_command


def test_it_says_what_there_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["doctor", "--out", str(tmp_path), "--offline"]) == 0
    printed = capsys.readouterr().out
    for subject in ("python", "packages", "disk", "engine datatrove", "launcher slurm"):
        assert f" {subject}: " in printed
    assert " hub: http" not in printed


def test_as_json_with_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    assert run_command(["doctor", "--out", str(tmp_path), "--offline", "--json"]) == 1
    value = json.loads(capsys.readouterr().out)
    assert value["ok"] is False
    wrong = [finding for finding in value["findings"] if finding["state"] == "wrong"]
    assert [finding["subject"] for finding in wrong] == ["launcher ray"]
    assert "ray start" in wrong[0]["hint"]
