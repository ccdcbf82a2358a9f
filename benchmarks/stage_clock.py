"""An observer of a run that notes when stages end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from pipelines.store import Done

BEFORE, AFTER = "plan", "release"


@dataclass
class StageClock:
    """Notes processor and wall seconds of each stage of a run in this process.

    Attributes:
        seconds: processor and wall seconds of each stage, and of what comes before and after them.
        rows: rows that entered each stage and left it.
        parts: parts of each stage.
    """

    seconds: dict[str, tuple[float, float]] = field(default_factory=dict)
    rows: dict[str, tuple[int, int]] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)
    _last: tuple[float, float] = (0.0, 0.0)

    def start(self) -> None:
        """Let the time count from now on."""
        self._last = time.process_time(), time.perf_counter()

    def lap(self, stage: str) -> None:
        """Book the time since the last call under a name."""
        now = time.process_time(), time.perf_counter()
        self.seconds[stage] = now[0] - self._last[0], now[1] - self._last[1]
        self._last = now

    def started(self, stage: str, parts_total: int) -> None:
        """A stage begins: what went before the first belongs to the preparations."""
        if not self.seconds:
            self.lap(BEFORE)

    def advanced(self, parts: int, note: str = "") -> None:
        """Nothing to note."""

    def finished(self, stage: str, done: Done, *, reused: bool) -> None:
        """A stage ends."""
        if reused:
            raise RuntimeError(f"{stage} was found finished: nothing to measure")
        self.lap(stage)
        self.rows[stage] = done.rows_in, done.rows_out
        self.parts[stage] = len(done.parts)

    @property
    def rows_out(self) -> int:
        """Rows that left the last stage."""
        return next(reversed(self.rows.values()))[1]
