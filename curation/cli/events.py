"""What happens while a command works, as JSON lines on stderr for programs: `--log json`, or CURATE_LOG=json.

A line is an object with `time` (UTC, ISO 8601) and `event`: `started`, `advanced` and `finished` of a stage, `verdict`
of the gate, `note` for what a person would be told, `error` at the end of a command that fails. Results go to stdout as
ever.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from pipelines.store import Done

VARIABLE = "CURATE_LOG"

_lock = threading.Lock()
_chosen: str | None = None
_stream: TextIO | None = None


def choose(log: str | None) -> None:
    """Say what is wanted, before anything is done: `json`, `text`, or None for what the environment says."""
    global _chosen, _stream
    # Engines redirect sys.stderr while they work.
    _chosen, _stream = log, sys.stderr


def wanted() -> bool:
    """Return whether events are wanted rather than words."""
    return (_chosen or os.environ.get(VARIABLE)) == "json"


def emit(event: str, **facts: Any) -> None:
    """Write one event. Values that JSON does not know are written as text."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    line = json.dumps({"time": now, "event": event, **facts}, ensure_ascii=False, default=str)
    # Lines of several threads do not run into each other.
    with _lock:
        stream = _stream or sys.stderr
        stream.write(line + "\n")
        stream.flush()


class EventProgress:
    """Observes a run as `RunProgress` does, and tells programs.

    Args:
        seconds: least time between two events of progress within a stage.
    """

    def __init__(self, seconds: float = 1.0) -> None:
        self._seconds = seconds
        self._stage, self._of, self._parts = "", 0, -1
        self._since = self._spoke = time.monotonic()

    def __enter__(self) -> EventProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def started(self, stage: str, parts_total: int) -> None:
        """Begin a stage of so many parts or steps."""
        self._stage, self._of, self._parts = stage, parts_total, -1
        self._since = self._spoke = time.monotonic()
        emit("started", stage=stage, of=parts_total)

    def advanced(self, parts: int, note: str = "") -> None:
        """Tell how many parts or steps of the stage are done."""
        now = time.monotonic()
        if parts != self._parts and now - self._spoke >= self._seconds:
            self._parts, self._spoke = parts, now
            emit("advanced", stage=self._stage, parts=parts, of=self._of, note=note)

    def finished(self, stage: str, done: Done, *, reused: bool) -> None:
        """End a stage of the graph."""
        counts = {"rows_in": done.rows_in, "rows_out": done.rows_out, "ledgered": done.ledgered}
        seconds = self._seconds_taken(reused=reused)
        emit("finished", stage=stage, **counts, bytes_shuffled=done.shuffled, reused=reused, seconds=seconds)

    def judged(self, verdict: str, *, reused: bool) -> None:
        """Tell the gate's verdict."""
        emit("verdict", verdict=verdict, reused=reused, seconds=self._seconds_taken(reused=reused))

    def line(self, text: str) -> None:
        """Tell what a person would be told."""
        emit("note", text=text)

    def _seconds_taken(self, *, reused: bool) -> float:
        return 0.0 if reused else round(time.monotonic() - self._since, 3)
