"""How calls of the Hub end: what each answer means, what is waited, and that nothing is done twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

pytest.importorskip("huggingface_hub")

import httpx2
from huggingface_hub import errors as client_errors
from small_releases import TOKEN

from curation.errors import CurationError, ReleaseError
from hub_upload.calls import Patience, attempt, status_of, understood, why_of
from hub_upload.errors import HubAccessError, HubConflictError, HubError, HubMissingError, HubUnavailableError

URL = "https://huggingface.co/api/datasets/weather/sentences/commit/main"


class XetAuthenticationError(Exception):
    """As hf_xet names it."""


class XetObjectNotFoundError(Exception):
    """As hf_xet names it."""


def answered(
    status: int,
    *,
    kind: type[client_errors.HfHubHTTPError] = client_errors.HfHubHTTPError,
    headers: Mapping[str, str] | None = None,
    said: str = "",
) -> client_errors.HfHubHTTPError:
    request = httpx2.Request("POST", URL, headers={"authorization": f"Bearer {TOKEN}"})
    response = httpx2.Response(status, headers=dict(headers or {}), request=request)
    return kind(f"{status} for {URL}: Bearer {TOKEN}", response=response, server_message=said or None)


def caused_by(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def rust(status: int, words: str) -> ConnectionError:
    return ConnectionError(f"Network error: Request error: HTTP status error ({status} {words}), domain: {URL}/1404")


@pytest.mark.parametrize(
    ("error", "kind", "exit_code"),
    [
        (answered(400), HubError, 1),
        (answered(401), HubAccessError, 5),
        (answered(401, kind=client_errors.RepositoryNotFoundError), HubAccessError, 5),
        (answered(403), HubAccessError, 5),
        (answered(403, kind=client_errors.GatedRepoError), HubAccessError, 5),
        (answered(404), HubMissingError, 1),
        (answered(404, kind=client_errors.RepositoryNotFoundError), HubMissingError, 1),
        (answered(404, kind=client_errors.RevisionNotFoundError), HubMissingError, 1),
        (answered(404, kind=client_errors.RemoteEntryNotFoundError), HubMissingError, 1),
        (answered(408), HubUnavailableError, 1),
        (answered(409), HubConflictError, 4),
        (answered(410), HubError, 1),
        (answered(412), HubConflictError, 4),
        (answered(413), HubError, 1),
        (answered(422), HubError, 1),
        (answered(425), HubUnavailableError, 1),
        (answered(429), HubUnavailableError, 1),
        *((answered(status), HubUnavailableError, 1) for status in (500, 501, 502, 503, 504, 520, 599)),
        *(
            (transport("broken"), HubUnavailableError, 1)
            for transport in (
                httpx2.ConnectError,
                httpx2.ConnectTimeout,
                httpx2.PoolTimeout,
                httpx2.ReadError,
                httpx2.ReadTimeout,
                httpx2.RemoteProtocolError,
                httpx2.WriteTimeout,
                ConnectionResetError,
                TimeoutError,
            )
        ),
        (rust(401, "Unauthorized"), HubAccessError, 5),
        (rust(403, "Forbidden"), HubAccessError, 5),
        (rust(404, "Not Found"), HubError, 1),
        (rust(429, "Too Many Requests"), HubUnavailableError, 1),
        (rust(500, "Internal Server Error"), HubUnavailableError, 1),
        (rust(503, "Service Unavailable"), HubUnavailableError, 1),
        (ConnectionError("request failed after 404 ms: error sending request"), HubUnavailableError, 1),
        (ConnectionError("sent 4401 bytes of 5000 "), HubUnavailableError, 1),
        (ConnectionError("peer closed connection"), HubUnavailableError, 1),
        (XetAuthenticationError("Authentication error: token expired"), HubAccessError, 5),
        (XetObjectNotFoundError("HTTP status client error (404 Not Found)"), HubError, 1),
        (caused_by(ValueError("no"), answered(403)), HubAccessError, 5),
        (caused_by(RuntimeError("while uploading"), rust(503, "Service Unavailable")), HubUnavailableError, 1),
        (rust(400, "Bad Request"), HubError, 1),
        (caused_by(FileNotFoundError("cannot find it locally"), httpx2.ConnectError("down")), HubUnavailableError, 1),
        (caused_by(FileNotFoundError("x"), client_errors.OfflineModeIsEnabled("offline")), HubError, 1),
        (ValueError("a bug"), HubError, 1),
        (client_errors.OfflineModeIsEnabled("offline"), HubError, 1),
    ],
    ids=lambda value: f"{value}"[:48] if isinstance(value, Exception) else None,
)
def test_what_an_answer_means(error: Exception, kind: type[HubError], exit_code: int) -> None:
    known = understood("It does not work", "weather/sentences", error)
    assert type(known) is kind
    assert known.exit_code == exit_code
    assert known.where == "weather/sentences"
    assert known.hint
    assert TOKEN not in str(known)


def test_hints_name_what_can_be_done() -> None:
    assert "HF_HUB_DISABLE_XET" in understood("x", "y", rust(404, "Not Found")).hint
    assert "token" in understood("x", "y", answered(404)).hint
    assert "HF_HUB_OFFLINE" in understood("x", "y", client_errors.OfflineModeIsEnabled("offline")).hint


def test_a_failure_of_this_machine_is_none_of_the_hub() -> None:
    def full() -> None:
        raise OSError(28, "No space left on device", "/cache/blob")

    with pytest.raises(OSError, match="No space left") as raised:
        attempt("x", full, where="y", patience=Patience(tries=3, sleep=lambda _: None))
    assert raised.value.filename == "/cache/blob"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (answered(503), "HfHubHTTPError (HTTP 503)"),
        (answered(403, said="You may\x1b[2J not\u202e write"), "HfHubHTTPError (HTTP 403): You may [2J not write"),
        (answered(400, said=f"not Bearer {TOKEN}!"), "HfHubHTTPError (HTTP 400): not [token]"),
        (answered(500, said="Завтра будет дождь"), "HfHubHTTPError (HTTP 500): Завтра будет дождь"),
        (ValueError("first\nsecond"), "ValueError: first second"),
        (caused_by(RuntimeError("it broke"), TimeoutError("x")), "TimeoutError: it broke"),
    ],
    ids=str,
)
def test_why_is_the_servers_words_alone(error: Exception, expected: str) -> None:
    assert why_of(error) == expected


def test_status_of_an_error_without_any() -> None:
    assert status_of(ValueError("503 ")) == 0
    assert status_of(caused_by(ValueError("x"), caused_by(ValueError("y"), answered(418)))) == 418


class Calls:
    """Does one thing after the other, the last again and again: raises errors, returns everything else."""

    def __init__(self, *steps: object) -> None:
        self.steps = list(steps)
        self.count = 0

    def __call__(self) -> object:
        step = self.steps[min(self.count, len(self.steps) - 1)]
        self.count += 1
        if isinstance(step, Exception):
            raise step
        return step


def tried(call: Calls, done: Callable[[], object] | None = None, *, tries: int = 4) -> tuple[object, list[float]]:
    waits: list[float] = []
    patience = Patience(tries=tries, base=1.0, cap=10.0, sleep=waits.append)
    try:
        return attempt("It does not work", call, where="here", patience=patience, done=done), waits
    except CurationError as error:
        return error, waits


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 422])
def test_what_waiting_does_not_change_is_tried_once(status: int) -> None:
    call = Calls(answered(status), "fine")
    found, waits = tried(call)
    assert isinstance(found, HubError)
    assert isinstance(found.__cause__, client_errors.HfHubHTTPError)
    assert (call.count, waits) == (1, [])


@pytest.mark.parametrize("error", [answered(503), answered(429), httpx2.ReadTimeout("slow"), rust(502, "Bad Gateway")])
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    call = Calls(error, error, "fine")
    found, waits = tried(call)
    assert (found, call.count, len(waits)) == ("fine", 3, 2)


def test_tries_come_to_an_end() -> None:
    call = Calls(answered(503))
    found, waits = tried(call, tries=3)
    assert isinstance(found, HubUnavailableError)
    assert (call.count, len(waits)) == (3, 2)
    assert "same command" in found.hint


def test_errors_of_our_own_pass_as_they_are() -> None:
    error = ReleaseError("A file of the release has changed")
    call = Calls(error)
    assert tried(call) == (error, [])
    assert call.count == 1


def test_waits_grow_by_chance_and_stay_below_the_cap() -> None:
    seen: list[list[float]] = [[] for _ in range(7)]
    for _ in range(200):
        waits: list[float] = []
        patience = Patience(tries=8, base=1.0, cap=10.0, sleep=waits.append)
        with pytest.raises(HubUnavailableError):
            attempt("x", Calls(answered(503)), where="y", patience=patience)
        for number, wait in enumerate(waits):
            seen[number].append(wait)
    for number, waits in enumerate(seen):
        most = min(2.0**number, 10.0)
        assert most / 2 <= min(waits) < most * 0.6
        assert most * 0.9 < max(waits) <= most


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "7"}, 7, 7),
        ({"ratelimit": '"api";r=0;t=5'}, 5, 5),
        ({"ratelimit": '"api";r=0;t=5', "Retry-After": "8"}, 5, 5),
        ({"ratelimit": '"api";r=3;t=9'}, 0.5, 1),
        ({"Retry-After": "10"}, 10, 10),
        ({"Retry-After": "0"}, 0.5, 1),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.5, 1),
        ({"Retry-After": "-3"}, 0.5, 1),
        ({"Retry-After": "soon"}, 0.5, 1),
        ({"ratelimit": "nonsense"}, 0.5, 1),
        ({}, 0.5, 1),
    ],
)
def test_the_hub_says_how_long_to_wait(headers: dict[str, str], least: float, most: float) -> None:
    found, waits = tried(Calls(answered(429, headers=headers), "fine"))
    assert found == "fine"
    assert len(waits) == 1
    assert least <= waits[0] <= most


@pytest.mark.parametrize(
    "headers", [{"Retry-After": "11"}, {"ratelimit": '"api";r=0;t=3600'}, {"Retry-After": "9" * 400}]
)
def test_who_is_to_wait_longer_than_the_cap_gives_up(headers: dict[str, str]) -> None:
    call = Calls(answered(429, headers=headers), "fine")
    found, waits = tried(call)
    assert isinstance(found, HubUnavailableError)
    assert (call.count, waits) == (1, [])


@pytest.mark.parametrize("error", [answered(503), answered(409), answered(412), answered(400), httpx2.ReadTimeout("x")])
def test_a_lost_answer_is_asked_for(error: Exception) -> None:
    call, done = Calls(error), Calls("the commit")
    assert tried(call, done) == ("the commit", [])
    assert (call.count, done.count) == (1, 1)


def test_who_may_not_does_not_ask() -> None:
    call, done = Calls(answered(403)), Calls("the commit")
    assert isinstance(tried(call, done)[0], HubAccessError)
    assert (call.count, done.count) == (1, 0)


def test_nothing_is_asked_after_an_answer() -> None:
    done = Calls("another")
    assert tried(Calls("the commit"), done) == ("the commit", [])
    assert done.count == 0


def test_what_was_not_done_is_sent_again() -> None:
    call, done = Calls(answered(503), httpx2.ReadTimeout("x"), "the commit"), Calls(None)
    assert tried(call, done)[0] == "the commit"
    assert (call.count, done.count) == (3, 2)


def test_nothing_is_sent_again_while_it_is_not_known_whether_it_was_done() -> None:
    call = Calls(httpx2.ReadTimeout("lost"), "a second commit")
    done = Calls(answered(503), httpx2.ConnectError("still down"), "the commit")
    found, waits = tried(call, done)
    assert found == "the commit"
    assert (call.count, done.count, len(waits)) == (1, 3, 2)


def test_a_conflict_is_not_told_before_it_is_known_whose_it_is() -> None:
    call, done = Calls(answered(412)), Calls(answered(503), "the commit")
    assert tried(call, done)[0] == "the commit"
    assert call.count == 1


def test_whoever_cannot_find_out_says_so() -> None:
    call, done = Calls(httpx2.ReadTimeout("lost")), Calls(answered(503))
    found, _ = tried(call, done)
    assert isinstance(found, HubUnavailableError)
    assert "whether" in found.what
    assert (call.count, done.count) == (1, 4)


def test_access_lost_in_between_ends_it() -> None:
    found, waits = tried(Calls(httpx2.ReadTimeout("lost")), Calls(answered(401)))
    assert isinstance(found, HubAccessError)
    assert waits == []


def test_an_interrupt_is_an_interrupt() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt("x", interrupted, where="y", patience=Patience(), done=lambda: None)
