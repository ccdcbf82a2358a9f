"""Commands of the user, as real processes."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest
from trigger_runs import SECRETS, Times, on_hub, request, texts_below, verdict_bytes

from curation.errors import ConfigError
from hub_upload.triggers import Request, Status, TriggerError, run_trigger
from hub_upload.triggers.command import CommandBackend, Commands
from hub_upload.triggers.protocol import TransientError

JOB = """
import json, os, pathlib, sys
payload = json.load(sys.stdin)
assert payload == json.load(open(os.environ["CURATION_TRIGGER_PAYLOAD"]))
assert payload["schema"] == "curation-trigger/1"
pathlib.Path(sys.argv[1]).open("a").write(payload["key"] + "\\n")
pathlib.Path(payload["verdict"]).write_bytes(pathlib.Path(sys.argv[2]).read_bytes())
"""


def python(folder: Path, name: str, text: str, *arguments: object) -> str:
    """Write a script and return the command line that runs it."""
    (folder / name).write_text(text, encoding="utf-8")
    return shlex.join([sys.executable, str(folder / name), *map(str, arguments)])


@pytest.fixture
def job(tmp_path: Path) -> str:
    (tmp_path / "verdict.json").write_bytes(verdict_bytes())
    return python(tmp_path, "job one.py", JOB, tmp_path / "started", tmp_path / "verdict.json")


def run(folder: Path, asked: Request, *commands: str) -> Status:
    backend = CommandBackend(Commands.parse(*commands), folder / "state")
    outcome = run_trigger(backend, asked, timeout=60)
    assert outcome.verdict is not None
    return outcome.status


def test_a_command_that_runs_to_its_end(job: str, tmp_path: Path) -> None:
    for _ in range(3):
        assert run(tmp_path, request("command"), job).state == "done"
    assert (tmp_path / "started").read_text() == f"{request('command').key}\n"


def test_one_that_submits_and_is_asked(tmp_path: Path) -> None:
    (tmp_path / "made.json").write_bytes(verdict_bytes("fail"))
    submit = python(tmp_path, "submit.py", "print('Submitted batch job 4711')")
    # A state for each time that it is asked.
    states = """
import os, pathlib, sys
assert sys.argv[1] == os.environ["CURATION_TRIGGER_HANDLE"] == "4711"
file = pathlib.Path(sys.argv[2])
seen = len(file.read_text()) if file.exists() else 0
file.write_text("x" * (seen + 1))
print(["PENDING", "RUNNING", "COMPLETING", "COMPLETED"][seen])
"""
    poll = python(tmp_path, "poll.py", states, "{handle}", tmp_path / "seen")
    verdict = python(tmp_path, "verdict.py", "import sys; print(open(sys.argv[1]).read())", tmp_path / "made.json")
    assert run(tmp_path, request("command"), submit, poll, verdict).state == "done"
    assert (tmp_path / "seen").read_text() == "xxxx"


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("queued", "queued"),
        ("PENDING\n", "queued"),
        ("RUNNING", "running"),
        ("success", "done"),
        ("COMPLETED", "done"),
        ("OUT_OF_MEMORY", "failed"),
        ("TIMEOUT", "failed"),
        ("CANCELLED by 0", "cancelled"),
        ("CANCELLED+", "cancelled"),
        ("", "unknown"),
        ("待機中", "unknown"),
        ("\x1b[2J", "unknown"),
    ],
)
def test_words_for_states(answer: str, state: str, tmp_path: Path) -> None:
    submit = python(tmp_path, "submit.py", "print(1)")
    poll = python(tmp_path, "poll.py", f"print({answer!r})")
    backend = CommandBackend(Commands.parse(submit, poll), tmp_path / "state")
    found = backend.poll(backend.submit(request("command")))
    assert found.state == state
    assert "\x1b" not in found.detail


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("import sys; sys.exit('the queue is closed')", "queue is closed"),
        ("print()", "no handle"),
        ("print('-rf')", "no handle"),
        ("print('$(reboot)')", "no handle"),
        ("print('x' * 1000)", "no handle"),
    ],
)
def test_a_submit_command_without_a_handle_has_failed(script: str, words: str, tmp_path: Path) -> None:
    submit = python(tmp_path, "submit.py", script)
    backend = CommandBackend(Commands.parse(submit, "true"), tmp_path / "state")
    with pytest.raises(TriggerError, match="failed before") as raised:
        run_trigger(backend, request("command"), timeout=60)
    assert words in raised.value.why


def test_it_runs_where_it_was_typed(job: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "submit.sh"
    script.write_text(f"#!/bin/sh\nexec {job}\n")
    script.chmod(0o700)
    monkeypatch.chdir(tmp_path)
    assert run(tmp_path, request("command"), "./submit.sh").state == "done"


def test_no_shell_looks_at_anything(tmp_path: Path) -> None:
    submit = shlex.join([sys.executable, "-c", "import sys; print(sys.argv[1:]); print(7)", "$HOME", ";", "*", "`id`"])
    backend = CommandBackend(Commands.parse(submit, "true {handle}"), tmp_path / "state")
    handle = backend.submit(request("command"))
    assert handle.id == "7"
    answer = (tmp_path / "state" / "command" / handle.key / "stdout.txt").read_text()
    assert answer.startswith("['$HOME', ';', '*', '`id`']")


def test_a_command_that_ends_without_a_verdict_has_failed(tmp_path: Path) -> None:
    submit = python(tmp_path, "job.py", "import sys; print('no such partition', file=sys.stderr)")
    with pytest.raises(TriggerError, match="failed before") as raised:
        run(tmp_path, request("command"), submit)
    assert "no such partition" in raised.value.why


@pytest.mark.parametrize("data", [verdict_bytes()[:500], verdict_bytes(digest="cd" * 32)], ids=["cut", "other"])
def test_a_verdict_that_cannot_be_used(data: bytes, job: str, tmp_path: Path) -> None:
    (tmp_path / "verdict.json").write_bytes(data)
    with pytest.raises(TriggerError):
        run(tmp_path, request("command"), job)


def test_a_poll_command_that_fails_says_nothing_about_the_run(tmp_path: Path) -> None:
    submit = python(tmp_path, "submit.py", "print(1)")
    poll = python(tmp_path, "poll.py", "import sys; sys.exit('slurm_load_jobs error: Unable to contact controller')")
    backend = CommandBackend(Commands.parse(submit, poll), tmp_path / "state")
    with pytest.raises(TransientError, match="A command failed") as raised:
        backend.poll(backend.submit(request("command")))
    assert "controller" in raised.value.why
    with pytest.raises(TriggerError, match="not ended in time"):
        run_trigger(backend, request("command"), timeout=2, clock=Times().clock)


def test_a_program_that_is_not_there_can_be_corrected(job: str, tmp_path: Path) -> None:
    asked = request("command")
    with pytest.raises(ConfigError, match="cannot be started"):
        run(tmp_path, asked, "no-such-program --flag")
    assert run(tmp_path, asked, job).state == "done"


@pytest.mark.parametrize(
    ("commands", "words"),
    [
        (("'unclosed",), "cannot be split"),
        (("",), "is empty"),
        (("''",), "is empty"),
        (("true", ""), "is empty"),
        (("true", None, "cat verdict.json"), "needs a poll command"),
    ],
)
def test_command_lines_that_are_none(commands: tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as raised:
        Commands.parse(*commands)
    assert raised.value.exit_code == 2


def test_the_payload_is_what_the_command_gets_and_holds_no_secret(
    job: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, secret in zip(("HF_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"), SECRETS, strict=True):
        monkeypatch.setenv(name, secret)
    backend = CommandBackend(Commands.parse(job), tmp_path / "state")
    shown = backend.payload(request("command"))
    assert not (tmp_path / "state").exists()
    run(tmp_path, request("command"), job)
    place = tmp_path / "state" / "command" / request("command").key
    assert json.loads((place / "payload.json").read_text()) == shown["stdin"]
    assert shown["stdin"]["release"]["manifest_sha256"] == on_hub().digest
    assert shown["stdin"]["gate"][:2] == ["curate", "gate"]
    assert not [text for text in texts_below(tmp_path / "state") for secret in SECRETS if secret in text]
