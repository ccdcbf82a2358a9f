"""GitHub's API, one request at a time: what is tried again, what never is, and where the token goes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from github_double import REPO, GitHubDouble
from http_double import HangUpError, Reply, Request
from trigger_runs import SECRETS, Times

from curation.errors import ConfigError
from hub_upload.triggers import TriggerError
from hub_upload.triggers.github_api import GitHubApi, UnansweredError
from hub_upload.triggers.protocol import TransientError

TOKEN = SECRETS[1]


@pytest.fixture
def double() -> Iterator[GitHubDouble]:
    with GitHubDouble(TOKEN, lambda _: ("success", None)) as server:
        yield server


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
def api(double: GitHubDouble, times: Times) -> GitHubApi:
    return GitHubApi(REPO, TOKEN, double.url, times.patience(3), times.now)


def hang_up(_: Request) -> Reply:
    raise HangUpError


@pytest.mark.parametrize("answer", [lambda _: Reply.of({}, 500), lambda _: Reply.of({}, 408), hang_up])
def test_a_get_is_tried_as_often_as_patience_allows(answer: object, api: GitHubApi, double: GitHubDouble) -> None:
    double.fault = answer  # type: ignore[assignment]
    with pytest.raises(TransientError):
        api.get("actions/runs/1")
    assert len(double.requests) == 3


@pytest.mark.parametrize("answer", [lambda _: Reply.of({}, 500), lambda _: Reply.of({}, 408), hang_up])
def test_a_post_that_may_have_been_done_is_not_tried_again(
    answer: object, api: GitHubApi, double: GitHubDouble
) -> None:
    double.fault = answer  # type: ignore[assignment]
    with pytest.raises(UnansweredError):
        api.post("dispatches", {})
    assert len(double.requests) == 1


def test_a_post_that_was_turned_away_is_tried_again(api: GitHubApi, double: GitHubDouble, times: Times) -> None:
    left = [1, 1]
    double.fault = lambda _: Reply.of({}, 429, {"Retry-After": "5"}) if left and left.pop() else None
    api.post("dispatches", {"event_type": "x", "client_payload": {"key": "y"}})
    assert (len(double.events), times.slept >= 10) == (1, True)


def test_a_post_that_reached_nobody_is_tried_again(times: Times) -> None:
    with pytest.raises(TransientError) as raised:
        GitHubApi(REPO, TOKEN, "http://127.0.0.1:1", times.patience(3)).post("dispatches", {})
    assert not isinstance(raised.value, UnansweredError)
    assert times.slept > 0


@pytest.mark.parametrize("retry", ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "", "soon"])
def test_a_time_to_come_back_that_is_no_number(retry: str, api: GitHubApi, double: GitHubDouble, times: Times) -> None:
    left = [1]
    double.fault = lambda _: Reply.of({}, 429, {"Retry-After": retry}) if left and left.pop() else None
    double.add_run("x", {})
    assert api.get("actions/runs/1")["id"] == 1
    assert 0 < times.slept <= 2


def test_a_time_to_come_back_that_never_comes(api: GitHubApi, double: GitHubDouble, times: Times) -> None:
    double.fault = lambda _: Reply.of({}, 429, {"Retry-After": "9" * 400})
    with pytest.raises(TransientError):
        api.get("actions/runs/1")
    assert times.slept == 0


def test_answers_are_bounded(api: GitHubApi, double: GitHubDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    double.zips[1] = b"x" * 200_000
    assert api.download("actions/artifacts/1/zip", 200_000) == double.zips[1]
    with pytest.raises(TriggerError, match="too large"):
        api.download("actions/artifacts/1/zip", 199_999)
    # The rest of a long refusal is not read.
    double.fault = lambda _: Reply.of({"message": "x" * 1_000_000}, 418)
    with pytest.raises(TriggerError) as raised:
        api.get("actions/runs/1")
    assert len(str(raised.value)) < 1_000


def test_a_repository_that_moved_is_not_followed_with_the_token(api: GitHubApi, double: GitHubDouble) -> None:
    double.fault = lambda _: Reply(301, b"", {"Location": "http://127.0.0.1:1/elsewhere"})
    with pytest.raises(ConfigError, match="has moved"):
        api.get("actions/runs/1")
    assert len(double.requests) == 1


def test_the_token_goes_to_the_api_alone(api: GitHubApi, double: GitHubDouble) -> None:
    double.zips[1] = b"x"
    api.download("actions/artifacts/1/zip", 10)
    sent = {asked.path: asked.headers.get("authorization") for asked in double.requests}
    assert sent == {f"/repos/{REPO}/actions/artifacts/1/zip": f"Bearer {TOKEN}", "/store/1": None}
    double.fault = lambda asked: Reply(302, b"", {"Location": "/store/1"}) if "/store/" in asked.path else None
    with pytest.raises(TriggerError, match="one address to the next"):
        api.download("actions/artifacts/1/zip", 10)


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("https://api.github.com", True),
        ("https://github.example.org/api/v3/", True),
        ("http://127.0.0.1:1", True),
        ("http://localhost:1", True),
        ("http://api.github.com", False),
        ("http://127.0.0.1.example.org", False),
        ("https://user:secret@api.github.com", False),
        ("ftp://api.github.com", False),
        ("api.github.com", False),
        ("https://[", False),
        ("https:///path", False),
        ("https://api.github.com/\r\nX: 1", False),
    ],
)
def test_addresses(address: str, good: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_API_URL", address)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    if good:
        assert GitHubApi.from_environment(REPO).address == address.rstrip("/")
        return
    with pytest.raises(ConfigError) as raised:
        GitHubApi.from_environment(REPO)
    assert "secret" not in str(raised.value)
