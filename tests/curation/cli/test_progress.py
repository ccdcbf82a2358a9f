from __future__ import annotations

import json
import time

import pytest

from curation.cli.events import EventProgress, choose
from curation.cli.progress import RunProgress, Together
from pipelines.store import Done, Part


def test_without_a_terminal_each_stage_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    long_name = "a_stage_with_a_name_that_makes_the_line_longer_than_any_terminal_is_wide_by_default"
    with RunProgress() as progress:
        progress.started(long_name, 4)
        progress.advanced(2)
        progress.finished(long_name, Done(long_name, (Part("p", 10, 7, 3),)), reused=False)
        progress.finished("again", Done("again", ()), reused=True)
        progress.judged("pass", reused=True)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "10 in" in lines[0]
    assert "7 out" in lines[0]
    assert lines[1].endswith("(found finished)")
    assert lines[2].split() == ["gate", "pass", "(found", "finished)"]


def test_a_silent_stage_speaks_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    with RunProgress(quiet_seconds=0.05) as progress:
        progress.started("mine", 4)
        progress.advanced(3, "nearly there")
        time.sleep(0.5)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "mine: 3 of 4 nearly there"
    assert 2 <= len(lines) <= 20


def test_several_observers_are_told_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    choose("json")
    with EventProgress(seconds=0.0) as one, EventProgress(seconds=0.0) as other:
        both = Together(one, other)
        both.started("filter", 2)
        both.advanced(1, "ხმა")
        both.finished("filter", Done("filter", ()), reused=False)
        both.judged("pass", reused=False)
        both.line("완료")
    choose(None)
    found = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [event["event"] for event in found[::2]] == ["started", "advanced", "finished", "verdict", "note"]
    for event in found:
        event.pop("time")
        event.pop("seconds", None)
    assert found[::2] == found[1::2]
