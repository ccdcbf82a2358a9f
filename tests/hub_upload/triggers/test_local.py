"""The gate on this machine, for real on a small release, and with a stand-in for the gate where that is enough."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from trigger_runs import DIGEST, Times, gateable_release, request, verdict_bytes

from curation.cli.main import run_command
from hub_upload.triggers import Handle, Request, Spec, Target, TriggerError, run_trigger
from hub_upload.triggers.local import LocalBackend, gate_command
from hub_upload.triggers.targets import find_target


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let a script be the gate; return the file that it adds a line to when it starts."""
    started, verdict = tmp_path / "started", tmp_path / "made.json"
    verdict.write_bytes(verdict_bytes("fail"))
    text = f"""
import pathlib, shutil, sys, time
with open({str(started)!r}, "a") as file: file.write("x")
time.sleep(0.3)
out = pathlib.Path(sys.argv[1]) / "gate"
out.mkdir(parents=True)
shutil.copy({str(verdict)!r}, out / "verdict.json")
"""
    monkeypatch.setattr("hub_upload.triggers.local.gate_command", lambda _, out: [sys.executable, "-c", text, str(out)])
    return started


def test_the_command_is_this_pythons_gate(tmp_path: Path) -> None:
    asked = Request(Target("/data/release", DIGEST), Spec("local"), Target("/data/before", "cd" * 32))
    argv = gate_command(asked, tmp_path)
    assert argv[0] == sys.executable
    assert argv[argv.index("gate") :] == [
        "gate", "/data/release", "--out", str(tmp_path), "--baseline", "/data/before",
    ]  # fmt: skip
    assert LocalBackend(tmp_path).payload(asked)["argv"][:5] == argv[:5]
    assert not list(tmp_path.iterdir())


def test_it_is_started_once_however_often_and_by_how_many(gate: Path, tmp_path: Path) -> None:
    asked = request("local", Target("/data/release", DIGEST))
    handles: list[Handle] = []
    threads = [
        threading.Thread(target=lambda: handles.append(LocalBackend(tmp_path / "state").submit(asked)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome = run_trigger(LocalBackend(tmp_path / "state"), asked, timeout=60)
    assert gate.read_text() == "x"
    assert sorted(handle.found for handle in handles) == [False] + [True] * 5
    assert outcome.verdict is not None
    assert outcome.verdict["status"] == "fail"
    another = request("local", Target("/data/release", DIGEST), attempt=2)
    assert not run_trigger(LocalBackend(tmp_path / "state"), another, timeout=60).handle.found
    assert gate.read_text() == "xx"


@pytest.mark.parametrize(
    ("code", "detail"),
    [("print('no memory', flush=True); raise SystemExit(3)", "no memory"), ("raise SystemExit(0)", "without a word")],
)
def test_one_that_leaves_no_verdict_has_failed(
    code: str, detail: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub_upload.triggers.local.gate_command", lambda *_: [sys.executable, "-c", code])
    with pytest.raises(TriggerError, match="failed before it came to a verdict") as raised:
        run_trigger(LocalBackend(tmp_path), request("local"), timeout=60)
    assert detail in raised.value.why


def test_a_run_that_hangs_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sleeps = [sys.executable, "-c", "import time; time.sleep(3)"]
    monkeypatch.setattr("hub_upload.triggers.local.gate_command", lambda *_: sleeps)
    with pytest.raises(TriggerError, match="not ended in time"):
        run_trigger(LocalBackend(tmp_path), request("local"), timeout=100, clock=Times().clock)
    assert LocalBackend(tmp_path).poll(Handle(request("local").key, "")).state == "running"


def test_a_verdict_behind_a_link_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "import os, sys; os.makedirs(sys.argv[1]); os.symlink('/etc/hosts', sys.argv[1] + '/verdict.json')"
    command = [sys.executable, "-c", text]
    monkeypatch.setattr("hub_upload.triggers.local.gate_command", lambda _, out: [*command, str(out / "gate")])
    with pytest.raises(OSError, match="symbolic"):
        run_trigger(LocalBackend(tmp_path), request("local"), timeout=60)


def test_a_real_release_by_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    release = gateable_release(tmp_path)
    command = ["trigger", str(release.path), "--backend", "local", "--state", str(tmp_path / "state")]
    assert run_command([*command, "--no-wait", "--json"]) == 0
    begun = json.loads(capsys.readouterr().out)
    assert (begun["run"]["state"], begun["run"]["found"], begun["verdict"]) == ("running", False, None)
    assert run_command([*command, "--out", str(tmp_path / "out"), "--json"]) == 3
    ended = json.loads(capsys.readouterr().out)
    assert (ended["key"], ended["run"]["found"], ended["verdict"]["status"]) == (begun["key"], True, "fail")
    # The bytes that the gate itself wrote.
    made = tmp_path / "state" / "local" / begun["key"] / "out" / "gate" / "verdict.json"
    assert (tmp_path / "out" / "verdict.json").read_bytes() == made.read_bytes()
    assert find_target(str(release.path)).digest == ended["verdict"]["release"]["manifest_sha256"]
    # Found again, it takes no time.
    begin = time.monotonic()
    assert run_command(command) == 3
    assert time.monotonic() - begin < 5
    printed = capsys.readouterr()
    assert "verdict: FAIL" in printed.out
    assert printed.err.startswith("found: local")


@pytest.mark.slow
def test_a_killed_command_finds_its_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    release = gateable_release(tmp_path)
    arguments = ["trigger", str(release.path), "--backend", "local", "--state", str(tmp_path / "state")]
    waiting = subprocess.Popen(
        [sys.executable, "-m", "curation.cli", *arguments], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert waiting.stderr is not None
    assert waiting.stderr.readline().startswith("started: local")
    os.killpg(waiting.pid, signal.SIGKILL)
    waiting.wait()
    waiting.stderr.close()
    assert run_command(arguments) == 3
    printed = capsys.readouterr()
    assert printed.err.startswith("found: local")
    assert "verdict: FAIL" in printed.out
    assert len(list((tmp_path / "state" / "local").iterdir())) == 1
