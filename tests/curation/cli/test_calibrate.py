"""`curate calibrate` as a user calls it, on Django's messages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

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


@pytest.mark.slow
def test_thresholds_are_fitted_shown_and_written(
    finnish: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["calibrate", "fi", "--trusted", str(finnish)]
    assert run_command(arguments) == 0
    shown = capsys.readouterr().out
    for words in (
        "fin_Latn (Finnish)",
        "Django's catalogues",
        "least score",
        "curve from 21 letters",
        "nothing is written",
        "min_score:",
    ):
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
    lines = [f"Abantwana badlala egadini ukususela ngale ntsasa {number}.\n" for number in range(24)]
    path.write_text("".join(lines) + "Ewe!\n", encoding="utf-8")
    assert run_command(["calibrate", "xho", "--trusted", str(path), "--json"]) == 0
    printed = capsys.readouterr()
    assert "lid.176 has no label for xho_Latn" in printed.err
    value = json.loads(printed.out)
    assert value["identification"] is None
    assert {bound["name"] for bound in value["bounds"]} > {"min_chars", "max_repetition"}


@pytest.mark.parametrize(
    ("code", "lines", "words"),
    [
        ("deu", "immer dasselbe\n" * 500, "1 different lines are too few"),
        ("swh", "".join(f"Это строка номер {n}\n" for n in range(40)), "40 of 40 are not written in Latn but Cyrl"),
        ("xqz", "a\n" * 30, "unknown language 'xqz'"),
        ("python", "a\n" * 30, "python_Zzzz is a programming language"),
        ("deu", "nur eine Zeile\n", "1 different lines are too few"),
        ("deu", "".join(f"{n}\n" for n in range(30)), "none of the lines holds a letter"),
    ],
)
def test_what_cannot_be_calibrated(
    code: str, lines: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lines.txt"
    path.write_text(lines, encoding="utf-8")
    assert run_command(["calibrate", code, "--trusted", str(path)]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.slow
def test_a_broken_file_of_the_user_is_not_overwritten(
    finnish: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "languages" / "fin_Latn.yml"
    path.parent.mkdir()
    path.write_text("version: 1\nnonsense: true\n", encoding="utf-8")
    assert run_command(["calibrate", "fi", "--trusted", str(finnish), "--out", str(tmp_path)]) == 2
    assert "nonsense" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == "version: 1\nnonsense: true\n"


@pytest.mark.slow
def test_bounds_that_a_user_set_stay(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    lines = [f"{number} {number + 1} {number + 2} Ja\n" for number in range(100_000, 100_010)]
    lines += [f"Das ist die Zeile mit der Nummer {number}.\n" for number in range(90)]
    path.write_text("".join(lines), encoding="utf-8")
    own = tmp_path / "own" / "languages" / "deu_Latn.yml"
    own.parent.mkdir(parents=True)
    own.write_text("version: 1\nfilters:\n  sentence: {max_chars: 300}\n  query: {max_chars: 77}\n", encoding="utf-8")
    assert run_command(["calibrate", "deu", "--trusted", str(path), "--out", str(tmp_path / "own")]) == 0
    filters = yaml.safe_load(own.read_text(encoding="utf-8"))["filters"]
    assert filters["query"] == {"max_chars": 77}
    assert filters["sentence"]["max_chars"] == 300
    assert filters["sentence"]["max_digit_share"] > 0.7


def test_where_nothing_is_believed_what_holds_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, others = tmp_path / "lines.txt", tmp_path / "others.tsv"
    lines = [f"Los niños juegan en el jardín número {number}" for number in range(300)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows = [f"cbk\tLos niños juegan en el jardín número {number}, ta juga" for number in range(300)]
    others.write_text("language\ttext\n" + "\n".join(rows) + "\n", encoding="utf-8")
    arguments = ["calibrate", "spa", "--trusted", str(path), "--others", str(others), "--out", str(tmp_path / "own")]
    assert run_command([*arguments, "--precision", "0.999"]) == 0
    shown = capsys.readouterr().out
    assert "no score is enough at any length" in shown
    assert "nothing is written" in shown
    assert not (tmp_path / "own").exists()
