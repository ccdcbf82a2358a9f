"""Submit, wait, fetch: the same for every backend."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from hub_upload.errors import HubUnavailableError
from hub_upload.triggers.protocol import ENDED, Backend, Handle, Request, Status, TransientError, TriggerError
from hub_upload.triggers.verdicts import parse_verdict

_FIRST_PAUSE_S, _PAUSE_GROWTH, _LONGEST_PAUSE_S = 0.5, 1.5, 30.0
_FETCHES = 4
_UNANSWERED = (TransientError, HubUnavailableError)


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, so that tests need none.

    Attributes:
        now: seconds, never going back.
        sleep: waits that many seconds.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trigger ended.

    Attributes:
        handle: the run.
        status: the last that was heard of it.
        verdict: checked, None where nobody waited for it.
    """

    handle: Handle
    status: Status
    verdict: dict[str, Any] | None = None


def run_trigger(
    backend: Backend,
    request: Request,
    *,
    timeout: float,
    wait: bool = True,
    say: Callable[[str], None] = lambda _: None,
    clock: Clock | None = None,
) -> Outcome:
    """Start the run of a request, or join the one that was started before, and wait for its verdict.

    Args:
        backend: where it runs.
        request: what runs.
        timeout: seconds to wait.
        wait: whether to; without, the run is started and that is all.
        say: is told, for people, what happens.
        clock: what to wait with.

    Raises:
        TriggerError: if the run failed or was cancelled, gives no verdict, or takes longer. The same call goes on
            waiting for the same run.
        TriggerConflictError: if the verdict speaks about another release.
    """
    clock = clock or Clock()
    handle = backend.submit(request)
    say(f"{'found' if handle.found else 'started'}: {backend.name} {handle.url or handle.id or request.tag}")
    if not wait:
        status = _ask(backend, handle)
        return Outcome(_seen(handle, status), status)
    status = _await_end(backend, handle, clock.now() + timeout, say, clock)
    handle = _seen(handle, status)
    if status.state != "done":
        hint = "see to the cause; another --attempt N starts another run"
        raise TriggerError(f"The run {_ENDINGS[status.state]}", handle.url or handle.id, status.detail, hint)
    data = _fetch(backend, handle, clock)
    return Outcome(handle, status, parse_verdict(data, request.release.digest))


def _seen(handle: Handle, status: Status) -> Handle:
    return replace(handle, url=status.url or handle.url)


_ENDINGS = {"failed": "failed before it came to a verdict", "cancelled": "was cancelled"}


def _await_end(backend: Backend, handle: Handle, deadline: float, say: Callable[[str], None], clock: Clock) -> Status:
    said = ""
    for pause in _pauses():
        status = _ask(backend, handle)
        if status.state in ENDED:
            return status
        if status.state != said:
            said = status.state
            say(said if not status.detail else f"{said}: {status.detail}")
        left = deadline - clock.now()
        if left <= 0:
            hint = "run the same command again to go on waiting, or with a longer --timeout"
            why = f"the last that was heard is: {said}" + (f" ({status.detail})" if status.detail else "")
            raise TriggerError("The run has not ended in time", handle.url or handle.id, why, hint)
        clock.sleep(min(pause, left))
    raise AssertionError("unreachable")


def _ask(backend: Backend, handle: Handle) -> Status:
    """Poll; a service that cannot be asked just now has said nothing about the run."""
    try:
        return backend.poll(handle)
    except _UNANSWERED as error:
        return Status("unknown", error.why or error.what)


def _fetch(backend: Backend, handle: Handle, clock: Clock) -> bytes:
    """Fetch the verdict; what a service says of a run can be a little ahead of what it hands over."""
    for pause in (2.0**number for number in range(_FETCHES - 1)):
        try:
            return backend.fetch_verdict(handle)
        except _UNANSWERED:
            clock.sleep(pause)
    return backend.fetch_verdict(handle)


def _pauses() -> Iterator[float]:
    pause = _FIRST_PAUSE_S
    while True:
        yield pause
        pause = min(pause * _PAUSE_GROWTH, _LONGEST_PAUSE_S)
