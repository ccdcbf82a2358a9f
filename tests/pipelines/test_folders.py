"""Folders on disk and in object stores: the same words do the same, and a store may fail now and then."""

from __future__ import annotations

import pickle
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stores_that_fail import Unsteady, failing

from curation.errors import ConfigError, CurationError
from pipelines import folders
from pipelines.folders import Folder, LocalFolder, RemoteFolder, open_folder

TEXTS = {
    "deu_Latn": "Der Hafen ist zugefroren.",
    "rus_Cyrl": "Гавань замёрзла.",
    "ell_Grek": "Το λιμάνι πάγωσε.",
    "arb_Arab": "الميناء متجمد.",
    "heb_Hebr": "הנמל קפא.",
    "hin_Deva": "बंदरगाह जम गया है।",
    "tha_Thai": "ท่าเรือกลายเป็นน้ำแข็ง",
    "jpn_Jpan": "港は凍っています。",
    "kor_Hang": "항구가 얼었다.",
    "kat_Geor": "ნავსადგური გაიყინა.",
    "amh_Ethi": "ወደቡ ቀዝቅዟል።",
}


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody waits; what would have been waited is noted."""
    waited: list[float] = []
    monkeypatch.setattr(folders.time, "sleep", waited.append)
    return waited


@pytest.fixture(params=["local", "memory", "unsteady"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Folder]:
    """Return a new folder of each kind; of one of them every twentieth request fails."""
    if request.param == "local":
        yield open_folder(tmp_path / "place")
        return
    with failing(0.05):
        yield open_folder(f"{request.param}://{uuid.uuid4().hex}/place")


@pytest.fixture
def remote() -> RemoteFolder:
    """Return a new folder in a store that fails as the test says."""
    return RemoteFolder(f"unsteady://{uuid.uuid4().hex}")


def test_what_is_written_is_there_and_nothing_else(folder: Folder) -> None:
    for code, text in TEXTS.items():
        assert code not in folder.names("texts")
        folder.write_text(f"texts/{code}", text + "\n")
    folder.write_text("texts/deeper/other", "")
    folder.write_text("texts/.hidden", "")
    folder.write_text("texts2/other", "")
    assert folder.names("texts") == sorted(TEXTS)
    assert {code: folder.read(f"texts/{code}").decode() for code in TEXTS} == {c: f"{t}\n" for c, t in TEXTS.items()}
    assert folder.names("texts") == sorted(TEXTS)
    assert not folder.names("")
    assert folder.child("texts").names("") == sorted(TEXTS)
    assert folder.child("texts").read("tha_Thai") == folder.read("texts/tha_Thai")


def test_what_is_not_there(folder: Folder) -> None:
    assert folder.names("nothing") == []
    folder.remove("nothing")
    for look in (folder.read, folder.changed_ns, lambda name: folder.opened(name).__enter__().read()):
        with pytest.raises(FileNotFoundError):
            look("nothing")


def test_a_file_appears_whole_or_not_at_all(folder: Folder) -> None:
    folder.write_text("old", "before")
    for name in ("old", "new"):
        with pytest.raises(ZeroDivisionError), folder.writing(name) as path:
            _ = path.write_text("half") / 0
    with folder.writing("whole") as path:
        path.write_text("whole")
    assert folder.names("") == ["old", "whole"]
    assert (folder.read("old"), folder.read("whole")) == (b"before", b"whole")


def test_a_file_is_written_over(folder: Folder) -> None:
    for text in TEXTS.values():
        folder.write_text("text", text)
        assert folder.read("text") == text.encode()
    assert folder.names("") == ["text"]


def test_when_a_file_was_written(folder: Folder) -> None:
    before = time.time_ns()
    folder.write_text("text", "")
    # A store's clock may be coarse.
    assert before - 10**9 <= folder.changed_ns("text") <= time.time_ns() + 10**9
    first = folder.changed_ns("text")
    folder.write_text("text", "again")
    assert folder.changed_ns("text") >= first


def test_what_is_removed_is_gone_and_its_neighbours_are_not(folder: Folder) -> None:
    for name in ("notes/a", "notes/deeper/b", "notes2/c", "note"):
        folder.write_text(name, name)
    folder.remove("notes")
    folder.remove("notes")
    assert folder.names("notes") == folder.names("notes/deeper") == []
    assert (folder.read("notes2/c"), folder.read("note")) == (b"notes2/c", b"note")


def test_files_are_fetched(folder: Folder) -> None:
    for code, text in TEXTS.items():
        folder.write_text(f"files/data/{code}/train", text)
    wanted = [f"data/{code}/train" for code in sorted(TEXTS)[::2]]
    with folder.fetched("files", wanted) as here:
        assert [(here / name).read_text(encoding="utf-8") for name in wanted] == [
            TEXTS[code] for code in sorted(TEXTS)[::2]
        ]
    with pytest.raises(FileNotFoundError), folder.fetched("files", ["data/nothing"]) as here:
        (here / "data/nothing").read_bytes()


def test_new_files_are_in_the_folder_in_the_end(folder: Folder) -> None:
    folder.write_text("files/before", "")
    with folder.on_this_machine("files") as here:
        for code, text in TEXTS.items():
            (here / "data" / code).mkdir(parents=True)
            (here / "data" / code / "train").write_text(text, encoding="utf-8")
        (here / "top").write_text("top")
    assert folder.names("files") == ["before", "top"]
    assert {code: folder.read(f"files/data/{code}/train").decode() for code in TEXTS} == TEXTS


@pytest.mark.parametrize("kind", ["memory", "unsteady"])
def test_a_store_gets_no_files_of_a_block_that_fails(kind: str) -> None:
    folder = open_folder(f"{kind}://{uuid.uuid4().hex}")
    with failing(0.0), pytest.raises(ZeroDivisionError), folder.on_this_machine("files") as here:
        _ = (here / "half").write_text("half") / 0
    assert folder.names("files") == []


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=200),
    st.lists(st.tuples(st.integers(0, 220), st.one_of(st.none(), st.integers(0, 90)))),
    st.data(),
)
def test_any_range_can_be_read(data: bytes, reads: list[tuple[int, int | None]], draw: st.DataObject) -> None:
    folder = RemoteFolder("memory://ranges")
    with folder.writing("file") as path:
        path.write_bytes(data)
    with folder.opened("file") as stream:
        assert stream.size() == len(data)
        for place, count in ((place % (len(data) + 1), count) for place, count in reads):
            stream.seek(place)
            assert stream.read(count) == data[place:][:count]
            assert stream.tell() == min(place + (len(data) if count is None else count), len(data))
        place = draw.draw(st.integers(0, len(data)))
        stream.seek(place - len(data), 2)
        assert stream.read() == data[place:]
        assert stream.read() == b""


def test_a_range_is_asked_for_and_not_the_whole(remote: RemoteFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    with failing(0.0):
        with remote.writing("file") as path:
            path.write_bytes(bytes(range(250)) * 4000)
        sizes = []
        whole = RemoteFolder.range
        monkeypatch.setattr(RemoteFolder, "range", lambda *given: sizes.append(len(found := whole(*given))) or found)
        with remote.opened("file") as stream:
            stream.seek(500_007)
            assert stream.read(5) == bytes([7, 8, 9, 10, 11])
    assert sizes == [5]


def test_every_twentieth_request_may_fail(remote: RemoteFolder, pauses: list[float]) -> None:
    with failing(0.05) as store:
        for turn in range(60):
            remote.write_text(f"{turn % 7}/text", str(turn))
            assert remote.read(f"{turn % 7}/text") == str(turn).encode()
            assert remote.names(str(turn % 7)) == ["text"]
            assert remote.read(f"{turn % 7}/text")
            if turn % 5 == 0:
                remote.remove(str(turn % 7))
                assert not remote.names(str(turn % 7))
        assert store.failed > 8
    assert 8 < len(pauses) <= store.failed


CALLS: dict[str, Callable[[Folder], object]] = {
    "names": lambda folder: folder.names("a"),
    "read": lambda folder: folder.read("a"),
    "opened": lambda folder: folder.opened("a").__enter__(),
    "write_text": lambda folder: folder.write_text("a", "b"),
    "changed_ns": lambda folder: folder.changed_ns("a"),
    "remove": lambda folder: folder.remove("a"),
    "fetched": lambda folder: folder.fetched("", ["a"]).__enter__(),
}


@pytest.mark.parametrize("error", [TimeoutError, ConnectionResetError, OSError, RuntimeError, ValueError, KeyError])
@pytest.mark.parametrize("call", CALLS)
def test_a_store_that_always_fails_ends_the_run(
    call: str, error: type[Exception], remote: RemoteFolder, pauses: list[float]
) -> None:
    with failing(1.0, lambda: error("the line is dead")), pytest.raises(CurationError) as caught:
        CALLS[call](remote)
    said = caught.value
    assert said.where.startswith(remote.url)
    assert said.why.startswith(f"7 tries, the last: {error.__name__}")
    assert "the line is dead" in said.why
    assert "goes on where the run stopped" in said.hint
    assert len(pauses) == 6
    assert all(0.05 * 2**turn <= pause <= 0.15 * 2**turn for turn, pause in enumerate(pauses))


@pytest.mark.parametrize("error", [PermissionError, IsADirectoryError, NotADirectoryError, FileExistsError])
@pytest.mark.parametrize("call", CALLS)
def test_what_another_try_cannot_change_is_not_tried_again(
    call: str, error: type[Exception], remote: RemoteFolder, pauses: list[float]
) -> None:
    with failing(1.0, lambda: error("not you")) as store, pytest.raises(error, match="not you"):
        CALLS[call](remote)
    assert sum(store.asked.values()) == 1
    assert pauses == []


@pytest.mark.parametrize(
    ("place", "folder"),
    [
        (Path("a/b"), LocalFolder(Path("a/b"))),
        ("a/b", LocalFolder(Path("a/b"))),
        ("file:///a/b", LocalFolder(Path("/a/b"))),
        ("memory://bucket/a/", RemoteFolder("memory://bucket/a")),
    ],
)
def test_where_a_folder_is(place: Path | str, folder: Folder) -> None:
    found = open_folder(place)
    assert found == folder
    assert str(found.child("c")).endswith("/c")
    assert pickle.loads(pickle.dumps(found)) == folder


@pytest.mark.parametrize("url", ["nowhere://bucket", "https2://x"])
def test_a_store_that_nothing_here_can_reach(url: str) -> None:
    with pytest.raises(ConfigError, match="cannot be reached") as caught:
        open_folder(url)
    assert caught.value.where == url
    assert "[gcp]" in caught.value.hint


def test_the_store_of_these_tests_does_fail() -> None:
    with failing(1.0), pytest.raises(TimeoutError):
        Unsteady().info("/x")
