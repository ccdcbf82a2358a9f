"""What the program asks of an engine, and what an engine tells while it works."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol, TypeAlias

from pipelines.stages import Graph
from pipelines.store import Done, StageStore, Store

Checks: TypeAlias = Mapping[str, Callable[[StageStore], None]]
"""By the name of a stage, what looks at its results, fresh or found, before the run goes on; it raises to end it."""
NO_CHECKS: Checks = MappingProxyType({})


class Observer(Protocol):
    """Told about the progress of a run."""

    def started(self, stage: str, parts_total: int) -> None:
        """A stage begins; it will write this many parts."""

    def advanced(self, parts: int, note: str = "") -> None:
        """So many parts of the current stage are written; the note says how far one of the others is."""

    def finished(self, stage: str, done: Done, *, reused: bool) -> None:
        """A stage is finished, or was found finished."""


class Engine(Protocol):
    """Runs a graph: every stage of it ends finished in the store, or an error is raised."""

    def run(self, graph: Graph, store: Store, observer: Observer, checks: Checks = NO_CHECKS) -> None:
        """Run the stages that are not finished.

        No stage may begin after the last one that `checks` names before all of them have been looked at.
        """
