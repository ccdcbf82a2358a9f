"""Progress of a run: a live display on a terminal, a line now and then anywhere else."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from curation.cli.events import EventProgress, wanted
from curation.cli.telemetry import counted

if TYPE_CHECKING:
    from pipelines.store import Done

_QUIET_SECONDS = 30.0


class Watcher(Protocol):
    """What observes a run from its first stage to its verdict."""

    def started(self, stage: str, parts_total: int) -> None:
        """Begin a stage of so many parts or steps."""

    def advanced(self, parts: int, note: str = "") -> None:
        """So many parts or steps of the stage are done."""

    def finished(self, stage: str, done: Done, *, reused: bool) -> None:
        """End a stage of the graph."""

    def judged(self, verdict: str, *, reused: bool) -> None:
        """Take note of the gate's verdict."""

    def line(self, text: str) -> None:
        """Something worth a line has happened."""


def run_progress() -> RunProgress | EventProgress:
    """Return what observes a run: for people, or for programs where they asked for events."""
    return EventProgress() if wanted() else RunProgress()


@contextlib.contextmanager
def observed(release: str, engine: str) -> Iterator[Watcher]:
    """Give what observes a run for as long as the block runs: what is seen on stderr, and counters where they are sent.

    Args:
        release: name of the release.
        engine: name of the engine.
    """
    with run_progress() as shown, counted(release, engine, shown.line) as counters:
        yield shown if counters is None else Together(shown, counters)


class Together:
    """Several observers as one.

    Args:
        observers: they are told one after the other.
    """

    def __init__(self, *observers: Watcher) -> None:
        self._observers = observers

    def started(self, stage: str, parts_total: int) -> None:
        """Begin a stage."""
        for each in self._observers:
            each.started(stage, parts_total)

    def advanced(self, parts: int, note: str = "") -> None:
        """Tell how far the stage is."""
        for each in self._observers:
            each.advanced(parts, note)

    def finished(self, stage: str, done: Done, *, reused: bool) -> None:
        """End a stage of the graph."""
        for each in self._observers:
            each.finished(stage, done, reused=reused)

    def judged(self, verdict: str, *, reused: bool) -> None:
        """Pass on the verdict."""
        for each in self._observers:
            each.judged(verdict, reused=reused)

    def line(self, text: str) -> None:
        """Pass on a line."""
        for each in self._observers:
            each.line(text)


class RunProgress:
    """Observes a run; a context manager. Everything goes to stderr.

    Args:
        quiet_seconds: where there is no terminal, a line is printed when a stage has been silent for so long.
    """

    def __init__(self, quiet_seconds: float = _QUIET_SECONDS) -> None:
        # Engines redirect sys.stderr while they work; the display keeps the real one.
        self._console = Console(file=sys.stderr)
        self._bars = Progress(
            TextColumn("{task.description:<22}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._quiet_seconds = quiet_seconds
        self._task = self._bars.add_task("", total=None, note="", visible=False)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._state = ("", 0, 0, "")
        self._since = self._spoke = time.monotonic()

    def __enter__(self) -> RunProgress:
        self._bars.start()
        threading.Thread(target=self._heartbeat, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._bars.stop()

    def started(self, stage: str, parts_total: int) -> None:
        """Begin a stage of so many parts or steps."""
        with self._lock:
            self._state, self._since = (stage, 0, parts_total, ""), time.monotonic()
        self._bars.reset(self._task, total=parts_total, description=stage, note="", visible=True)

    def advanced(self, parts: int, note: str = "") -> None:
        """Tell how many parts or steps of the stage are done."""
        with self._lock:
            self._state = (self._state[0], parts, self._state[2], note)
        self._bars.update(self._task, completed=parts, note=note)

    def finished(self, stage: str, done: Done, *, reused: bool) -> None:
        """End a stage of the graph."""
        counts = f"{done.rows_in:>10,} in {done.rows_out:>10,} out {done.ledgered:>9,} in the ledger"
        self.line(f"{stage:<12} {counts}{'  (found finished)' if reused else self._took()}")

    def judged(self, verdict: str, *, reused: bool) -> None:
        """Tell the gate's verdict."""
        self.line(f"{'gate':<12} {verdict}{'  (found finished)' if reused else self._took()}")

    def line(self, text: str) -> None:
        """Print a line that stays."""
        with self._lock:
            self._spoke = time.monotonic()
        self._bars.update(self._task, visible=False)
        self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _took(self) -> str:
        return f"  {time.monotonic() - self._since:6.1f} s"

    def _heartbeat(self) -> None:
        while not self._stop.wait(min(self._quiet_seconds, 1.0)):
            with self._lock:
                silent = time.monotonic() - self._spoke >= self._quiet_seconds
                stage, parts, total, note = self._state
            if silent and stage and not self._console.is_terminal:
                self.line(f"{stage}: {parts:,} of {total:,} {note}".rstrip())
