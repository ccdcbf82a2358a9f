"""Figures, goals and the table of them; the sizes of a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Attributes:
        what: what was measured.
        value: what came out.
        unit: of the value and the goal.
        most: the goal, if there is one: no more than this.
        least: likewise: no less than this.
        note: sizes, seconds, or why there is no value.
    """

    what: str
    value: float | None
    unit: str = ""
    most: float | None = None
    least: float | None = None
    note: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return the line as text."""
        value = "-" if self.value is None else f"{self.value:.3f}"
        return self.what, value, self.unit, self._goal(), self._verdict(), self.note

    def _goal(self) -> str:
        if self.most is not None:
            return f"<= {self.most:g}"
        return "" if self.least is None else f">= {self.least:g}"

    def _verdict(self) -> str:
        if self.value is None or (self.most is None and self.least is None):
            return ""
        met = self.value <= self.most if self.most is not None else self.value >= (self.least or 0.0)
        return "met" if met else "missed"


@dataclass(frozen=True, slots=True)
class Options:
    """How to run.

    Attributes:
        small: sizes for a quick look, whose figures say nothing.
        rounds: times that all contenders run in turn.
        every_engine: run engines as well that this CPU is too old for.
        data: folder of real text, or None.
    """

    small: bool
    rounds: int
    every_engine: bool
    data: Path | None = None


def in_turn(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Run all contenders in turn, and that so many times; return the median seconds of processor time of each."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            begin = time.process_time()
            run()
            seconds[name].append(time.process_time() - begin)
    return {name: median(series) for name, series in seconds.items()}


def print_table(figures: Sequence[Figure]) -> None:
    """Print figures, what they are to the left and numbers to the right."""
    rows = [("row", "value", "unit", "goal", "", ""), *(figure.cells() for figure in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print()
    for row in rows:
        what, value, *others = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join([what, value.strip().rjust(widths[1]), *others]).rstrip())
