from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from steps import Touch, ranks

from curation.errors import CurationError
from pipelines.launch import rank as module
from pipelines.launch.rank import Task


def task(folder: Path, tasks: int = 3, **bad: tuple[int, ...]) -> Task:
    return Task(Touch(folder, **bad), tasks, str(folder / "log"))


def test_what_has_a_marker_is_not_left(tmp_path: Path) -> None:
    made = task(tmp_path)
    assert made.left() == [0, 1, 2]
    made.run(1)
    assert made.left() == [0, 2]
    assert ranks(tmp_path) == ["rank-1-of-3"]
    assert (tmp_path / "log" / "logs" / "task_00001.log").exists()


def test_nothing_reaches_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    made = task(tmp_path, raising=(1,))
    made.left()
    made.run(0)
    with pytest.raises(CurationError):
        made.run(1)
    assert capfd.readouterr().err == ""


def test_an_error_names_the_step(tmp_path: Path) -> None:
    assert str(task(tmp_path).error(2, "why")).startswith("Task 2 of 3 of the stage touch failed\n")


def test_a_worker_that_does_not_find_the_work_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(CurationError, match="not shared") as caught:
        task(tmp_path).run(0)
    assert caught.value.where == str(tmp_path / "log")
    assert "worker on" in caught.value.why
    assert "share" in caught.value.hint


def test_a_marker_that_never_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MARKER_SECONDS", 0.1)
    made = task(tmp_path)
    made.left()
    with pytest.raises(CurationError, match="not shared") as caught:
        made.check_marker(0)
    assert "completion marker" in caught.value.why


def test_a_marker_that_appears_late_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MARKER_SECONDS", 20.0)
    made = task(tmp_path)
    made.left()
    marker = tmp_path / "log" / "completions" / "00000"
    threading.Timer(0.5, marker.touch).start()
    begin = time.monotonic()
    made.check_marker(0)
    assert 0.4 < time.monotonic() - begin < 15


@pytest.mark.parametrize(
    ("log", "shown"),
    [
        (None, ["(there is no log)"]),
        (b"", ["(the log is empty)"]),
        (b"\n \n", ["(the log is empty)"]),
        ("строка 1\n\nपंक्ति २\n".encode(), ["строка 1", "पंक्ति २"]),
        (b"\n".join(b"%d" % n for n in range(100_000)), ["99995", "99996", "99997", "99998", "99999"]),
        (b"caf\xff\n", ["caf\ufffd"]),
        ("\x1b[2Jשלום\u202e evil\x07".encode(), ["[2Jשלום evil"]),
        (b"a" * 100_000, ["a" * 200]),
        ("ก".encode() * 200, ["ก" * 200]),
    ],
)
def test_the_end_of_a_log(log: bytes | None, shown: list[str], tmp_path: Path) -> None:
    made = task(tmp_path)
    made.left()
    if log is not None:
        (tmp_path / "log" / "logs").mkdir()
        (tmp_path / "log" / "logs" / "task_00000.log").write_bytes(log)
    lines = [line.strip() for line in made.error(0, "because").why.splitlines()]
    assert lines[0] == "because"
    assert lines[1:] == shown
