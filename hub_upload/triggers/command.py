"""Any command: Slurm, Airflow, a script of your own.

The contract. A command is an argument vector, split like a shell would but run without one. It gets the payload, a
JSON mapping, on stdin and in the file that the variable CURATION_TRIGGER_PAYLOAD names:

    schema    "curation-trigger/1"
    key       names this run; submit nothing twice under one key
    release   reference, manifest_sha256, and repository and commit where it lies on the Hub
    baseline  the same of the release to compare with, or null
    gate      argv of a command that makes the verdict, with `curate` on the path: it writes OUT/gate/verdict.json
    verdict   absolute path where the verdict is looked for

There are two ways to use it.

1. Only a submit command: it runs to its end, however long that takes, and leaves the verdict at that path
   (`sbatch --wait job.sh`, where job.sh runs `gate`). It is started once in a session of its own and lives on when
   whoever waits is killed. It has failed if it ends and no verdict is there; its exit code says nothing, since a
   failed gate and a failed job are different things.
2. With a poll command: the submit command prints a handle (a job id) as the last line of its stdout and ends
   (`sbatch --parsable job.sh`). The poll command prints a state: one of ours (queued, running, done, failed,
   cancelled, unknown) or a word of Slurm's (PENDING, COMPLETED ...) or Airflow's (success). The verdict command prints
   the verdict; without one it is read from the path. Both find the handle in CURATION_TRIGGER_HANDLE, and in place of
   `{handle}` in their arguments (`--poll-command 'squeue --noheader --states all --format %T --job {handle}'`).

No secret is in the payload. Commands inherit the environment and run in the current folder. Where a cluster runs the
gate, the folder of `--state` must be one that all of its machines see.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curation.errors import ConfigError
from curation.files import write_json
from curation.release import layout
from hub_upload.triggers.printing import printable
from hub_upload.triggers.protocol import (
    SCHEMA,
    Handle,
    Request,
    State,
    Status,
    Target,
    TransientError,
)
from hub_upload.triggers.verdicts import MAX_VERDICT_BYTES
from hub_upload.triggers.waiting import Clock
from hub_upload.triggers.workplace import Workplace, read_bounded

NAME = "command"
PAYLOAD, HANDLE = "CURATION_TRIGGER_PAYLOAD", "CURATION_TRIGGER_HANDLE"

_HANDLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:;/@+-]{0,199}")
_ANSWER_BYTES = 65_536
_ASK_TIMEOUT_S = 120.0
_SUBMIT_WAIT_S, _SUBMIT_PAUSE_S = 60.0, 0.05
_WORDS: dict[State, frozenset[str]] = {
    "queued": frozenset({"queued", "pending", "configuring", "requeued", "suspended", "scheduled", "resizing"}),
    "running": frozenset({"running", "completing", "stopped", "staging", "signaling"}),
    "done": frozenset({"done", "completed", "success", "succeeded"}),
    "failed": frozenset(
        {"failed", "error", "timeout", "node_fail", "out_of_memory", "boot_fail", "deadline", "preempted"}
    ),
    "cancelled": frozenset({"cancelled", "canceled", "revoked"}),
}


@dataclass(frozen=True, slots=True)
class Commands:
    """Argument vectors.

    Attributes:
        submit: starts the run.
        poll: asks for its state; empty where the submit command itself runs to the end.
        verdict: prints the verdict; empty where it is in the file.
    """

    submit: tuple[str, ...]
    poll: tuple[str, ...] = ()
    verdict: tuple[str, ...] = ()

    @classmethod
    def parse(cls, submit: str, poll: str | None = None, verdict: str | None = None) -> Commands:
        """Split three command lines.

        Raises:
            ConfigError: if one cannot be split, the first is empty, or there is a verdict command and no poll command.
        """
        if verdict and not poll:
            hint = "add --poll-command, or let the submit command write the verdict to the path of the payload"
            raise ConfigError("A verdict command needs a poll command", "--verdict-command", verdict, hint)
        return cls(_split("--command", submit), _split("--poll-command", poll), _split("--verdict-command", verdict))

    def settings(self) -> dict[str, Any]:
        """Return what identifies a run, for the spec."""
        return {"submit": list(self.submit), "poll": list(self.poll), "verdict": list(self.verdict)}


@dataclass(frozen=True, slots=True)
class CommandBackend:
    """Runs a user's commands; see the module.

    Attributes:
        commands: what to run.
        state: folder in which runs are remembered.
        clock: what to wait for a handle with.
    """

    commands: Commands
    state: Path
    clock: Clock = field(default_factory=Clock)

    @property
    def name(self) -> str:
        """See `Backend`."""
        return NAME

    def payload(self, request: Request) -> dict[str, Any]:
        """Return the commands, and the payload that the first one gets."""
        return {"commands": self.commands.settings(), "stdin": self._payload(request)}

    def submit(self, request: Request) -> Handle:
        """Run the submit command, unless it has been run for this key."""
        place = self._place(request.key)
        with place.reserved():
            found = place.recorded() is not None
            if not found:
                self._start(place, request)
        if self.commands.poll:
            self._await_handle(place)
        return Handle(request.key, self._identity(place) or "", found=found)

    def poll(self, handle: Handle) -> Status:
        """Ask the poll command, or see whether the submit command has ended."""
        place = self._place(handle.key)
        if place.is_running():
            return Status("queued" if self.commands.poll else "running")
        if not self.commands.poll:
            ended = (place.folder / layout.VERDICT).is_file()
            return Status("done") if ended else Status("failed", _last_words(place))
        identity = self._identity(place)
        if identity is None:
            return Status("failed", f"the submit command printed no handle: {_last_words(place)}")
        answer = self._ask(self.commands.poll, place, identity, _ANSWER_BYTES)
        return _status(answer.decode("utf-8", "replace"))

    def fetch_verdict(self, handle: Handle) -> bytes:
        """Ask the verdict command, or read the file."""
        place = self._place(handle.key)
        if self.commands.verdict:
            return self._ask(self.commands.verdict, place, self._identity(place) or "", MAX_VERDICT_BYTES)
        path = place.folder / layout.VERDICT
        try:
            return read_bounded(path, MAX_VERDICT_BYTES)
        except OSError as error:
            # A cluster's file system can show a file a little later than its scheduler shows the end.
            why = error.strerror or type(error).__name__
            raise TransientError("The run left no verdict", str(path), why, "see what the job wrote") from error

    def _start(self, place: Workplace, request: Request) -> None:
        file = place.folder / "payload.json"
        write_json(file, self._payload(request))
        (place.folder / layout.VERDICT).parent.mkdir(parents=True, exist_ok=True)
        place.record(request)
        try:
            # Where it was typed: a command may name files from there on.
            place.launch(self.commands.submit, cwd=Path.cwd(), stdin=file, answer=True, **{PAYLOAD: str(file)})
        except ConfigError:
            place.forget()
            raise

    def _payload(self, request: Request) -> dict[str, Any]:
        out = self._place(request.key).folder
        gate = ["curate", "gate", request.release.reference, "--out", str(out)]
        return {
            "schema": SCHEMA,
            "key": request.key,
            "release": _about(request.release),
            "baseline": _about(request.baseline) if request.baseline else None,
            "gate": [*gate, "--baseline", request.baseline.reference] if request.baseline else gate,
            "verdict": str(out / layout.VERDICT),
        }

    def _await_handle(self, place: Workplace) -> None:
        deadline = self.clock.now() + _SUBMIT_WAIT_S
        while place.is_running() and self.clock.now() < deadline:
            self.clock.sleep(_SUBMIT_PAUSE_S)

    def _identity(self, place: Workplace) -> str | None:
        """Return the handle that the submit command has printed; the folder's name where none is asked for."""
        if not self.commands.poll:
            return place.folder.name
        lines = read_bounded(place.answer, _ANSWER_BYTES).decode("utf-8", "replace").split()
        last = lines[-1] if lines else ""
        return last if _HANDLE.fullmatch(last) else None

    def _ask(self, command: Sequence[str], place: Workplace, identity: str, limit: int) -> bytes:
        """Run a command to its end and return the first `limit + 1` bytes that it printed."""
        argv = [word.replace("{handle}", identity) for word in command]
        environment = os.environ | {PAYLOAD: str(place.folder / "payload.json"), HANDLE: identity}
        with tempfile.TemporaryFile() as answer, place.log.open("ab") as log:
            try:
                done = subprocess.run(  # noqa: S603 - the user's own command
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=answer,
                    stderr=log,
                    env=environment,
                    timeout=_ASK_TIMEOUT_S,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise TransientError("A command cannot be run", printable(argv[0]), type(error).__name__) from error
            if done.returncode:
                why = f"it exits with {done.returncode}: {place.log_tail()}"
                raise TransientError("A command failed", printable(argv[0]), why, "try it by hand")
            answer.seek(0)
            return answer.read(limit + 1)

    def _place(self, key: str) -> Workplace:
        return Workplace.of(self.state, NAME, key)


def _split(option: str, text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    try:
        argv = tuple(shlex.split(text))
    except ValueError as error:
        raise ConfigError("This command cannot be split", option, str(error), "close its quotes") from error
    if not argv or not argv[0]:
        raise ConfigError("This command is empty", option, repr(text), "name a program")
    return argv


def _about(target: Target) -> dict[str, str | None]:
    return {
        "reference": target.reference,
        "manifest_sha256": target.digest,
        "repository": target.repository,
        "commit": target.commit,
    }


def _status(answer: str) -> Status:
    """Return the state that an answer names by its first word; Slurm writes `CANCELLED by 0` and `CANCELLED+`."""
    word = (answer.split() or [""])[0].rstrip("+").lower()
    for state, words in _WORDS.items():
        if word in words:
            return Status(state)
    return Status("unknown", printable(answer, limit=200) or "the poll command prints nothing")


def _last_words(place: Workplace) -> str:
    return place.log_tail() or "it left no verdict and no word on stderr"
