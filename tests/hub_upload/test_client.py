"""The client's set-up: timeouts that hold, and nothing of the program's own that is overwritten."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub")

import httpx2
from http_double import Request
from huggingface_hub import close_session, get_session, set_client_factory
from huggingface_hub.utils import _http
from small_releases import REPO, TOKEN, hub

from hub_upload import client
from hub_upload.calls import Patience
from hub_upload.client import CONNECT_SECONDS, READ_SECONDS, connect
from hub_upload.errors import HubUnavailableError
from hub_upload.repository import Repository


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the client be as it is when it was just imported; and afterwards as it was."""
    for name in ("HF_ENDPOINT", *client._UPLOADER):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    before = _http._GLOBAL_CLIENT_FACTORY
    monkeypatch.setattr(client, "_set_up", False)
    set_client_factory(_http.default_client_factory)
    yield
    set_client_factory(before)


def limits(**given: float | None) -> dict[str, float]:
    """Return the timeouts of a request as the session would send it, with or without one that the call names."""
    session = get_session()
    request = session.build_request("GET", "http://127.0.0.1/", **given)
    for hook in session.event_hooks["request"]:
        hook(request)
    found: dict[str, float] = request.extensions["timeout"]
    return found


OURS = {"connect": CONNECT_SECONDS, "read": READ_SECONDS, "write": READ_SECONDS, "pool": READ_SECONDS}


def test_every_request_has_timeouts_even_where_the_client_says_none() -> None:
    assert limits()["read"] is None
    connect(TOKEN)
    assert limits() == OURS
    # So the client asks for repositories, trees and lists of commits.
    assert limits(timeout=None) == OURS
    assert limits(timeout=7.0) == dict.fromkeys(OURS, 7.0)
    assert get_session().follow_redirects


def test_a_new_session_has_them_too() -> None:
    connect(TOKEN)
    first = get_session()
    close_session()
    connect(TOKEN)
    assert get_session() is not first
    assert limits() == OURS
    # What the client does before each request, it still does.
    assert get_session().event_hooks["request"] == first.event_hooks["request"] != []


def test_a_session_is_not_opened_anew_for_each_connection() -> None:
    connect(TOKEN)
    first = get_session()
    connect(False)
    assert get_session() is first


def test_timeouts_of_the_program_stay() -> None:
    set_client_factory(lambda: httpx2.Client(timeout=3.0))
    connect(TOKEN)
    assert get_session().timeout == httpx2.Timeout(3.0)


def test_a_session_that_the_program_sets_later_stays() -> None:
    connect(TOKEN)
    set_client_factory(lambda: httpx2.Client(timeout=None))
    connect(TOKEN)
    assert get_session().timeout.read is None


def test_the_endpoint_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert connect(TOKEN).endpoint == "http://127.0.0.1:9"
    monkeypatch.setenv("HF_ENDPOINT", "")
    assert connect(TOKEN).endpoint.startswith("https://")


@pytest.mark.parametrize("token", [TOKEN, None, False])
def test_the_token_is_what_was_given(token: str | bool | None) -> None:
    assert connect(token).token == token


def test_what_the_environment_says_to_the_uploader_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_XET_CLIENT_READ_TIMEOUT", "7s")
    connect(TOKEN)
    assert os.environ["HF_XET_CLIENT_READ_TIMEOUT"] == "7s"
    assert os.environ["HF_XET_CLIENT_CONNECT_TIMEOUT"] == "15s"


def test_a_server_that_stops_answering_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "READ_SECONDS", 0.3)
    let_go = threading.Event()
    with hub(tmp_path, monkeypatch) as double:
        double.store.create_repo("dataset", REPO, private=True)

        def hang(request: Request) -> None:
            if request.path.endswith("/refs"):
                let_go.wait(20)

        double.fault = hang
        repository = Repository(REPO, connect(TOKEN), Patience(tries=2, base=0.01))
        started = time.monotonic()
        with pytest.raises(HubUnavailableError, match="cannot be listed"):
            repository.references()
        let_go.set()
        assert time.monotonic() - started < 10


def test_a_server_that_is_not_there_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
    with pytest.raises(HubUnavailableError):
        Repository(REPO, connect(TOKEN), Patience(tries=2, base=0.01)).references()


WITHOUT = """
import sys
sys.modules |= dict.fromkeys(("huggingface_hub", "httpx2", "hf_xet", "tenacity"))
from curation.cli.main import run_command
sys.exit(run_command(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["verify", "."], 1, "not a release"),
        (["--debug", "verify", "."], 1, "not a release"),
        (["verify", f"hf://datasets/{REPO}"], 2, "ml-embed-curation[hub]"),
        (["publish", "--repo", REPO, "--yank", "v1.0.0", "--reason", "x"], 2, "ml-embed-curation[hub]"),
    ],
)
def test_what_needs_no_hub_needs_none_of_its_packages(
    tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    environment = os.environ | {"HF_TOKEN": TOKEN}
    command = [sys.executable, "-c", WITHOUT, *arguments]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
