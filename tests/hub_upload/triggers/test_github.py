"""GitHub by its double: events that are taken once, runs that show late, artifacts of every kind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from github_double import REPO, GitHubDouble, zipped
from http_double import HangUpError, Reply
from http_double import Request as Asked
from trigger_runs import DIGEST, SECRETS, Times, on_hub, request, texts_below, verdict, verdict_bytes

from curation.errors import ConfigError
from hub_upload.triggers import Outcome, Spec, Target, TriggerError, run_trigger
from hub_upload.triggers import Request as Run
from hub_upload.triggers.github import GitHubBackend, Workflow, verdict_in_zip
from hub_upload.triggers.github_api import GitHubApi, UnansweredError
from hub_upload.triggers.protocol import TransientError, TriggerAuthError, TriggerConflictError
from hub_upload.triggers.workplace import Workplace

TOKEN = SECRETS[1]
ASKED = request("github")
OK = zipped({"verdict.json": verdict_bytes(), "report.html": b"<p>", "junit.xml": b"<x/>"})


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubDouble]:
    with GitHubDouble(TOKEN, lambda _: ("success", OK)) as server:
        monkeypatch.setenv("GITHUB_API_URL", server.url)
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        yield server


def backend(folder: Path, times: Times, tries: int = 4) -> GitHubBackend:
    def connect(repository: str) -> GitHubApi:
        found = GitHubApi.from_environment(repository, times.patience(tries))
        return GitHubApi(found.repository, found.token, found.address, found.patience, times.now)

    return GitHubBackend(Workflow(REPO), folder, connect, times.clock, times.now)


def run(folder: Path, times: Times, asked: Run = ASKED) -> Outcome:
    return run_trigger(backend(folder, times), asked, timeout=600, clock=times.clock)


def test_a_run_from_event_to_verdict(double: GitHubDouble, tmp_path: Path) -> None:
    outcome = run(tmp_path, Times())
    assert outcome.verdict == verdict()
    assert [double.events[0]] == double.events == [backend(tmp_path, Times()).payload(ASKED)["body"]]
    assert double.events[0]["client_payload"]["release"] == on_hub().reference
    assert len(double.events[0]["client_payload"]) <= 10
    assert run(tmp_path / "another machine", Times()).handle.found
    assert len(double.events) == 1


def test_a_failed_gate_is_a_verdict(double: GitHubDouble, tmp_path: Path) -> None:
    double.work = lambda _: ("failure", zipped({"gate/verdict.json": verdict_bytes("fail")}))
    outcome = run(tmp_path, Times())
    assert (outcome.verdict or {})["status"] == "fail"


@pytest.mark.parametrize(
    ("conclusion", "words"),
    [
        ("cancelled", "was cancelled"),
        ("failure", "failed before"),
        ("timed_out", "failed before"),
        ("success", "failed"),
    ],
)
def test_a_run_without_a_verdict(conclusion: str, words: str, double: GitHubDouble, tmp_path: Path) -> None:
    double.work = lambda _: (conclusion, None)
    with pytest.raises(TriggerError, match=words) as raised:
        run(tmp_path, Times())
    assert "actions/runs/1" in raised.value.where


def test_a_run_that_shows_late_is_not_started_again(double: GitHubDouble, tmp_path: Path) -> None:
    times, double.delay = Times(), 5
    first = backend(tmp_path, times).submit(ASKED)
    second = backend(tmp_path, times).submit(ASKED)
    assert (first.found, second.found) == (False, True)
    assert run(tmp_path, times).verdict == verdict()
    assert len(double.events) == 1


def test_an_event_whose_answer_was_lost_is_not_sent_again(double: GitHubDouble, tmp_path: Path) -> None:
    times, double.lost, double.delay = Times(), 1, 4
    assert run(tmp_path, times).verdict == verdict()
    assert (len(double.events), len(double.runs)) == (1, 1)


def test_an_event_that_was_not_taken_is_sent_again(double: GitHubDouble, tmp_path: Path) -> None:
    times, refused = Times(), [1, 1]
    double.fault = lambda asked: (
        Reply.of({"message": "no server is currently available"}, 503)
        if asked.path.endswith("/dispatches") and refused and refused.pop()
        else None
    )
    assert run(tmp_path, times).verdict == verdict()
    assert len(double.events) == 1
    # Twice it was looked for a run for as long as one may take to show.
    assert times.slept >= 120


def test_an_event_that_is_never_taken(double: GitHubDouble, tmp_path: Path) -> None:
    double.fault = lambda asked: Reply.of({}, 502) if asked.path.endswith("/dispatches") else None
    with pytest.raises(UnansweredError):
        run(tmp_path, Times())
    assert double.events == []
    double.fault = lambda _: None
    assert not run(tmp_path, Times()).handle.found


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry-After": "7"}, 7), ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1030"}, 30)],
)
@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize("path", ["/dispatches", "/runs", "/zip", "/artifacts"])
def test_limits_are_kept(
    path: str, status: int, headers: dict[str, str], seconds: int, double: GitHubDouble, tmp_path: Path
) -> None:
    times, refused = Times(at=1_000), [1]
    double.fault = lambda asked: (
        Reply.of({"message": "slow down"}, status, headers)
        if asked.path.endswith(path) and refused and refused.pop()
        else None
    )
    assert run(tmp_path, times).verdict == verdict()
    assert times.at >= 1_000 + seconds
    assert len(double.events) == 1


def test_a_limit_of_an_hour_is_not_waited_for(double: GitHubDouble, tmp_path: Path) -> None:
    times = Times()
    double.fault = lambda _: Reply.of({}, 429, {"Retry-After": "3600"})
    with pytest.raises(TransientError, match="no more requests") as raised:
        run(tmp_path, times)
    assert times.slept == 0
    assert "later" in raised.value.hint


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (401, TriggerAuthError, 5),
        (403, TriggerAuthError, 5),
        (404, TriggerError, 1),
        (409, TriggerConflictError, 4),
        (422, ConfigError, 2),
        (418, TriggerError, 1),
    ],
)
def test_what_github_refuses(
    status: int, error: type[Exception], code: int, double: GitHubDouble, tmp_path: Path
) -> None:
    double.fault = lambda asked: Reply.of({"message": f"no, {asked.headers['authorization']}\x1b[31m"}, status)
    with pytest.raises(error) as raised:
        run(tmp_path, Times())
    assert raised.value.exit_code == code  # type: ignore[attr-defined]
    assert not [secret for secret in SECRETS if secret in str(raised.value)]
    assert "\x1b" not in str(raised.value)
    assert double.events == []


def test_a_token_that_is_wrong_or_missing(
    double: GitHubDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", SECRETS[2])
    with pytest.raises(TriggerAuthError) as raised:
        run(tmp_path, Times())
    assert SECRETS[2] not in str(raised.value)
    monkeypatch.setenv("GITHUB_TOKEN", f"{TOKEN}\r\nX-Evil: 1")
    with pytest.raises(TriggerAuthError, match="no token") as raised:
        run(tmp_path, Times())
    assert TOKEN not in str(raised.value)
    monkeypatch.delenv("GITHUB_TOKEN")
    monkeypatch.delenv("GH_TOKEN", raising=False)
    with pytest.raises(TriggerAuthError, match="no token") as raised:
        run(tmp_path, Times())
    assert raised.value.exit_code == 5
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    assert run(tmp_path, Times()).verdict == verdict()


@pytest.mark.parametrize("kind", ["503", "hang up", "cut"])
@pytest.mark.parametrize(
    "path", ["/actions/workflows/smoke-test.yml/runs", "/actions/runs/1", "/artifacts", "/zip", "/store/1"]
)
def test_a_read_that_fails_twice_is_done_again(path: str, kind: str, double: GitHubDouble, tmp_path: Path) -> None:
    left = [1, 1]

    def fault(asked: Asked) -> Reply | None:
        if not asked.path.endswith(path) or not left:
            return None
        left.pop()
        if kind == "hang up":
            raise HangUpError
        return Reply.of({}, 503) if kind == "503" else Reply(200, b'{"workflow_runs": [', {}, cut=9)

    double.fault = fault
    assert run(tmp_path, Times()).verdict == verdict()
    assert len(double.events) == 1


def test_a_server_that_hangs(double: GitHubDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx2

    monkeypatch.setattr("hub_upload.triggers.github_api._TIMEOUT", httpx2.Timeout(0.2))
    release = threading.Event()

    def hang(_: Asked) -> Reply | None:
        release.wait(20)
        raise HangUpError

    double.fault = hang
    try:
        with pytest.raises(TransientError, match="does not answer"):
            run(tmp_path, Times())
    finally:
        release.set()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (zipped({"verdict.json": verdict_bytes(digest="cd" * 32)}), TriggerConflictError),
        (zipped({"verdict.json": verdict_bytes()[:300]}), TriggerError),
        (zipped({"other.json": verdict_bytes()}), TriggerError),
        (zipped({"../verdict.json": verdict_bytes()}), TriggerError),
        (zipped({"verdict.json": verdict_bytes(), "gate/verdict.json": verdict_bytes()}), TriggerError),
        (zipped({f"{n}": b"" for n in range(100)} | {"verdict.json": verdict_bytes()}), TriggerError),
        (zipped({"verdict.json": b" " * (17 << 20)}), TriggerError),
        (OK[: len(OK) // 2], TransientError),
        (b"", TransientError),
    ],
    ids=["other release", "truncated", "no verdict", "path", "two", "many", "bomb", "cut archive", "empty"],
)
def test_artifacts_that_hold_no_verdict(
    data: bytes, error: type[TriggerError], double: GitHubDouble, tmp_path: Path
) -> None:
    double.work = lambda _: ("success", data)
    with pytest.raises(error):
        run(tmp_path, Times())


def test_an_archive_that_lies_about_a_size() -> None:
    data = bytearray(zipped({"verdict.json": b" " * (17 << 20)}))
    # The size in the central directory, which is what `file_size` is read from.
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = (10).to_bytes(4, "little")
    with pytest.raises((TriggerError, TransientError)):
        verdict_in_zip(bytes(data))


def test_an_archive_that_is_too_large(double: GitHubDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub_upload.triggers.github._ZIP_BYTES", 100)
    with pytest.raises(TriggerError, match="too large"):
        run(tmp_path, Times())


def test_an_artifact_that_has_expired(double: GitHubDouble, tmp_path: Path) -> None:
    double.expired = True
    with pytest.raises(TriggerError, match="no more"):
        run(tmp_path, Times())


@pytest.mark.parametrize("where", ["http://example.org", "ftp://example.org", "file:///etc", "https://u:p@example.org"])
def test_an_artifact_elsewhere_is_not_fetched(where: str, double: GitHubDouble, tmp_path: Path) -> None:
    double.where_zips_are = where
    with pytest.raises(ConfigError, match="not used"):
        run(tmp_path, Times())


def test_names_of_others_are_no_runs_of_ours(double: GitHubDouble, tmp_path: Path) -> None:
    tag = ASKED.tag
    for title in (f"smoke-test x{tag}", f"smoke-test {tag}0", tag[:39], tag.upper(), "नमस्ते", ""):
        double.add_run(title, {})
    double.runs.append({"id": "7; rm", "display_title": tag, "status": "completed"})
    assert backend(tmp_path, Times())._find(tag) is None


def test_an_old_run_is_found_behind_many(double: GitHubDouble, tmp_path: Path) -> None:
    double.add_run(f"smoke-test {ASKED.tag}", {})
    for number in range(250):
        double.add_run(f"smoke-test {number:040x}", {})
    assert run(tmp_path, Times()).handle.id == "1"
    assert double.events == []


def test_the_first_of_two_runs_is_everybodys(double: GitHubDouble, tmp_path: Path) -> None:
    for _ in range(2):
        double.add_run(f"smoke-test {ASKED.tag}", {})
    assert backend(tmp_path, Times()).submit(ASKED).id == "1"


def test_a_run_that_never_shows(double: GitHubDouble, tmp_path: Path) -> None:
    times, double.delay = Times(), 10_000
    with pytest.raises(TriggerError, match="not ended in time") as raised:
        run(tmp_path, times)
    assert "default branch" in raised.value.why


@pytest.mark.parametrize(
    "change",
    [
        {"repository": "name"},
        {"repository": "a/b/c"},
        {"repository": "a/.."},
        {"repository": "-a/b"},
        {"workflow": "../x.yml"},
        {"workflow": "x.sh"},
        {"workflow": "x.yml/../../y.yml"},
        {"event": "a b"},
        {"event": ""},
    ],
    ids=str,
)
def test_names_that_would_lead_elsewhere(change: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as raised:
        Workflow(**{"repository": REPO, **change})
    assert raised.value.exit_code == 2


def test_a_folder_cannot_be_checked_there(double: GitHubDouble, tmp_path: Path) -> None:
    folder = Target("/data/release", DIGEST)
    for asked in (Run(folder, Spec("github")), Run(on_hub(), Spec("github"), folder)):
        with pytest.raises(ConfigError, match="needs a release on the Hub"):
            backend(tmp_path, Times()).payload(asked)


def test_nothing_is_sent_for_a_payload_and_no_token_is_kept(double: GitHubDouble, tmp_path: Path) -> None:
    assert TOKEN not in str(backend(tmp_path, Times()).payload(ASKED))
    assert double.requests == []
    run(tmp_path, Times())
    assert not [text for text in texts_below(tmp_path) if TOKEN in text]
    assert TOKEN not in repr(GitHubApi(REPO, TOKEN, double.url))
    assert Workplace.of(tmp_path, "github", ASKED.key).recorded() is not None
