"""Re-checking a release on the Hub, changed there by whoever may."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("huggingface_hub")

import small_releases
from http_double import HangUpError, Reply, Request
from hub_accounts import Account
from hub_double import HubDouble
from hub_store import AddBlob, AddObject, Change, DeleteFile, Repo
from small_releases import REPO, TEXTS, TOKEN, hub, judge, make_release

from curation.errors import ReleaseError
from curation.release import Release, layout, open_release
from curation.release.notices import Notices, Yank, to_bytes, with_notices
from hub_upload import publish
from hub_upload.calls import Patience
from hub_upload.errors import HubAccessError, HubError, HubMissingError
from hub_upload.references import parse_reference
from hub_upload.verifying import RemoteCheck, verify_remote
from hub_upload.yanking import yank

PATIENCE = Patience(tries=3, base=0.0, sleep=lambda _: None)
FEW = {name: TEXTS[name] for name in ("amh_Ethi", "jpn_Jpan")}


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return make_release(tmp_path_factory.mktemp("sealed"), rows=3, texts=FEW)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, sealed: Release) -> Iterator[tuple[HubDouble, Repo]]:
    """Serve a Hub, and publish once to it."""
    with pytest.MonkeyPatch.context() as patch, hub(tmp_path_factory.mktemp("hub"), patch) as running:
        # Read by the client when it was imported.
        template = f"{running.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        patch.setattr("huggingface_hub.constants.ENDPOINT", running.url)
        patch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        patch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)
        publish(sealed.path, REPO, "v1.0.0", patience=PATIENCE)
        yield running, running.store.dataset(REPO)


@pytest.fixture
def double(served: tuple[HubDouble, Repo], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubDouble:
    """Return a Hub that holds nothing."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache" / "hub"))
    running, _ = served
    running.store.repos.clear()
    running.fault = lambda request: None
    return running


@pytest.fixture
def published(double: HubDouble, served: tuple[HubDouble, Repo]) -> HubDouble:
    """Return a Hub that holds the release, and may be changed."""
    repo = copy.copy(served[1])
    repo.branches, repo.tags = dict(repo.branches), dict(repo.tags)
    repo.log, repo.objects = list(repo.log), set(repo.objects)
    double.store.repos["dataset", REPO] = repo
    return double


def check(revision: str = "v1.0.0", *, deep: bool = False) -> RemoteCheck:
    return verify_remote(parse_reference(f"hf://datasets/{REPO}@{revision}"), deep=deep, patience=PATIENCE)


def problems(revision: str = "main", *, deep: bool = False) -> list[tuple[str, str]]:
    return [(finding.path, finding.problem) for finding in check(revision, deep=deep).findings]


def stored(double: HubDouble, path: str, data: bytes) -> Change:
    """Return what puts bytes at a path, as the Hub stores them."""
    if not path.endswith(".parquet"):
        return AddBlob(path, data)
    digest = hashlib.sha256(data).hexdigest()
    double.store.contents.receive(io.BytesIO(data), digest, len(data))
    double.store.dataset(REPO).objects.add(digest)
    return AddObject(path, digest)


def put(double: HubDouble, path: str, data: bytes) -> str:
    """Change the default branch as somebody else would."""
    return double.store.commit(double.store.dataset(REPO), [stored(double, path, data)], f"Edit {path}").id


def upload(double: HubDouble, folder: Path) -> None:
    """Put a folder onto the default branch as it is, unchecked."""
    repo = double.store.create_repo("dataset", REPO, private=True)
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    changes = [stored(double, name, path.read_bytes()) for name, path in files.items()]
    double.store.create_tag(repo, "v1.0.0", double.store.commit(repo, changes, "Upload").id)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("revision", ["v1.0.0", "main", "commit"])
def test_a_sound_release(published: HubDouble, sealed: Release, revision: str, deep: bool) -> None:
    commit = published.store.dataset(REPO).head.id
    found = check(commit if revision == "commit" else revision, deep=deep)
    assert (found.findings, found.yanked, found.commit) == ((), None, commit)
    assert found.release.digest == sealed.digest


def test_without_a_revision_the_default_branch_is_checked(published: HubDouble) -> None:
    put(published, "stats.json", b"{}")
    found = verify_remote(parse_reference(f"hf://datasets/{REPO}"), patience=PATIENCE)
    assert [finding.path for finding in found.findings] == ["stats.json"]
    assert problems("v1.0.0") == []


def test_only_the_ends_of_shards_are_fetched(
    double: HubDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(1)
    records = small_releases._records

    def long_texts(rows: int, texts: Any) -> pa.Table:
        table = records(rows, texts)
        column = [f"{text} {chance.randbytes(600).hex()}" for text in table["positive"].to_pylist()]
        return table.set_column(table.schema.get_field_index("positive"), table.schema.field("positive"), [column])

    monkeypatch.setattr(small_releases, "_records", long_texts)
    release = make_release(tmp_path / "large", rows=900, texts=FEW)
    publish(release.path, REPO, "v1.0.0", patience=PATIENCE)
    served: dict[str, int] = {}
    answer = double.answer

    def counted(request: Request) -> Reply:
        reply = answer(request)
        served[request.path] = served.get(request.path, 0) + len(reply.body) * (request.method != "HEAD")
        return reply

    monkeypatch.setattr(double, "answer", counted)
    del double.requests[:]
    assert check().findings == ()
    shards = {file.path: file for file in release.files if file.rows is not None}
    large = {path: file for path, file in shards.items() if file.bytes > 400_000}
    assert len(large) >= 4
    for path, file in large.items():
        moved = sum(size for name, size in served.items() if name.endswith(path) and "/resolve/" in name)
        assert 0 < moved < file.bytes / 4, path
    total = sum(file.bytes for file in release.files)
    assert sum(served.values()) < total / 4
    # A listing, small files, and few requests a shard.
    assert len(double.requests) < 40 + 5 * len(shards)


def shard(release: Release, index: int = 0) -> str:
    return [file.path for file in release.files if file.rows is not None and layout.parse_shard(file.path)][index]


def rewritten(path: Path, change: Callable[[pa.Table], pa.Table]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(change(pq.read_table(path)), sink)
    return sink.getvalue()


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    ("path", "change", "problem"),
    [
        ("stats.json", lambda data: data + b" ", "changed"),
        ("stats.json", lambda data: data.replace(b"1", b"2", 1), "changed"),
        ("README.md", lambda data: data + b"\nmore\n", "changed"),
        ("README.md", lambda data: data.replace(b"#", b"*", 1), "changed"),
        ("LICENSE", lambda data: b"", "changed"),
        ("shard", lambda data: data + b"x", "changed"),
        ("shard", lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:], "changed"),
    ],
)
def test_a_file_that_was_changed(
    published: HubDouble, sealed: Release, path: str, change: Callable[[bytes], bytes], problem: str, deep: bool
) -> None:
    name = shard(sealed) if path == "shard" else path
    put(published, name, change((sealed.path / name).read_bytes()))
    assert problems(deep=deep) == [(name, problem)]


@pytest.mark.parametrize("deep", [False, True])
def test_files_that_are_gone_or_new(published: HubDouble, sealed: Release, deep: bool) -> None:
    repo = published.store.dataset(REPO)
    gone = [shard(sealed), "stats.json"]
    published.store.commit(repo, [DeleteFile(path) for path in gone], "Delete")
    put(published, "data/extra.parquet", b"PAR1")
    put(published, "run.py", b"print()")
    assert sorted(problems(deep=deep)) == sorted(
        [(path, "missing") for path in gone] + [("data/extra.parquet", "added"), ("run.py", "added")]
    )


def test_another_client_may_have_changed_it(published: HubDouble, sealed: Release) -> None:
    from huggingface_hub import HfApi

    published.accounts.tokens["hf_of_somebody_else"] = Account("bob", orgs=("weather",))
    api = HfApi(endpoint=published.url, token="hf_of_somebody_else")
    api.upload_file(path_or_fileobj=b"{}", path_in_repo="stats.json", repo_id=REPO, repo_type="dataset")
    api.delete_file(shard(sealed), repo_id=REPO, repo_type="dataset")
    assert sorted(problems()) == sorted([(shard(sealed), "missing"), ("stats.json", "changed")])


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda table: table.slice(1), "rows"),
        (lambda table: table.rename_columns([f"x_{name}" for name in table.column_names]), "schema"),
        (lambda table: table.append_column("more", pa.nulls(table.num_rows, pa.string())), "schema"),
    ],
)
def test_a_footer_that_says_something_else(
    double: HubDouble,
    sealed: Release,
    tmp_path: Path,
    change: Callable[[pa.Table], pa.Table],
    problem: str,
    deep: bool,
) -> None:
    """The digest is right: whoever made the manifest has lied."""
    folder = Path(shutil.copytree(sealed.path, tmp_path / "release"))
    path = shard(sealed)
    data = rewritten(folder / path, change)
    (folder / path).write_bytes(data)
    reseal(folder, path, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    upload(double, folder)
    found = problems(deep=deep)
    assert (path, problem) in found
    assert {name for name, _ in found} == {path}


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    "data", [b"", b"PAR1", b"no Parquet at all", b"PAR1" + b"\xff" * 60 + b"\x20\0\0\0PAR1"], ids=range(4)
)
def test_a_shard_that_is_none(double: HubDouble, sealed: Release, tmp_path: Path, data: bytes, deep: bool) -> None:
    folder = Path(shutil.copytree(sealed.path, tmp_path / "release"))
    path = shard(sealed)
    (folder / path).write_bytes(data)
    reseal(folder, path, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    upload(double, folder)
    assert problems(deep=deep) == [(path, "changed")]


def reseal(folder: Path, path: str, **changes: object) -> None:
    file = folder / layout.MANIFEST
    manifest = json.loads(file.read_text())
    next(entry for entry in manifest["files"] if entry["path"] == path).update(changes)
    file.write_text(json.dumps(manifest))
    judge(open_release(folder), "pass")


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    "verdict",
    [b"{", b"[]", b"[" * 100_000, b'{"release": 1}', b'{"release": {"manifest_sha256": "' + b"f" * 64 + b'"}}'],
    ids=range(5),
)
def test_a_verdict_of_something_else(published: HubDouble, verdict: bytes, deep: bool) -> None:
    put(published, layout.VERDICT, verdict)
    assert problems(deep=deep) == [(layout.VERDICT, "verdict")]


def test_a_release_without_a_verdict_is_sound(double: HubDouble, sealed: Release, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(sealed.path, tmp_path / "release"))
    (folder / layout.VERDICT).unlink()
    upload(double, folder)
    assert problems() == []


def hostile(path: str) -> bytes:
    entry = {"path": path, "bytes": 1, "sha256": "0" * 64, "rows": None, "schema": ""}
    return json.dumps({"name": "x", "version": "1.0.0", "config": {}, "sources": {}, "files": [entry]}).encode()


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"files": 5}',
        *(
            hostile(path)
            for path in ("../x", "/etc/passwd", "a/../../x", "..", "a\\..\\x", ".git/config", "C:/x", "a//b")
        ),
    ],
    ids=lambda data: repr(data[:60]) if isinstance(data, bytes) else None,
)
def test_a_hostile_manifest(
    published: HubDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manifest: bytes, deep: bool
) -> None:
    temporary = tmp_path / "one" / "two"
    temporary.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    put(published, layout.MANIFEST, manifest)
    with pytest.raises(ReleaseError):
        check("main", deep=deep)
    written = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert all(path.is_relative_to(tmp_path / "cache") for path in written)
    assert bool(written) == deep


def test_a_dataset_that_is_no_release(double: HubDouble) -> None:
    double.store.create_repo("dataset", REPO, private=True)
    with pytest.raises(ReleaseError, match="not a release") as raised:
        check("main")
    assert "curate publish" in raised.value.hint


@pytest.mark.parametrize("revision", ["v9.9.9", "0" * 40, "refs/pr/7"])
def test_a_revision_that_is_not_there(published: HubDouble, revision: str) -> None:
    with pytest.raises(HubMissingError):
        check(revision)


def test_a_dataset_that_is_not_there(double: HubDouble) -> None:
    with pytest.raises(HubMissingError):
        check()


def test_a_private_dataset_without_a_token(published: HubDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", "/nowhere/token")
    with pytest.raises(HubAccessError):
        check()


def test_anyone_checks_a_public_dataset(published: HubDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    published.store.dataset(REPO).private = False
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", "/nowhere/token")
    assert check().findings == ()
    assert not any("authorization" in request.headers for request in published.requests[-5:])


def test_nothing_is_sent_that_changes_anything(published: HubDouble) -> None:
    del published.requests[:]
    check()
    assert {request.method for request in published.requests} <= {"GET", "HEAD", "POST"}
    assert all("/paths-info/" in request.path for request in published.requests if request.method == "POST")


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("revision", ["v1.0.0", "v1.0.1", "main", "first"])
def test_a_yanked_version(published: HubDouble, revision: str, deep: bool) -> None:
    """By whatever it is named, also the tag whose card says so: it holds the same rows."""
    first = published.store.dataset(REPO).tags["v1.0.0"]
    yank(REPO, "v1.0.0", "половина текстов не та", patience=PATIENCE)
    found = check(first if revision == "first" else revision, deep=deep)
    assert found.findings == ()
    assert found.yanked == Yank("v1.0.0", "половина текстов не та")


def test_another_version_is_not_yanked(published: HubDouble, tmp_path: Path) -> None:
    release = make_release(tmp_path / "next", "1.1.0", rows=4, texts=FEW)
    publish(release.path, REPO, "v1.1.0", patience=PATIENCE)
    yank(REPO, "v1.0.0", "wrong", patience=PATIENCE)
    for revision, expected in (("v1.0.0", True), ("v1.1.0", False), ("v1.1.1", False), ("main", False)):
        found = check(revision)
        assert found.findings == ()
        assert (found.yanked is not None) == expected, revision


def test_a_version_that_only_its_tag_states(double: HubDouble, tmp_path: Path) -> None:
    release = make_release(tmp_path / "unversioned", "0.1.0", rows=2, texts=FEW)
    publish(release.path, REPO, "v3.0.0", patience=PATIENCE)
    commit = double.store.dataset(REPO).head.id
    assert check("v3.0.0").findings == ()
    yank(REPO, "v3.0.0", "wrong", patience=PATIENCE)
    for revision in ("v3.0.0", "v3.0.1", "main", commit):
        assert check(revision).yanked == Yank("v3.0.0", "wrong"), revision


def test_a_card_with_an_override_is_sound(double: HubDouble, sealed: Release, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(sealed.path, tmp_path / "release"))
    judge(open_release(folder), "fail")
    publish(folder, REPO, "v1.0.0", override="<!-- /notices --> we know", patience=PATIENCE)
    assert problems("v1.0.0") == problems("v1.0.0", deep=True) == []


@pytest.mark.parametrize("data", [b"{", b"[]", b" " * (2 << 20), b"[" * 100_000], ids=range(4))
def test_notices_that_cannot_be_understood_are_named(published: HubDouble, data: bytes) -> None:
    put(published, layout.NOTICES, data)
    with pytest.raises((ReleaseError, HubError)) as raised:
        check("v1.0.0")
    assert layout.NOTICES in str(raised.value)


def test_a_notice_does_not_hide_a_change(published: HubDouble, sealed: Release) -> None:
    said = Notices(yanked=(Yank("v0.1.0", "old"),))
    card = (sealed.path / layout.CARD).read_bytes()
    put(published, layout.NOTICES, to_bytes(said))
    put(published, layout.CARD, with_notices(card, said))
    assert problems() == []
    put(published, layout.CARD, with_notices(card.replace(b"CC0", b"MIT"), said))
    assert problems() == [(layout.CARD, "changed")]


def test_a_server_that_breaks_in_between(published: HubDouble) -> None:
    broken: list[str] = []

    def fault(request: Request) -> Reply | None:
        if len(broken) >= 60 or broken.count(request.path) >= 2:
            return None
        broken.append(request.path)
        if len(broken) % 3 == 0:
            raise HangUpError
        return Reply.error((429, 503)[len(broken) % 2], "busy")

    published.fault = fault
    assert check().findings == ()
    assert len(broken) > 5
    assert TOKEN not in repr(check())
