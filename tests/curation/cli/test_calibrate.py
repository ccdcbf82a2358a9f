"""`curate calibrate` as a user calls it, on Django's messages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from curation.cli.main import run_command
from curation.langid.background import django_messages
from curation.langid.model import EMBEDDED


@pytest.fixture(scope="module")
def finnish(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts, codes = django_messages()
    lines = [text for text, code in zip(texts.to_pylist(), codes, strict=True) if code == "fin_Latn"]
    path = tmp_path_factory.mktemp("trusted") / "finnish.txt"
    path.write_text("\n".join(" ".join(line.split()) for line in lines) + "\n", encoding="utf-8")
    return path


def test_thresholds_are_fitted_shown_and_written(
    finnish: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["calibrate", "fi", "--trusted", str(finnish)]
    assert run_command(arguments) == 0
    shown = capsys.readouterr().out
    for words in ("fin_Latn (Finnish)", "Django's catalogues", "least score", "curve from 21 letters", "nothing is wr"):
        assert words in shown
    assert run_command([*arguments, "--out", str(tmp_path), "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    measured = value["identification"]["measured"]
    assert [each["start"] for each in measured] == [0, 11, 21, 41, 81]
    assert any(each["precision"] >= 0.98 and each["coverage"] > 0.8 for each in measured)
    assert value["file"] == str(tmp_path / "languages" / "fin_Latn.yml")

    # The file is used by the next process, and sound.
    program = "from language_configs import resolve; print(resolve('fi').identification['lid.176'].log_weight)"
    for command in (["-c", program], ["-m", "curation.cli", "langs", "--lint"]):
        done = subprocess.run(
            [sys.executable, *command],
            env=os.environ | {"CURATION_LANGUAGES": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        if "-c" in command:
            assert float(done.stdout) == value["entry"]["identification"][EMBEDDED]["log_weight"]


def test_a_language_that_the_model_does_not_know_gets_bounds_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "xhosa.txt"
    path.write_text("Abantwana badlala egadini ukususela ngale ntsasa.\n" * 24 + "Ewe!\n", encoding="utf-8")
    assert run_command(["calibrate", "xho", "--trusted", str(path), "--json"]) == 0
    printed = capsys.readouterr()
    assert "lid.176 has no label for xho_Latn" in printed.err
    value = json.loads(printed.out)
    assert value["identification"] is None
    assert {bound["name"] for bound in value["bounds"]} > {"min_chars", "max_repetition"}


@pytest.mark.parametrize(
    ("code", "lines", "words"),
    [
        ("xqz", "a\n" * 30, "unknown language 'xqz'"),
        ("python", "a\n" * 30, "python_Zzzz is a programming language"),
        ("deu", "nur eine Zeile\n", "1 lines are too few"),
        ("deu", "12\n" * 30, "none of the lines holds a letter"),
    ],
)
def test_what_cannot_be_calibrated(
    code: str, lines: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lines.txt"
    path.write_text(lines, encoding="utf-8")
    assert run_command(["calibrate", code, "--trusted", str(path)]) == 2
    assert words in capsys.readouterr().err


def test_a_broken_file_of_the_user_is_not_overwritten(
    finnish: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "languages" / "fin_Latn.yml"
    path.parent.mkdir()
    path.write_text("version: 1\nnonsense: true\n", encoding="utf-8")
    assert run_command(["calibrate", "fi", "--trusted", str(finnish), "--out", str(tmp_path)]) == 2
    assert "nonsense" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == "version: 1\nnonsense: true\n"
