"""`--log json`: every line of stderr is an event, and stdout is what it is without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from curation.cli.events import EventProgress, choose, emit, wanted
from curation.cli.main import run_command
from pipelines.store import Done, Part


@pytest.fixture(autouse=True)
def words_again() -> Any:
    yield
    choose(None)


def events(text: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in text.splitlines()]
    assert all(event["time"].endswith("+00:00") for event in found)
    return found


@pytest.mark.parametrize(
    "arguments",
    [
        ["--log", "json", "verify", "nowhere"],
        ["verify", "nowhere", "--log", "json"],
        ["verify", "--log=json", "nowhere"],
    ],
)
def test_an_error_is_an_event_wherever_the_option_stands(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(arguments) == 1
    (event,) = events(capsys.readouterr().err)
    assert event["event"] == "error"
    assert event["what"] == "This folder is not a release"
    assert event["where"] == "nowhere"
    assert event["next"]
    assert event["exit_code"] == 1


def test_the_environment_asks_for_it_and_the_option_against_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CURATE_LOG", "json")
    run_command(["verify", "nowhere"])
    assert events(capsys.readouterr().err)
    run_command(["--log", "text", "verify", "nowhere"])
    assert capsys.readouterr().err.startswith("Error: ")


def test_wrong_usage_is_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["verify", "--log", "json"]) == 2
    (event,) = events(capsys.readouterr().err)
    assert event["exit_code"] == 2
    assert "RELEASE" in event["what"]


def test_another_log_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["langs", "sw", "--log", "xml"]) == 2
    assert "xml" in capsys.readouterr().err


def test_engine_options_are_the_engine_s(capsys: pytest.CaptureFixture[str]) -> None:
    run_command(["run", "nowhere.yml", "--out", "x", "--", "--log", "json"])
    assert capsys.readouterr().err.startswith("Error: ")


def test_notes_are_events(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "c.yml"
    assert run_command(["init", "bitext", "--out", str(file), "--log", "json"]) == 0
    printed = capsys.readouterr()
    assert printed.out.strip() == str(file)
    assert [event["event"] for event in events(printed.err)] == ["note"]


def test_stages_are_events(capsys: pytest.CaptureFixture[str]) -> None:
    choose("json")
    assert wanted()
    done = Done("filter", (Part("00000", 4, 3, 1), Part("00001", 3, 2, 1)), shuffled=300)
    with EventProgress(seconds=0.0) as progress:
        progress.started("filter", 4)
        progress.advanced(1, "ქართული")
        progress.advanced(1, "the same again")
        progress.advanced(2)
        progress.finished("filter", done, reused=False)
        progress.judged("fail", reused=True)
        progress.line("done")
    found = events(capsys.readouterr().err)
    assert [event["event"] for event in found] == ["started", "advanced", "advanced", "finished", "verdict", "note"]
    assert found[4] | {"time": ""} == {
        "time": "",
        "event": "verdict",
        "verdict": "fail",
        "reused": True,
        "seconds": 0.0,
    }
    assert found[1] | {"time": ""} == {
        "time": "",
        "event": "advanced",
        "stage": "filter",
        "parts": 1,
        "of": 4,
        "note": "ქართული",
    }
    assert {name: found[3][name] for name in ("rows_in", "rows_out", "ledgered", "bytes_shuffled", "reused")} == {
        "rows_in": 7,
        "rows_out": 5,
        "ledgered": 2,
        "bytes_shuffled": 300,
        "reused": False,
    }


def test_what_json_does_not_know_is_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    choose("json")
    emit("note", text=tmp_path)
    assert events(capsys.readouterr().err)[0]["text"] == str(tmp_path)
