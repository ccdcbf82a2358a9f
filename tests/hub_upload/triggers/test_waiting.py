"""Waiting, with a backend that is a list of answers and a clock that takes no time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from trigger_runs import DIGEST, Times, request, verdict, verdict_bytes

from hub_upload.errors import HubUnavailableError
from hub_upload.triggers import Handle, Request, Status, TriggerError, run_trigger
from hub_upload.triggers.protocol import TransientError, TriggerConflictError

QUEUED, RUNNING, DONE = Status("queued"), Status("running"), Status("done")
AWAY = TransientError("the server is away", why="HTTP 503")


class Listed:
    """Answers from a list; the last answer stands for ever."""

    name = "listed"

    def __init__(self, polls: Sequence[Status | Exception], fetches: Sequence[bytes | Exception] = ()) -> None:
        self.polls, self.fetches = list(polls), list(fetches or [verdict_bytes()])
        self.submitted = 0

    def payload(self, request: Request) -> dict[str, Any]:
        return {}

    def submit(self, request: Request) -> Handle:
        self.submitted += 1
        return Handle(request.key, "run-7", found=self.submitted > 1)

    def poll(self, handle: Handle) -> Status:
        return _next(self.polls)

    def fetch_verdict(self, handle: Handle) -> bytes:
        return _next(self.fetches)


def _next(answers: list[Any]) -> Any:
    answer = answers.pop(0) if len(answers) > 1 else answers[0]
    if isinstance(answer, Exception):
        raise answer
    return answer


@pytest.mark.parametrize(
    "polls",
    [
        [DONE],
        [QUEUED, RUNNING, RUNNING, DONE],
        [AWAY, QUEUED, AWAY, AWAY, RUNNING, DONE],
        [HubUnavailableError("the Hub is away"), Status("unknown", "it says HOLD"), DONE],
        [QUEUED] * 50 + [DONE],
    ],
    ids=len,
)
def test_it_waits_to_the_end(polls: list[Status | Exception]) -> None:
    times, said = Times(), list[str]()
    backend = Listed(polls)
    outcome = run_trigger(backend, request("listed"), timeout=3_600, say=said.append, clock=times.clock)
    assert outcome.verdict == verdict()
    assert outcome.status == DONE
    assert said[0] == "started: listed run-7"
    assert all(one != next_one for one, next_one in itertools.pairwise(said))


def test_the_pauses_grow_and_end_with_the_time() -> None:
    times = Times()
    with pytest.raises(TriggerError, match="not ended in time") as raised:
        run_trigger(Listed([RUNNING]), request("listed"), timeout=600, clock=times.clock)
    assert times.slept == pytest.approx(600)
    assert "running" in raised.value.why
    assert "same command" in raised.value.hint


def test_a_second_call_goes_on_with_the_same_run() -> None:
    times, said = Times(), list[str]()
    backend = Listed([RUNNING])
    with pytest.raises(TriggerError):
        run_trigger(backend, request("listed"), timeout=10, clock=times.clock)
    backend.polls = [DONE]
    assert run_trigger(backend, request("listed"), timeout=10, say=said.append, clock=times.clock).verdict
    assert said[0].startswith("found")


def test_without_waiting_one_look_is_enough() -> None:
    outcome = run_trigger(Listed([QUEUED]), request("listed"), timeout=10, wait=False, clock=Times().clock)
    assert (outcome.status, outcome.verdict, outcome.handle.id) == (QUEUED, None, "run-7")


@pytest.mark.parametrize(
    ("status", "words"), [(Status("failed", "out of memory"), "failed before"), (Status("cancelled"), "was cancelled")]
)
def test_a_run_that_comes_to_nothing(status: Status, words: str) -> None:
    with pytest.raises(TriggerError, match=words) as raised:
        run_trigger(Listed([RUNNING, status]), request("listed"), timeout=60, clock=Times().clock)
    assert raised.value.why == status.detail
    assert raised.value.exit_code == 1
    assert "--attempt" in raised.value.hint


def test_a_verdict_that_comes_a_little_later() -> None:
    times = Times()
    backend = Listed([DONE], [AWAY, HubUnavailableError("not yet"), verdict_bytes("fail")])
    outcome = run_trigger(backend, request("listed"), timeout=60, clock=times.clock)
    assert outcome.verdict == verdict("fail")
    assert times.slept > 0


@pytest.mark.parametrize(
    ("fetches", "error", "code"),
    [
        ([AWAY], TransientError, 1),
        ([TriggerError("there is none")], TriggerError, 1),
        ([verdict_bytes()[:400]], TriggerError, 1),
        ([verdict_bytes(digest="cd" * 32)], TriggerConflictError, 4),
    ],
    ids=["away", "none", "truncated", "of another release"],
)
def test_a_verdict_that_cannot_be_used(fetches: list[bytes | Exception], error: type[TriggerError], code: int) -> None:
    assert DIGEST != "cd" * 32
    with pytest.raises(error) as raised:
        run_trigger(Listed([DONE], fetches), request("listed"), timeout=60, clock=Times().clock)
    assert raised.value.exit_code == code
