"""Watching a stage's folder while an engine fills it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence

from curation.errors import CurationError
from pipelines.engine import Observer
from pipelines.folders import LocalFolder
from pipelines.store import StageStore

_POLL_SECONDS, _POLL_REMOTE_SECONDS = 0.25, 10.0


@contextlib.contextmanager
def watching(places: Sequence[StageStore], observer: Observer) -> Iterator[None]:
    """Tell the observer how many parts are written, and the latest note, for as long as the block runs.

    Files are the one sign of progress that every engine gives, whatever machine its workers are on.
    """
    stop = threading.Event()
    is_local = all(isinstance(place.folder, LocalFolder) for place in places)
    pause = _POLL_SECONDS if is_local else _POLL_REMOTE_SECONDS

    def watch() -> None:
        while not stop.wait(pause):
            # A look that fails says nothing about the run.
            with contextlib.suppress(OSError, CurationError):
                notes = [note for place in places if (note := place.note())]
                observer.advanced(sum(place.finished_parts() for place in places), notes[-1] if notes else "")

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
