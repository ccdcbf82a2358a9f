"""The double of the Hub, by the real clients: huggingface_hub, hf_xet, fsspec, datasets, pyarrow, DuckDB, polars."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import json
import random
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from actions_double import ActionsDouble
from http_double import Reply, Request
from hub_clients import READER, REPO, STRANGER, TOKEN, TOKENS, client, run_client
from hub_double import HubDouble
from hub_store import AddBlob, HubError, RefUpdate, git_oid
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    HfFileSystem,
    constants,
    hf_hub_download,
)
from huggingface_hub._oidc import oidc_login
from huggingface_hub.errors import (
    BadRequestError,
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile
from xet_store import XetStore

# Chunks that do not compress, that do, and that do only when their bytes are grouped.
NOISE = random.Random(5).randbytes(300_000)
LARGE = NOISE + b"the same again " * 60_000 + b"".join(number.to_bytes(4, "little") for number in range(100_000))
SENTENCES = {
    "amh_Ethi": "ሰላም ለዓለም",
    "ara_Arab": "مرحبا بالعالم",
    "ben_Beng": "ওহে বিশ্ব",
    "ell_Grek": "Γειά σου Κόσμε",
    "heb_Hebr": "שלום עולם",
    "hin_Deva": "नमस्ते दुनिया",
    "jpn_Jpan": "こんにちは世界",
    "kat_Geor": "გამარჯობა მსოფლიო",
    "kor_Hang": "안녕하세요 세계",
    "rus_Cyrl": "Привет, мир",
    "tha_Thai": "สวัสดีชาวโลก",
}


@pytest.fixture(params=["xet", "lfs"])
def hub(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubDouble]:
    xet = request.param == "xet"
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", not xet)
    with HubDouble(tmp_path / "hub", TOKENS, xet=xet) as double:
        yield double


@pytest.fixture
def api(hub: HubDouble) -> HfApi:
    api = client(hub.url)
    api.create_repo(REPO, repo_type="dataset", private=True)
    return api


def add(api: HfApi, files: dict[str, bytes], **options: Any) -> str:
    operations = [CommitOperationAdd(path, data) for path, data in files.items()]
    chosen = {"commit_message": "Add", "repo_type": "dataset", **options}
    return api.create_commit(REPO, operations, **chosen).oid


def files_at(api: HfApi, revision: str) -> dict[str, RepoFile]:
    tree = api.list_repo_tree(REPO, repo_type="dataset", recursive=True, revision=revision)
    return {item.path: item for item in tree if isinstance(item, RepoFile)}


@contextlib.contextmanager
def refused(status: int) -> Iterator[None]:
    """Expect an answer of this status."""
    with pytest.raises(HfHubHTTPError) as caught:
        yield
    assert caught.value.response.status_code == status


def test_a_release_from_a_staging_branch_to_a_tag(hub: HubDouble, api: HfApi, tmp_path: Path) -> None:
    head = api.dataset_info(REPO).sha
    api.create_branch(REPO, branch="staging/v1.0.0", repo_type="dataset")
    readme = "---\nlicense: cc-by-4.0\n---\n# جمل\n".encode()
    files = {"data/swh_Latn/train.parquet": LARGE, "data/yor_Latn/train.parquet": NOISE, "README.md": readme}
    additions = [CommitOperationAdd(path, data) for path, data in files.items()]
    where: dict[str, Any] = {"repo_type": "dataset", "revision": "staging/v1.0.0"}
    api.preupload_lfs_files(REPO, additions, **where)
    staged = api.create_commit(REPO, additions, commit_message="Stage", parent_commit=head, **where)
    assert hub.commits[0].commit.id == staged.oid
    assert hub.commits[0].branch == "staging/v1.0.0"
    assert api.dataset_info(REPO).sha == head

    tree = files_at(api, staged.oid)
    for path in ("data/swh_Latn/train.parquet", "data/yor_Latn/train.parquet"):
        assert tree[path].lfs.sha256 == hashlib.sha256(files[path]).hexdigest()
        assert tree[path].size == len(files[path])
    assert tree["README.md"].lfs is None
    assert tree["README.md"].blob_id == git_oid(readme)

    copies = [CommitOperationCopy(path, path, src_revision=staged.oid) for path in files]
    uploaded = hub.uploaded_bytes
    promoted = api.create_commit(REPO, copies, commit_message="v1", repo_type="dataset", parent_commit=head)
    assert hub.uploaded_bytes == uploaded
    api.create_tag(REPO, tag="v1.0.0", tag_message="First", revision=promoted.oid, repo_type="dataset")
    refs = api.list_repo_refs(REPO, repo_type="dataset")
    assert {ref.name: ref.target_commit for ref in refs.tags} == {"v1.0.0": promoted.oid}
    assert {ref.ref: ref.target_commit for ref in refs.branches} == {
        "refs/heads/main": promoted.oid,
        "refs/heads/staging/v1.0.0": staged.oid,
    }
    api.delete_branch(REPO, branch="staging/v1.0.0", repo_type="dataset")
    assert {path: file.blob_id for path, file in files_at(api, "v1.0.0").items()} == {
        path: file.blob_id for path, file in tree.items()
    }
    for path, data in files.items():
        local = hf_hub_download(
            REPO,
            path,
            repo_type="dataset",
            revision="v1.0.0",
            endpoint=hub.url,
            token=TOKEN,
            cache_dir=tmp_path / "cache",
        )
        assert Path(local).read_bytes() == data
        assert promoted.oid in local


def test_another_head_is_refused(hub: HubDouble, api: HfApi) -> None:
    head = api.dataset_info(REPO).sha
    hub.store.commit(hub.store.dataset(REPO), [AddBlob("theirs.txt", b"1")], "First come")
    with refused(412):
        add(api, {"ours.txt": b"1"}, parent_commit=head)
    assert hub.commits == []
    add(api, {"ours.txt": b"1"}, parent_commit=api.dataset_info(REPO).sha[:9])
    assert list(files_at(api, "main")) == [".gitattributes", "ours.txt", "theirs.txt"]


def test_what_has_not_changed_is_not_sent_again(hub: HubDouble, api: HfApi) -> None:
    files = {"data/train.parquet": LARGE, "notes.txt": "ملاحظات".encode()}
    first, uploaded = add(api, files), hub.uploaded_bytes
    assert add(api, files) == first
    assert add(api, {**files, "notes.txt": b"changed"}) != first
    assert len(hub.commits) == 2
    assert list(hub.commits[1].commit.files) == [".gitattributes", "data/train.parquet", "notes.txt"]
    assert hub.uploaded_bytes == uploaded


def test_bytes_are_counted_after_deduplication(hub: HubDouble, api: HfApi) -> None:
    add(api, {"data/a.parquet": LARGE})
    first = hub.uploaded_bytes
    longer = LARGE + random.Random(6).randbytes(100_000)
    add(api, {"data/b.parquet": longer})
    if hub.xet:
        assert len(NOISE) < first < len(LARGE)
        assert 100_000 < hub.uploaded_bytes - first < 250_000
    else:
        assert first == len(LARGE)
        assert hub.uploaded_bytes - first == len(longer)


def test_deletions(hub: HubDouble, api: HfApi) -> None:
    add(api, {"a/x.txt": b"1", "a/b/y.parquet": NOISE, "a.txt": b"2", "z.txt": b"3"})
    operations = [CommitOperationDelete("a/"), CommitOperationDelete("z.txt"), CommitOperationAdd("a/x.txt", b"4")]
    api.create_commit(REPO, operations, commit_message="Delete", repo_type="dataset")
    assert list(files_at(api, "main")) == [".gitattributes", "a.txt", "a/x.txt"]
    for path in ("nothing.txt", "nothing/"):
        with pytest.raises(EntryNotFoundError, match="with this name doesn't exist"):
            api.create_commit(REPO, [CommitOperationDelete(path)], commit_message="Delete", repo_type="dataset")
    assert len(hub.commits) == 2


def test_a_commit_is_whole_or_not_at_all(hub: HubDouble, api: HfApi) -> None:
    lines = [
        {"key": "header", "value": {"summary": "An object that nobody sent"}},
        {"key": "file", "value": {"path": "a.txt", "content": "a", "encoding": "utf-8"}},
        {"key": "lfsFile", "value": {"path": "b.bin", "algo": "sha256", "oid": "0" * 64, "size": 3}},
    ]
    request = urllib.request.Request(
        f"{hub.url}/api/datasets/{REPO}/commit/main",
        "\n".join(json.dumps(line) for line in lines).encode(),
        {"Authorization": f"Bearer {TOKEN}"},
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert caught.value.code == 400
    assert "b.bin" in json.load(caught.value)["error"]
    assert list(files_at(api, "main")) == [".gitattributes"]


def test_an_empty_commit_is_made_when_it_is_asked_for(hub: HubDouble, api: HfApi) -> None:
    line = json.dumps({"key": "header", "value": {"summary": "Nothing"}}).encode()
    url, headers = f"{hub.url}/api/datasets/{REPO}/commit/main", {"Authorization": f"Bearer {TOKEN}"}
    made = json.load(urllib.request.urlopen(urllib.request.Request(url, line, headers)))["commitOid"]
    assert made == api.dataset_info(REPO).sha
    assert [commit.title for commit in api.list_repo_commits(REPO, repo_type="dataset")] == [
        "Nothing",
        "initial commit",
    ]


@pytest.mark.parametrize("path", ["a//b.txt", "a/./b.txt", "", "README.md/inside.txt"])
def test_paths_that_git_cannot_hold(api: HfApi, path: str) -> None:
    add(api, {"README.md": b"# hello"})
    with pytest.raises(BadRequestError, match="Invalid path"):
        add(api, {path: b"1"})


def test_references(hub: HubDouble, api: HfApi) -> None:
    updates: list[RefUpdate] = []
    hub.store.listeners.append(updates.append)
    first = add(api, {"a.txt": b"1"})
    second = add(api, {"a.txt": b"2"})
    repo: dict[str, Any] = {"repo_id": REPO, "repo_type": "dataset"}
    api.create_tag(tag="v1", revision=first[:7], **repo)
    with refused(409):
        api.create_tag(tag="v1", revision=second, **repo)
    api.create_tag(tag="v1", revision=second, exist_ok=True, **repo)
    assert api.dataset_info(REPO, revision="v1").sha == first
    api.create_branch(branch="release/v1", revision="v1", **repo)
    with pytest.raises(HfHubHTTPError, match="refs/heads/release/v1 already exists"):
        api.create_branch(branch="release/v1", **repo)
    api.create_branch(branch="release/v1", exist_ok=True, **repo)
    with refused(403):
        api.delete_branch(branch="main", **repo)
    for missing in (
        lambda: api.delete_branch(branch="v1", **repo),
        lambda: api.delete_tag(tag="main", **repo),
        lambda: api.create_tag(tag="v2", revision="nowhere", **repo),
        lambda: api.create_branch(branch="x", revision="nowhere", **repo),
        lambda: add(api, {"a.txt": b"3"}, revision="v1"),
        lambda: api.dataset_info(REPO, revision="0" * 40),
    ):
        with pytest.raises(RevisionNotFoundError):
            missing()
    for bad in ("with space", "a..b", "x.lock", "refs/pr/1", "-x"):
        with pytest.raises(BadRequestError, match="Invalid reference"):
            api.create_tag(tag=bad, **repo)
    api.delete_tag(tag="v1", **repo)
    api.delete_branch(branch="release/v1", **repo)
    assert [(update.ref, update.old, update.new) for update in updates[1:]] == [
        ("refs/heads/main", first, second),
        ("refs/tags/v1", None, first),
        ("refs/heads/release/v1", None, first),
        ("refs/tags/v1", first, None),
        ("refs/heads/release/v1", first, None),
    ]


def test_listings_come_in_pages(tmp_path: Path) -> None:
    with HubDouble(tmp_path / "hub", TOKENS, page=40) as hub:
        api = client(hub.url)
        api.create_repo(REPO, repo_type="dataset")
        for number in range(3):
            add(api, {f"deep/{number}/{name:02}.txt": b"%d" % name for name in range(25)}, commit_message=f"{number}")
        tree = list(api.list_repo_tree(REPO, repo_type="dataset", recursive=True, expand=True))
        assert len(tree) == 75 + 4 + 1
        commits = {commit.title: commit.commit_id for commit in api.list_repo_commits(REPO, repo_type="dataset")}
        assert list(commits) == ["2", "1", "0", "initial commit"]
        last = {item.path: item.last_commit.oid for item in tree if item.last_commit}
        assert last["deep"] == last["deep/2"] == last["deep/2/07.txt"] == commits["2"]
        assert last["deep/0"] == commits["0"]
        assert [item.path for item in api.list_repo_tree(REPO, "deep", repo_type="dataset")] == [
            "deep/0",
            "deep/1",
            "deep/2",
        ]
        asked = [request for request in hub.requests if "/tree/" in request.path or "/commits/" in request.path]
        # Expanded pages hold two entries, and so do pages of commits.
        assert len(asked) == 40 + 2 + 1


def test_paths_info(api: HfApi) -> None:
    add(api, {"data/été/x.parquet": NOISE, "notes.txt": b"1"})
    paths = ["data/été/x.parquet", "data", "missing", "notes.txt"]
    found = api.get_paths_info(REPO, paths, repo_type="dataset", expand=True)
    assert [item.path for item in found] == ["data/été/x.parquet", "data", "notes.txt"]
    assert found[0].lfs.sha256 == hashlib.sha256(NOISE).hexdigest()
    assert found[1].last_commit.title == "Add"
    with refused(413):
        api.get_paths_info(REPO, [f"{number}" for number in range(1001)], repo_type="dataset")


def test_what_a_repository_says_of_itself(hub: HubDouble, api: HfApi) -> None:
    oid = add(api, {"data/x.parquet": NOISE})
    info = api.dataset_info(REPO, files_metadata=True)
    assert (info.id, info.sha, info.private, info.gated) == (REPO, oid, True, False)
    assert {each.rfilename: each.lfs.sha256 for each in info.siblings if each.lfs} == {
        "data/x.parquet": hashlib.sha256(NOISE).hexdigest()
    }
    api.update_repo_settings(REPO, repo_type="dataset", gated="auto", private=False)
    info = api.dataset_info(REPO, expand=["gated", "private"])
    assert (info.private, info.gated, info.sha) == (False, "auto", None)
    assert api.create_repo(REPO, repo_type="dataset", exist_ok=True).repo_id == REPO
    with refused(409):
        api.create_repo(REPO, repo_type="dataset")
    api.delete_repo(REPO, repo_type="dataset")
    with pytest.raises(RepositoryNotFoundError):
        api.dataset_info(REPO)


def test_who_may_do_what(hub: HubDouble, api: HfApi) -> None:
    add(api, {"a.txt": b"1"})
    reader, stranger, nobody = client(hub.url, READER), client(hub.url, STRANGER), client(hub.url, None)
    assert client(hub.url, READER).whoami()["auth"]["accessToken"]["role"] == "read"
    with refused(401):
        client(hub.url, "hf_unknown").whoami()
    with refused(401):
        client(hub.url, "hf_unknown").dataset_info(REPO)
    assert reader.dataset_info(REPO).private
    reader.auth_check(REPO, repo_type="dataset")
    with refused(403):
        reader.auth_check(REPO, repo_type="dataset", write=True)
    with refused(403):
        add(reader, {"a.txt": b"2"})
    with refused(403):
        reader.create_repo("org/other", repo_type="dataset")
    with refused(403):
        stranger.create_repo("org/other", repo_type="dataset")
    for hidden in (stranger, nobody):
        with pytest.raises(RepositoryNotFoundError):
            hidden.dataset_info(REPO)
        with pytest.raises(RepositoryNotFoundError):
            hidden.auth_check(REPO, repo_type="dataset", write=True)
    api.update_repo_settings(REPO, repo_type="dataset", private=False)
    assert nobody.dataset_info(REPO).sha == stranger.dataset_info(REPO).sha
    with refused(403):
        stranger.auth_check(REPO, repo_type="dataset", write=True)


def test_a_workflow_s_identity_is_exchanged_for_a_token_of_one_repository(hub: HubDouble, api: HfApi) -> None:
    hub.accounts.publishers["jwt-of-the-workflow"] = (f"datasets/{REPO}",)
    got = oidc_login(resource=f"datasets/{REPO}", subject_token="jwt-of-the-workflow", endpoint=hub.url)
    publisher = client(hub.url, got["access_token"])
    publisher.auth_check(REPO, repo_type="dataset", write=True)
    add(publisher, {"data/x.parquet": NOISE})
    with refused(403):
        publisher.create_repo("org/other", repo_type="dataset")
    api.create_repo("org/other", repo_type="dataset", private=True)
    with pytest.raises(RepositoryNotFoundError):
        publisher.dataset_info("org/other")
    for token, resource in (("jwt-of-the-workflow", "datasets/org/other"), ("a forged one", f"datasets/{REPO}")):
        with refused(403):
            oidc_login(resource=resource, subject_token=token, endpoint=hub.url)
    hub.accounts.lifetime_s = -1
    got = oidc_login(resource=f"datasets/{REPO}", subject_token="jwt-of-the-workflow", endpoint=hub.url)
    with refused(401):
        client(hub.url, got["access_token"]).auth_check(REPO, repo_type="dataset", write=True)


def test_a_workflow_commits_without_a_stored_secret(hub: HubDouble, api: HfApi, tmp_path: Path) -> None:
    hub.accounts.publishers["identity-of-the-run"] = (f"datasets/{REPO}",)
    code = f"""
from huggingface_hub import HfApi
HfApi().upload_file(path_or_fileobj=b"1", path_in_repo="a.parquet", repo_id="{REPO}", repo_type="dataset")
"""
    with ActionsDouble("identity-of-the-run") as runner:
        extra = {**runner.environment, "HF_OIDC_RESOURCE": f"datasets/{REPO}"}
        run_client(code, hub.url, tmp_path / "home", xet=hub.xet, token=None, extra=extra)
        # Who receives the identity cannot use it elsewhere.
        assert runner.audiences == [hub.url]
    assert [made.commit.title for made in hub.commits] == ["Upload a.parquet with huggingface_hub"]


def test_routes_can_be_added(tmp_path: Path) -> None:
    def start(request: Request) -> Reply:
        if request.match == ("org",):
            return Reply.of({"id": "1", **request.json()})
        raise HubError(403, "Not yours")

    with HubDouble(tmp_path / "hub", TOKENS, more_routes=[("POST", "/api/jobs/([^/]+)", start)]) as hub:
        reply = urllib.request.urlopen(f"{hub.url}/api/jobs/org", b'{"flavor": "cpu-basic"}')
        assert json.load(reply) == {"id": "1", "flavor": "cpu-basic"}
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"{hub.url}/api/jobs/other", b"{}")


@pytest.mark.parametrize(
    ("front_matter", "error"),
    [
        ("language: [swh, yor]\nlicense: cc-by-4.0", None),
        ("language: [no]", r'"language\[0\]" must be a string'),
        ("configs: [{config_name: no, data_files: x}]", r'"configs\[0\].config_name" must be a string'),
        ("tags: [a\nlicense: x", "YAML metadata error"),
        ("- a\n- b", "must be a mapping"),
    ],
)
def test_a_card_s_yaml_is_checked(hub: HubDouble, api: HfApi, front_matter: str, error: str | None) -> None:
    readme = f"---\n{front_matter}\n---\n# कार्ड\n".encode()
    if error is None:
        add(api, {"README.md": readme})
        return
    with pytest.raises(ValueError, match=error):
        add(api, {"README.md": readme})
    assert hub.commits == []


@pytest.mark.parametrize(
    ("path", "data", "in_lfs"),
    [
        ("a.txt", "ข้อความ".encode() * 1000, False),
        ("a.json", b"{}", False),
        ("a.parquet", b"x", True),
        ("picture", b"\x89PNG\r\n\x1a\n\x00", True),
        ("long.txt", b"x" * (10 * 2**20 + 1), True),
        ("empty.parquet", b"", False),
    ],
)
def test_which_files_go_into_lfs(api: HfApi, path: str, data: bytes, in_lfs: bool) -> None:
    add(api, {path: data})
    file = files_at(api, "main")[path]
    assert (file.lfs is not None) == in_lfs
    assert file.size == len(data)


def test_reading_by_ranges(hub: HubDouble, api: HfApi) -> None:
    add(api, {"data/x.parquet": LARGE})
    files = HfFileSystem(endpoint=hub.url, token=TOKEN, skip_instance_cache=True)
    path = f"datasets/{REPO}@main/data/x.parquet"
    with files.open(path, block_size=2**16) as stream:
        for start in (0, 299_990, len(LARGE) - 10):
            stream.seek(start)
            assert stream.read(100) == LARGE[start : start + 100]
    assert files.glob(f"datasets/{REPO}/data/*.parquet") == [f"datasets/{REPO}/data/x.parquet"]
    assert files.modified(f"datasets/{REPO}/data/x.parquet") is not None
    url, headers = f"{hub.url}/datasets/{REPO}/resolve/main/data/x.parquet", {"Authorization": f"Bearer {TOKEN}"}
    for wanted, part in (("bytes=-5", LARGE[-5:]), ("bytes=7-9", LARGE[7:10]), ("bytes=900000-", LARGE[900_000:])):
        reply = urllib.request.urlopen(urllib.request.Request(url, headers={**headers, "Range": wanted}))
        assert (reply.status, reply.read()) == (206, part)
    with pytest.raises(urllib.error.HTTPError, match="416"):
        urllib.request.urlopen(urllib.request.Request(url, headers={**headers, "Range": f"bytes={len(LARGE)}-"}))
    with pytest.raises(EntryNotFoundError):
        api.hf_hub_download(REPO, "data/none.parquet", repo_type="dataset", force_download=True)


def test_copies_between_repositories(hub: HubDouble, api: HfApi) -> None:
    add(api, {"data/x.parquet": LARGE})
    api.create_repo("org/fork", repo_type="dataset")
    copy = CommitOperationCopy("data/x.parquet", "data/y.parquet", src_repo_id=REPO, src_repo_type="dataset")
    if not hub.xet:
        with pytest.raises(ValueError, match="no xet hash"):
            api.create_commit("org/fork", [copy], commit_message="Fork", repo_type="dataset")
        return
    api.create_commit("org/fork", [copy], commit_message="Fork", repo_type="dataset")
    found = api.get_paths_info("org/fork", "data/y.parquet", repo_type="dataset")
    assert found[0].lfs.sha256 == hashlib.sha256(LARGE).hexdigest()


@pytest.mark.parametrize("verify", [True, False])
def test_an_upload_by_lfs_to_a_server_with_xet(verify: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    with HubDouble(tmp_path / "hub", TOKENS, verify=verify) as hub:
        api = client(hub.url)
        api.create_repo(REPO, repo_type="dataset")
        add(api, {"data/x.parquet": LARGE})
        assert ("lfs/verify" in " ".join(request.path for request in hub.requests)) == verify
        assert files_at(api, "main")["data/x.parquet"].xet_hash is None
        assert hub.uploaded_bytes == len(LARGE)


def test_an_object_must_be_what_was_announced(tmp_path: Path) -> None:
    with HubDouble(tmp_path / "hub", TOKENS) as hub:
        client(hub.url).create_repo(REPO, repo_type="dataset")
        asked = {"operation": "upload", "objects": [{"oid": hashlib.sha256(b"right").hexdigest(), "size": 5}]}
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        batch = f"{hub.url}/datasets/{REPO}.git/info/lfs/objects/batch"
        reply = json.load(urllib.request.urlopen(urllib.request.Request(batch, json.dumps(asked).encode(), headers)))
        href = reply["objects"][0]["actions"]["upload"]["href"]
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(urllib.request.Request(href, b"wrong", method="PUT"))
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(urllib.request.Request(f"{hub.url}/lfs-objects/0123", b"right", method="PUT"))
        # A body of unknown length comes in chunks.
        chunked = urllib.request.Request(href, io.BytesIO(b"right"), {"Transfer-Encoding": "chunked"}, method="PUT")
        assert urllib.request.urlopen(chunked).status == 200


def test_without_xet_the_client_cannot_upload_by_xet(tmp_path: Path) -> None:
    with HubDouble(tmp_path / "hub", TOKENS, xet=False) as hub:
        api = client(hub.url)
        api.create_repo(REPO, repo_type="dataset")
        with pytest.raises(ConnectionError, match="404"):
            add(api, {"data/x.parquet": NOISE})


def test_the_xet_store_is_read_as_it_was_written(tmp_path: Path) -> None:
    contents = [b"x", NOISE, LARGE, LARGE + NOISE, NOISE[::-1] + LARGE]
    with HubDouble(tmp_path / "hub", TOKENS) as hub:
        api = client(hub.url)
        api.create_repo(REPO, repo_type="dataset")
        for number, data in enumerate(contents):
            add(api, {f"data/{number}.parquet": data})
    store = XetStore(tmp_path / "hub/cas")
    for data in contents:
        file = store.find(hashlib.sha256(data).hexdigest())
        assert file is not None
        assert file.size == len(data)
        out = io.BytesIO()
        store.write(file, out)
        assert out.getvalue() == data
    assert store.find("0" * 64) is None


def test_requests_are_handled_side_by_side(hub: HubDouble, api: HfApi) -> None:
    files = {f"data/{number}.parquet": random.Random(number).randbytes(50_000) for number in range(40)}
    add(api, files)
    found: dict[str, str] = {}

    def read(path: str) -> None:
        url = f"{hub.url}/datasets/{REPO}/resolve/main/{path}"
        reply = urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"}))
        found[path] = hashlib.sha256(reply.read()).hexdigest()

    threads = [threading.Thread(target=read, args=(path,)) for path in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}


def test_a_folder_is_uploaded_by_the_client_s_own_upload(hub: HubDouble, api: HfApi, tmp_path: Path) -> None:
    for number in range(300):
        path = tmp_path / f"release/data/{number % 7}/{number}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random.Random(number).randbytes(2000))
    api.upload_folder(repo_id=REPO, folder_path=tmp_path / "release", repo_type="dataset", commit_message="Release")
    assert len(files_at(api, "main")) == 301
    # With xet the client makes several commits of one folder.
    assert len(hub.commits) == (2 if hub.xet else 1)
    for number in (0, 299):
        data = random.Random(number).randbytes(2000)
        assert (
            files_at(api, "main")[f"data/{number % 7}/{number}.parquet"].lfs.sha256 == hashlib.sha256(data).hexdigest()
        )


CARD = """\
---
configs:
- config_name: all
  default: true
  data_files: [{split: train, path: "data/*/train-*.parquet"}]
"""


@pytest.fixture
def released(hub: HubDouble, api: HfApi) -> HubDouble:
    """Return a double that holds a small tagged release in many scripts, and something else on `main`."""
    files, card = {}, CARD
    for code, text in SENTENCES.items():
        sink = io.BytesIO()
        rows = {"anchor": [f"{text} {number}" for number in range(50)], "positive": [text] * 50}
        pq.write_table(pa.table(rows), sink, row_group_size=20)
        files[f"data/{code}/train-00000-of-00001.parquet"] = sink.getvalue()
        card += f"- config_name: {code}\n  data_files: [{{split: train, path: data/{code}/train-*.parquet}}]\n"
    tagged = add(api, {**files, "README.md": f"{card}---\n".encode()})
    api.create_tag(REPO, tag="v1.0.0", revision=tagged, repo_type="dataset")
    api.create_commit(REPO, [CommitOperationDelete("data/")], commit_message="Empty", repo_type="dataset")
    return hub


def unknown_requests(hub: HubDouble) -> set[str]:
    known = [(method, re.compile(pattern)) for method, pattern, _ in hub.routes()]
    return {
        f"{request.method} {request.path}"
        for request in hub.requests
        if not any(request.method == method and pattern.fullmatch(request.path) for method, pattern in known)
    }


READ_BY_DATASETS = f"""
import json
from datasets import load_dataset
one = load_dataset("{REPO}", "tha_Thai", revision="v1.0.0", split="train")
all_of_them = load_dataset("{REPO}", revision="v1.0.0", split="train")
stream = load_dataset("{REPO}", "heb_Hebr", revision="v1.0.0", split="train", streaming=True)
print(json.dumps([one.num_rows, one[49]["anchor"], all_of_them.num_rows, [row["anchor"] for row in stream][-1]]))
"""
READ_BY_PYARROW = f"""
import json
import pyarrow.parquet as pq
from huggingface_hub import HfFileSystem
files = HfFileSystem()
path = "datasets/{REPO}@v1.0.0/data/*/train-*.parquet"
# What is read ahead is read by threads that may outlive the interpreter.
options = {{"filesystem": files, "columns": ["anchor"], "pre_buffer": False}}
tables = [pq.read_table(each, **options) for each in files.glob(path)]
print(json.dumps([len(tables), sum(table.num_rows for table in tables), tables[0]["anchor"][49].as_py()]))
"""
READ_BY_POLARS = f"""
import json
import polars
from huggingface_hub import HfFileSystem
with HfFileSystem().open("datasets/{REPO}@v1.0.0/data/jpn_Jpan/train-00000-of-00001.parquet") as stream:
    print(json.dumps(polars.read_parquet(stream)["anchor"].to_list()[-1]))
"""
READ_BY_DUCKDB = f"""
import json
import duckdb
from huggingface_hub import HfFileSystem
duckdb.register_filesystem(HfFileSystem())
path = "hf://datasets/{REPO}@v1.0.0/data/*/train-*.parquet"
found = duckdb.sql(f"select count(*), count(distinct positive), max(anchor) from read_parquet('{{path}}')").fetchall()
print(json.dumps(found))
"""


@pytest.mark.parametrize(
    ("library", "code", "expected"),
    [
        ("datasets", READ_BY_DATASETS, [50, "สวัสดีชาวโลก 49", 550, "שלום עולם 49"]),
        ("pyarrow", READ_BY_PYARROW, [11, 550, "ሰላም ለዓለም 49"]),
        ("polars", READ_BY_POLARS, "こんにちは世界 49"),
        ("duckdb", READ_BY_DUCKDB, [[550, 11, "안녕하세요 세계 9"]]),
    ],
)
def test_a_release_is_read_by_its_tag(
    library: str, code: str, expected: Any, released: HubDouble, tmp_path: Path
) -> None:
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    out = run_client(code, released.url, tmp_path / "home", xet=released.xet, token=READER)
    assert json.loads(out.splitlines()[-1]) == expected
    # The client asks once a day for a list of programs, and can do without it.
    assert unknown_requests(released) <= {"GET /api/agent-harnesses"}


def test_a_token_that_cannot_read_reads_nothing(released: HubDouble, tmp_path: Path) -> None:
    code = f"""
from datasets import load_dataset
try:
    load_dataset("{REPO}", "tha_Thai", revision="v1.0.0", split="train")
except Exception as error:
    print(type(error).__name__)
"""
    out = run_client(code, released.url, tmp_path / "home", xet=released.xet, token=STRANGER)
    assert out.split() == ["DatasetNotFoundError"]
