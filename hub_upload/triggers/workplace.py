"""The folder of one key on this machine: what was submitted, a process that outlives its starter, and its log.

Two locks do all of it, and both go when the process that holds them does, however it ends. `submit.lock` lets one
caller at a time submit. `running.lock` is held by the started process itself, which inherits it: no process id, which
another process may get, is ever asked about.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.errors import ConfigError, CurationError
from curation.files import write_json
from hub_upload.triggers.printing import printable
from hub_upload.triggers.protocol import Request

_RECORD_BYTES = 1 << 20
_TAIL_BYTES = 8_192


def default_state() -> Path:
    """Return where runs are remembered by default: the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ml-embed-curation" / "triggers"


def read_bounded(path: Path, limit: int) -> bytes:
    """Return the first `limit + 1` bytes of a regular file, so that one that is too large shows as such.

    Raises:
        OSError: if there is none, or a link is in its place.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with open(handle, "rb") as stream:  # noqa: PTH123 - a path would follow a link
        return stream.read(limit + 1)


@dataclass(frozen=True, slots=True)
class Workplace:
    """The folder of one request."""

    folder: Path

    @classmethod
    def of(cls, state: Path, backend: str, key: str) -> Workplace:
        """Return the place of a key; nothing is made yet."""
        return cls(state.absolute() / backend / key)

    @property
    def log(self) -> Path:
        """What the process wrote to stderr, and to stdout unless that goes to `answer`."""
        return self.folder / "log.txt"

    @property
    def answer(self) -> Path:
        """What a process wrote to stdout, where that is looked at."""
        return self.folder / "stdout.txt"

    @contextlib.contextmanager
    def reserved(self) -> Iterator[None]:
        """Let nobody else submit this key meanwhile; waits for whoever does."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._lock_file("submit.lock") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def record(self, request: Request, **more: Any) -> None:
        """Remember that the request is being submitted; written before it is, so that it never is twice."""
        about = {"key": request.key, "release": request.release.reference, "digest": request.release.digest}
        write_json(self.folder / "submitted.json", about | more)

    def recorded(self) -> dict[str, Any] | None:
        """Return what was remembered, or None if nothing was submitted."""
        path = self.folder / "submitted.json"
        try:
            value = json.loads(read_bounded(path, _RECORD_BYTES))
        except FileNotFoundError:
            return None
        except ValueError as error:
            hint = "remove that folder if you know that nothing runs for it"
            raise CurationError("What was submitted cannot be read", str(path), str(error), hint) from error
        return value if isinstance(value, dict) else {}

    def forget(self) -> None:
        """Let the request count as not submitted."""
        (self.folder / "submitted.json").unlink(missing_ok=True)

    def launch(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        stdin: Path | None = None,
        answer: bool = False,
        **environment: str,
    ) -> None:
        """Start a process in a session of its own: it lives on when this one, or its terminal, is gone.

        Args:
            argv: what to run; no shell looks at it.
            cwd: folder that it runs in; this one by default.
            stdin: file that it reads.
            answer: keep its stdout by itself.
            environment: variables beside those of this process.

        Raises:
            ConfigError: if there is no such program. Nothing was started then.
        """
        with contextlib.ExitStack() as stack:
            lock = stack.enter_context(self._lock_file("running.lock"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            log = stack.enter_context(self.log.open("ab"))
            out = stack.enter_context(self.answer.open("wb")) if answer else log
            given = stack.enter_context((stdin or Path(os.devnull)).open("rb"))
            try:
                process = subprocess.Popen(  # noqa: S603 - the user's own command, or ours
                    argv,
                    stdin=given,
                    stdout=out,
                    stderr=log,
                    cwd=cwd or self.folder,
                    env=os.environ | environment,
                    start_new_session=True,
                    pass_fds=(lock,),
                )
            except OSError as error:
                why = error.strerror or type(error).__name__
                raise ConfigError("This command cannot be started", printable(argv[0]), why, "name another") from error
        # Takes the exit status in, lest the ended process stay listed for as long as this one waits.
        threading.Thread(target=process.wait, daemon=True).start()

    def is_running(self) -> bool:
        """Tell whether the process that was launched, or one that it left behind, still lives."""
        with self._lock_file("running.lock") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def log_tail(self) -> str:
        """Return the end of the log, fit to print."""
        try:
            with self.log.open("rb") as stream:
                stream.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
                return printable(stream.read(_TAIL_BYTES).decode("utf-8", "replace"))
        except FileNotFoundError:
            return ""

    @contextlib.contextmanager
    def _lock_file(self, name: str) -> Iterator[int]:
        handle = os.open(self.folder / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            yield handle
        finally:
            os.close(handle)
