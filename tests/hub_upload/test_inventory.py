"""The files that are published: what each is, and what is to change on the Hub."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hub_store import git_oid
from small_releases import TEXTS, make_release

from curation.errors import ReleaseError
from curation.release import Release, layout, open_release
from curation.release.notices import Notices, Yank, from_bytes, with_notices
from hub_upload.inventory import HUB_FILES, LocalFile, changes, local_files
from hub_upload.repository import RemoteFile

pytest.importorskip("huggingface_hub")


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return make_release(tmp_path_factory.mktemp("sealed"), rows=2)


def held(data: bytes, path: str = "a.txt") -> LocalFile:
    return LocalFile(path, len(data), hashlib.sha256(data).hexdigest(), data)


def in_git(data: bytes, path: str = "a.txt") -> RemoteFile:
    return RemoteFile(path, len(data), git_oid(data), None)


def in_lfs(data: bytes, path: str = "a.txt") -> RemoteFile:
    return RemoteFile(path, len(data), "0" * 40, hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize(
    "data", [b"", b"x", b"a\r\nb\r\n", "\u202e".encode(), b"\0" * 3_000_000, *map(str.encode, TEXTS.values())]
)
@pytest.mark.parametrize("on_disk", [False, True])
def test_a_file_that_is_there(tmp_path: Path, data: bytes, on_disk: bool) -> None:
    file = held(data)
    if on_disk:
        (tmp_path / "file").write_bytes(data)
        file = LocalFile(file.path, file.size, file.sha256, tmp_path / "file")
    assert file.is_at(in_git(data))
    assert file.is_at(in_lfs(data))
    assert not file.is_at(None)
    other = (bytes([data[0] ^ 1]) + data[1:]) if data else b"x"
    assert not file.is_at(in_git(other))
    assert not file.is_at(in_lfs(other))
    # The blob of a large file is that of its pointer.
    assert not file.is_at(RemoteFile("a.txt", len(data), git_oid(data), hashlib.sha256(other).hexdigest()))
    assert not file.is_at(RemoteFile("a.txt", len(data) + 1, git_oid(data), None))


def test_what_is_to_change() -> None:
    files = {name: held(name.encode(), name) for name in ("b", "a", "c", "d")}
    remote = {
        "a": in_git(b"a", "a"),
        "b": in_lfs(b"another", "b"),
        "c": in_lfs(b"c", "c"),
        "z": in_git(b"z", "z"),
        "old/x": in_lfs(b"x", "old/x"),
        ".gitattributes": in_git(b"*", ".gitattributes"),
    }
    found = changes(files, remote)
    assert [file.path for file in found.added] == ["b", "d"]
    assert [file.path for file in found.kept] == ["a", "c"]
    assert found.deleted == ("old/x", "z")
    assert found
    assert found.bytes_to_move == 2


@pytest.mark.parametrize("remote", [{}, {".gitattributes": in_git(b"*", ".gitattributes")}])
def test_nothing_is_to_change(remote: dict[str, RemoteFile]) -> None:
    files = {"a": held(b"a", "a")}
    assert not changes(files, remote | {"a": in_git(b"a", "a")})
    assert not changes({}, remote)
    assert changes(files, remote)


def test_all_files_of_a_release(sealed: Release) -> None:
    files = local_files(sealed, Notices())
    on_disk = {path.relative_to(sealed.path).as_posix(): path for path in sealed.path.rglob("*") if path.is_file()}
    assert set(files) == set(on_disk)
    assert {layout.MANIFEST, layout.VERDICT, layout.CARD} <= set(files)
    for path, file in files.items():
        data = on_disk[path].read_bytes()
        assert (file.path, file.size, file.sha256) == (path, len(data), hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("absent", [layout.VERDICT, layout.GATE_REPORT, layout.JUNIT])
def test_what_the_gate_wrote_goes_along_if_it_is_there(tmp_path: Path, absent: str) -> None:
    release = make_release(tmp_path, rows=2)
    for path in (layout.VERDICT, layout.GATE_REPORT, layout.JUNIT):
        (release.path / path).write_bytes(b"{}")
    (release.path / absent).unlink()
    (release.path / "gate/notes.txt").write_text("mine")
    files = local_files(release, Notices())
    assert {path for path in files if path.startswith("gate/")} == {
        layout.VERDICT,
        layout.GATE_REPORT,
        layout.JUNIT,
    } - {absent}


def test_the_card_says_what_is_to_be_said(sealed: Release) -> None:
    said = Notices("v1.0.0", "we know", "fail", (Yank("v0.9.0", "нет"),))
    files = local_files(sealed, said)
    card = (sealed.path / layout.CARD).read_bytes()
    noticed = files[layout.CARD]
    assert isinstance(noticed.content, bytes)
    assert noticed.content == with_notices(card, said) != card
    assert noticed.sha256 == hashlib.sha256(noticed.content).hexdigest()
    assert isinstance(files[layout.NOTICES].content, bytes)
    assert from_bytes(files[layout.NOTICES].content, where="x") == said
    plain = local_files(sealed, Notices())
    assert {path for path in files if files[path].sha256 != plain.get(path, held(b"")).sha256} == {
        layout.CARD,
        layout.NOTICES,
    }


def test_what_was_said_elsewhere_does_not_go_along(tmp_path: Path) -> None:
    """A release that was fetched from the Hub holds the notices of there."""
    release = make_release(tmp_path, rows=2)
    card = (release.path / layout.CARD).read_bytes()
    said = Notices("v7.0.0", "elsewhere", "fail", (Yank("v6.0.0", "elsewhere"),))
    (release.path / layout.CARD).write_bytes(with_notices(card, said))
    (release.path / layout.NOTICES).write_bytes(b"whatever")
    files = local_files(release, Notices())
    assert files[layout.CARD].content == card
    assert layout.NOTICES not in files


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("notes.txt", "NOTES.txt"),
        ("data/swh_Latn/a.txt", "data/SWH_Latn/A.txt"),
        ("x", "X"),
        ("readme.md", layout.CARD),
    ],
)
def test_names_that_differ_in_case_only(tmp_path: Path, one: str, other: str) -> None:
    release = make_release(tmp_path, rows=2)
    manifest = json.loads((release.path / layout.MANIFEST).read_text())
    listed = {entry["path"] for entry in manifest["files"]}
    for name in {one, other} - listed:
        path = release.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        digest = hashlib.sha256(name.encode()).hexdigest()
        manifest["files"].append({"path": name, "bytes": len(name), "sha256": digest, "rows": None, "schema": ""})
    (release.path / layout.MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ReleaseError, match="case only") as raised:
        local_files(open_release(release.path), Notices())
    assert one in raised.value.why
    assert other in raised.value.why


def test_an_operation_holds_the_bytes(tmp_path: Path) -> None:
    data = "Αύριο".encode()
    (tmp_path / "file").write_bytes(data)
    for file in (held(data), LocalFile("a.txt", len(data), hashlib.sha256(data).hexdigest(), tmp_path / "file")):
        added = file.addition()
        assert added.path_in_repo == "a.txt"
        with added.as_file() as stream:
            assert stream.read() == data


def test_a_file_that_has_changed_since_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"one")
    file = LocalFile("data/x", 3, hashlib.sha256(b"one").hexdigest(), tmp_path / "file")
    (tmp_path / "file").write_bytes(b"two")
    with pytest.raises(ReleaseError, match="has changed") as raised:
        file.addition()
    assert raised.value.where == "data/x"


def test_files_of_the_hub_are_no_files_of_a_release() -> None:
    for name in HUB_FILES:
        with pytest.raises(ReleaseError):
            layout.checked_path(name)
