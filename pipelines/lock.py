"""One run at a time works in a folder."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path

from curation.errors import CurationError

_FILE = ".lock"
# Whoever asks whether a folder is locked holds it for an instant.
_TRIES, _PAUSE_S = 10, 0.05


@contextlib.contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the folder of a run, which is made if need be.

    Raises:
        CurationError: if another run holds it.
    """
    out.mkdir(parents=True, exist_ok=True)
    with (out / _FILE).open("w") as lock:
        if not any(_take(lock.fileno(), number) for number in range(_TRIES)):
            hint = "wait for it, or name another folder with --out"
            raise CurationError("Another run is at work in this folder", where=str(out), hint=hint)
        yield


def is_locked(out: Path) -> bool:
    """Return whether a run of this machine holds the folder."""
    try:
        with (out / _FILE).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _take(file: int, number: int) -> bool:
    time.sleep(_PAUSE_S if number else 0)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
