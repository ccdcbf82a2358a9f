from __future__ import annotations

import time

import pytest

from curation.cli.progress import RunProgress
from pipelines.store import Done, Part


def test_without_a_terminal_each_stage_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    long_name = "a_stage_with_a_name_that_makes_the_line_longer_than_any_terminal_is_wide_by_default"
    with RunProgress() as progress:
        progress.started(long_name, 4)
        progress.advanced(2)
        progress.finished(long_name, Done(long_name, (Part("p", 10, 7, 3),)), reused=False)
        progress.finished("again", Done("again", ()), reused=True)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "10 in" in lines[0]
    assert "7 out" in lines[0]
    assert lines[1].endswith("(found finished)")


def test_a_silent_stage_speaks_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    with RunProgress(quiet_seconds=0.05) as progress:
        progress.started("mine", 4)
        progress.advanced(3, "nearly there")
        time.sleep(0.5)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "mine: 3 of 4 nearly there"
    assert 2 <= len(lines) <= 20
