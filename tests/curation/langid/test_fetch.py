"""Fetching over real HTTP, from a server in this process."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from curation.errors import CurationError
from curation.langid.fetch import PUBLISHED, PublishedModel, fetch
from curation.langid.model import identity

CONTENT = bytes(range(256)) * 1000


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder served as the Hub, and a cache of its own."""
    folder = tmp_path / "hub"
    (folder / "org/name/resolve/abc").mkdir(parents=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("CURATION_CACHE", str(tmp_path / "cache"))
    yield folder / "org/name/resolve/abc"
    server.shutdown()
    server.server_close()


def _model(content: bytes = CONTENT) -> PublishedModel:
    return PublishedModel("org/name", "abc", "model.bin", hashlib.sha256(content).hexdigest(), len(content))


def test_a_model_is_fetched_once(hub: Path) -> None:
    (hub / "model.bin").write_bytes(CONTENT)
    path = fetch(_model())
    assert path.read_bytes() == CONTENT
    (hub / "model.bin").unlink()
    assert fetch(_model()) == path


def test_another_file_than_the_pinned_one_is_refused_and_not_kept(hub: Path) -> None:
    (hub / "model.bin").write_bytes(CONTENT + b"!")
    with pytest.raises(CurationError) as caught:
        fetch(_model())
    assert "not the model that was pinned" in caught.value.what
    assert _model().sha256 in caught.value.why
    assert [*_model().path.parent.iterdir()] == []


def test_without_the_file_or_the_network_the_error_says_where_to_put_it(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for endpoint in (None, "http://127.0.0.1:9"):
        if endpoint:
            monkeypatch.setenv("HF_ENDPOINT", endpoint)
        with pytest.raises(CurationError) as caught:
            fetch(_model())
        assert caught.value.where == _model().url
        assert str(_model().path) in caught.value.hint
        assert not _model().path.exists()


def test_published_models_are_pinned() -> None:
    for name, model in PUBLISHED.items():
        assert len(model.revision) == 40
        assert len(model.sha256) == 64
        assert identity(name) == name


def test_a_model_given_by_its_path_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(CONTENT)
    assert identity(str(path)) == hashlib.sha256(CONTENT).hexdigest()
