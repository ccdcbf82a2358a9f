"""`curate init` from its command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curation.cli.main import run_command
from curation.config import load_config
from curation.templates import KINDS, template


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_written_once(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config.yml"
    assert run_command(["init", kind, "--out", str(file)]) == 0
    assert load_config(file).sources
    assert f"curate plan {file}" in capsys.readouterr().err
    file.write_text("mine")
    assert run_command(["init", kind, "--out", str(file)]) == 2
    assert file.read_text() == "mine"
    assert "already" in capsys.readouterr().err


def test_without_a_file_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["init", "bitext"]) == 0
    assert capsys.readouterr().out == template("bitext")
    assert run_command(["init", "bitext", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["config"] == template("bitext")


def test_another_kind_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["init", "everything"]) == 2
    assert "retrieval" in capsys.readouterr().err
