"""Processes that outlive their starter, and locks that go with whoever holds them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from trigger_runs import SECRETS, request

from curation.errors import ConfigError, CurationError
from hub_upload.triggers.workplace import Workplace, default_state, read_bounded

ASKED = request("local")


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    found = Workplace.of(tmp_path / "state", "local", ASKED.key)
    with found.reserved():
        return found


def wait_for_end(place: Workplace, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while place.is_running():
        assert time.monotonic() < deadline, place.log_tail()
        time.sleep(0.02)


def script(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_a_process_gets_its_input_and_leaves_its_output(place: Workplace, tmp_path: Path) -> None:
    (tmp_path / "given").write_text("नमस्ते")
    text = "import os,sys; print(sys.stdin.read() + os.environ['NAME']); print('हाँ', file=sys.stderr)"
    place.launch(script(text), stdin=tmp_path / "given", answer=True, NAME="ნინო")
    wait_for_end(place)
    assert place.answer.read_text() == "नमस्तेნინო\n"
    assert place.log_tail() == "हाँ"


def test_it_runs_until_it_ends(place: Workplace) -> None:
    assert not place.is_running()
    place.launch(script("import time; time.sleep(0.5)"))
    assert place.is_running()
    wait_for_end(place)


def test_a_program_that_is_not_there(place: Workplace) -> None:
    with pytest.raises(ConfigError, match="cannot be started") as raised:
        place.launch(["no-such-program", SECRETS[0]])
    assert SECRETS[0] not in str(raised.value)
    assert not place.is_running()


def test_what_is_submitted_is_remembered_until_it_is_forgotten(place: Workplace) -> None:
    assert place.recorded() is None
    place.record(ASKED, at=3)
    found = place.recorded()
    assert found is not None
    assert (found["key"], found["at"]) == (ASKED.key, 3)
    place.forget()
    assert place.recorded() is None


def test_a_record_that_cannot_be_read_counts_as_submitted(place: Workplace) -> None:
    (place.folder / "submitted.json").write_text("{")
    with pytest.raises(CurationError, match="cannot be read"):
        place.recorded()


def test_one_at_a_time(place: Workplace) -> None:
    order: list[str] = []

    def second() -> None:
        with place.reserved():
            order.append("second")

    with place.reserved():
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.2)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_it_lives_on_when_its_starter_is_killed(tmp_path: Path) -> None:
    """The starter and everything in its session gets SIGKILL, as from a terminal that is closed, or worse."""
    starter = f"""
import sys, time
from pathlib import Path
from hub_upload.triggers.workplace import Workplace
place = Workplace(Path({str(tmp_path)!r}))
place.launch([sys.executable, "-c", "import time; time.sleep(1.5); open('done', 'w').write('yes')"])
print("launched", flush=True)
time.sleep(60)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "launched\n"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    place = Workplace(tmp_path)
    assert place.is_running()
    wait_for_end(place)
    assert (tmp_path / "done").read_text() == "yes"


def test_a_long_log_is_read_from_its_end(place: Workplace) -> None:
    place.log.write_text("x" * 100_000 + f"\nthe token was {SECRETS[1]}\nOOM\x1b[0m")
    assert place.log_tail().splitlines()[-2:] == ["the token was [token]", "OOM\\u001b[0m"]
    assert len(place.log_tail()) <= 2_100


def test_reading_is_bounded_and_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    assert read_bounded(tmp_path / "file", 4) == b"01234"
    assert read_bounded(tmp_path / "file", 10) == b"0123456789"
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with pytest.raises(OSError, match="symbolic"):
        read_bounded(tmp_path / "link", 4)


def test_others_cannot_look_into_it(place: Workplace) -> None:
    assert place.folder.stat().st_mode & 0o077 == 0


def test_the_default_is_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_state() == tmp_path / "ml-embed-curation" / "triggers"
