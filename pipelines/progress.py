"""Watching a stage's folder while an engine fills it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence

from pipelines.engine import Observer
from pipelines.store import StageStore

_POLL_SECONDS = 0.25


@contextlib.contextmanager
def watching(places: Sequence[StageStore], observer: Observer) -> Iterator[None]:
    """Tell the observer how many parts are written, and the latest note, for as long as the block runs.

    Files are the one sign of progress that every engine gives, whatever machine its workers are on.
    """
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(_POLL_SECONDS):
            notes = [note for place in places if (note := place.note())]
            observer.advanced(sum(place.finished_parts() for place in places), notes[-1] if notes else "")

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
