"""Short notes on the progress of long work, to whoever listens in this process."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass

LEAST_SECONDS = 0.5
"""Between two notes that are passed on: work that is quick has nothing to tell."""


@dataclass(slots=True)
class _Listener:
    hear: Callable[[str], None]
    since: float


_LISTENER: ContextVar[_Listener | None] = ContextVar("listener", default=None)


def tell(text: str) -> None:
    """Tell how far the work is, in a few words; nothing happens where nobody listens, or heard something just now."""
    listener, now = _LISTENER.get(), time.monotonic()
    if listener is not None and now - listener.since >= LEAST_SECONDS:
        listener.since = now
        listener.hear(text)


@contextlib.contextmanager
def listening(hear: Callable[[str], None]) -> Iterator[None]:
    """Have `hear` called with notes now and then, for as long as the block runs."""
    token = _LISTENER.set(_Listener(hear, time.monotonic()))
    try:
        yield
    finally:
        _LISTENER.reset(token)
