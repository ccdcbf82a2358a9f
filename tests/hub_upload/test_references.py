"""References to the Hub, with the real client on a cache that lies on disk, and no network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from curation.errors import ConfigError
from curation.release.verify import verify_release
from hub_upload.references import (
    HubError,
    Reference,
    is_reference,
    local_release,
    parse_reference,
    parse_repository,
    release_folder,
)

constants = pytest.importorskip("huggingface_hub.constants")

TOKEN = "hf_" + "a" * 34
COMMIT = "0123456789abcdef" * 2 + "01234567"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hf://datasets/org/name", ("org", "name", None)),
        ("hf://datasets/org/name@v1.2.0", ("org", "name", "v1.2.0")),
        ("hf://datasets/my-org/a.b_c@main", ("my-org", "a.b_c", "main")),
        (f"hf://datasets/o/n@{COMMIT}", ("o", "n", COMMIT)),
        ("hf://datasets/o/n@refs/pr/1", ("o", "n", "refs/pr/1")),
    ],
)
def test_what_is_a_reference(text: str, expected: tuple[str, str, str | None]) -> None:
    assert is_reference(text)
    assert parse_reference(text) == Reference(*expected)
    assert str(parse_reference(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "hf://",
        "hf://datasets/",
        "hf://datasets/name",
        "hf://models/org/name",
        "hf://datasets/org/name@",
        "hf://datasets/org/name@a@b",
        "hf://datasets/org/name/data",
        "hf://datasets/../name",
        "hf://datasets/org/..",
        "hf://datasets/org/na--me",
        "hf://datasets/org/name@../../etc",
        "hf://datasets/org/name@a/../b",
        "hf://datasets/org/name@/etc",
        "hf://datasets/org/name@-x",
        "hf://datasets/org/name@a\nb",
        "hf://datasets/org/name\n",
        "hf://datasets/org/имя",
        "hf://datasets/org/名前",
        "hf://datasets/org/" + "n" * 200,
        "HF://datasets/org/name",
        " hf://datasets/org/name",
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(ConfigError, match="not a reference"):
        parse_reference(text)


@pytest.mark.parametrize("text", ["org/name", "my-org/a.b_c", "o/n", "O0/N_1"])
def test_what_is_a_repository(text: str) -> None:
    assert parse_repository(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "name",
        "org/",
        "/name",
        "org/name/",
        "org/name/data",
        "org/name@v1.0.0",
        "org/name@",
        "datasets/org/name",
        "hf://datasets/org/name",
        "https://huggingface.co/datasets/org/name",
        "../name",
        "org/..",
        "org/na--me",
        "org/na..me",
        "org/-name",
        "org/name-",
        "org/name\n",
        "org/na me",
        "org/na\u202eme",
        "org/имя",
        "組織/名前",
        "org/name#x",
        "org/name?x=1",
        "org/na%2Fme",
        "org/" + "n" * 97,
    ],
)
def test_what_is_no_repository(text: str) -> None:
    with pytest.raises(ConfigError, match="not the name of a repository") as raised:
        parse_repository(text)
    assert raised.value.hint == "ORG/NAME"
    assert len(raised.value.why) < 210
    assert not {"\n", "\u202e"} & set(raised.value.why)


def test_a_folder_stays_what_it_is(tmp_path: Path) -> None:
    assert release_folder(str(tmp_path)) == tmp_path


def hub_cache(folder: Path, release: Path | None, *, revision: str = "v1.0.0") -> Path:
    """Lay a release out as the client keeps a dataset: blobs, links to them, and a name for the commit."""
    store = folder / "datasets--org--messages"
    snapshot = store / "snapshots" / COMMIT
    blobs = store / "blobs"
    blobs.mkdir(parents=True)
    files = {} if release is None else {p.relative_to(release): p for p in release.rglob("*") if p.is_file()}
    entries = {}
    for number, (name, path) in enumerate([*files.items(), (Path(".gitattributes"), None)]):
        blob = blobs / f"{number:040x}"
        blob.write_bytes(path.read_bytes() if path else b"*.parquet filter=lfs\n")
        link = snapshot / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
        entries[name.as_posix()] = blob
    (store / "refs").mkdir()
    (store / "refs" / revision).write_text(COMMIT)
    return snapshot


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the client's cache; the client reads these settings when it is imported."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_a_release_in_the_clients_cache_is_sound(offline: Path, finished: Path, tmp_path: Path) -> None:
    hub_cache(offline, finished / "release")
    copy = local_release(parse_reference("hf://datasets/org/messages@v1.0.0"), cache=tmp_path / "ours")
    assert copy == tmp_path / "ours" / "org--messages" / COMMIT
    release, findings = verify_release(copy)
    assert findings == []
    assert release.manifest["name"] == "messages"
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    assert release_folder(f"hf://datasets/org/messages@{COMMIT}", cache=tmp_path / "ours") == copy
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*")} == before


def test_what_is_not_in_the_cache_is_not_found_offline(offline: Path, tmp_path: Path) -> None:
    with pytest.raises(HubError, match="cannot be fetched") as raised:
        local_release(parse_reference("hf://datasets/org/none@v1"), cache=tmp_path / "ours")
    assert "HF_HUB_OFFLINE" in raised.value.hint
    assert not (tmp_path / "ours").exists()


def test_a_dataset_that_is_no_release(offline: Path, tmp_path: Path) -> None:
    hub_cache(offline, None)
    with pytest.raises(HubError, match="not a release"):
        local_release(parse_reference("hf://datasets/org/messages@v1.0.0"), cache=tmp_path / "ours")


def test_a_link_that_leads_out_of_the_cache_is_not_followed(offline: Path, finished: Path, tmp_path: Path) -> None:
    snapshot = hub_cache(offline, finished / "release")
    (tmp_path / "secret").write_text("mine")
    (snapshot / "stolen.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(HubError, match="outside"):
        local_release(parse_reference("hf://datasets/org/messages@v1.0.0"), cache=tmp_path / "ours")
    assert not list((tmp_path / "ours").rglob("*.parquet"))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:
    """Let a server on this machine be the Hub; it answers every request with the status and error code that are set."""
    answer: dict[str, object] = {"status": 404, "code": "RepoNotFound"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(str(answer["status"])))
            self.send_header("X-Error-Code", str(answer["code"]))
            self.send_header("X-Error-Message", f"no, {self.headers.get('authorization')}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815 - the name is the library's

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    yield answer
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "code", "words", "exit_code"),
    [
        (404, "RepoNotFound", "not found, or is private", 1),
        (401, "RepoNotFound", "not found, or is private", 5),
        (403, "GatedRepo", "gated", 5),
        (403, "", "cannot be fetched", 5),
        (404, "RevisionNotFound", "no such revision", 1),
    ],
)
def test_what_the_hub_refuses(
    hub: dict[str, object], tmp_path: Path, status: int, code: str, words: str, exit_code: int
) -> None:
    hub |= {"status": status, "code": code}
    with pytest.raises(HubError, match=words) as raised:
        local_release(parse_reference("hf://datasets/org/name@v1"), cache=tmp_path / "ours")
    assert raised.value.exit_code == exit_code
    assert TOKEN not in str(raised.value)
    assert "hf://datasets/org/name@v1" in str(raised.value)


@pytest.mark.slow
def test_the_gate_takes_a_reference(finished: Path, tmp_path: Path) -> None:
    hub_cache(tmp_path / "hub", finished / "release")
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path / "hub")}
    environment |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "curation.cli", "gate", "hf://datasets/org/messages@v1.0.0", "--json"]
    refused = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "--out" in refused.stderr
    done = subprocess.run([*command, "--out", str(tmp_path)], env=environment, capture_output=True, text=True)
    assert done.returncode in (0, 3), done.stderr
    assert json.loads(done.stdout) == json.loads((tmp_path / "gate" / "verdict.json").read_text())
    assert not list((tmp_path / "cache").rglob("gate/junit.xml"))
