"""What publishing relies on, asked of the double and, where a token is given, of the real Hub.

Each test is a sequence of the bare client's calls and what each must answer. They run against the double always, once
with uploads by xet and once by LFS; so that the double cannot drift from what it stands for, they run against
huggingface.co too when these are set:

    CURATION_TEST_HUB_TOKEN      a token that may create, write and delete repositories of the namespace
    CURATION_TEST_HUB_NAMESPACE  a user or an organisation

    CURATION_TEST_HUB_TOKEN=hf_... CURATION_TEST_HUB_NAMESPACE=me pytest tests/hub_upload/test_contract.py -k real

Everything happens in one private data set with a random name, of some kilobytes, which is deleted at the end.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub_clients import TOKEN, TOKENS
from hub_double import HubDouble
from hub_store import git_oid
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    HfFileSystem,
    constants,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile, RepoFolder

REAL_TOKEN = os.environ.get("CURATION_TEST_HUB_TOKEN")
REAL_NAMESPACE = os.environ.get("CURATION_TEST_HUB_NAMESPACE")
needs_token = pytest.mark.skipif(
    not (REAL_TOKEN and REAL_NAMESPACE), reason="CURATION_TEST_HUB_TOKEN and CURATION_TEST_HUB_NAMESPACE are not set"
)
README = "---\nlicense: cc0-1.0\n---\n# Тест, परीक्षण, 試験\n".encode()


@dataclass(frozen=True)
class Remote:
    """A data set of the server that is asked."""

    api: HfApi
    repo: str

    def call(self, name: str, **arguments: Any) -> Any:
        return getattr(self.api, name)(repo_id=self.repo, repo_type="dataset", **arguments)

    def commit(self, *operations: Any, **arguments: Any) -> str:
        chosen = {"commit_message": "Test", **arguments}
        made: str = self.call("create_commit", operations=list(operations), **chosen).oid
        return made

    def head(self, revision: str = "main") -> str:
        sha: str = self.call("repo_info", revision=revision).sha
        return sha

    def files(self, revision: str) -> dict[str, RepoFile]:
        tree = self.call("list_repo_tree", revision=revision, recursive=True)
        return {item.path: item for item in tree if isinstance(item, RepoFile)}

    def refs(self) -> tuple[dict[str, str], dict[str, str]]:
        refs = self.call("list_repo_refs")
        branches, tags = ({ref.name: ref.target_commit for ref in each} for each in (refs.branches, refs.tags))
        return branches, tags


@pytest.fixture(scope="module", params=["double-xet", "double-lfs", pytest.param("real", marks=needs_token)])
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HfApi]:
    if request.param == "real":
        yield HfApi(token=REAL_TOKEN)
        return
    xet = request.param == "double-xet"
    with pytest.MonkeyPatch.context() as patch, HubDouble(tmp_path_factory.mktemp("hub"), TOKENS, xet=xet) as double:
        patch.setattr(constants, "HF_HUB_DISABLE_XET", not xet)
        yield HfApi(endpoint=double.url, token=TOKEN)


@pytest.fixture(scope="module")
def remote(api: HfApi) -> Iterator[Remote]:
    namespace = "org" if api.token == TOKEN else REAL_NAMESPACE
    remote = Remote(api, f"{namespace}/contract-{uuid4().hex[:12]}")
    try:
        remote.call("create_repo", private=True)
        yield remote
    finally:
        remote.call("delete_repo", missing_ok=True)
    with pytest.raises(RepositoryNotFoundError):
        remote.head()


def shard(*texts: str) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"anchor": list(texts), "positive": list(texts)}), sink)
    return sink.getvalue()


def refused(call: Any, *arguments: Any, **named: Any) -> int:
    with pytest.raises(HfHubHTTPError) as caught:
        call(*arguments, **named)
    status: int = caught.value.response.status_code
    return status


def test_a_new_repository(remote: Remote) -> None:
    info = remote.call("repo_info")
    assert info.private
    assert len(info.sha) == 40
    assert ".gitattributes" in remote.files("main")
    assert refused(remote.call, "create_repo", private=True) == 409
    assert remote.call("create_repo", private=True, exist_ok=True).repo_id == remote.repo
    remote.call("auth_check", write=True)
    with pytest.raises(RepositoryNotFoundError):
        remote.call("repo_info", token=False)


def test_a_staged_commit(remote: Remote) -> None:
    head, data = remote.head(), shard("hujambo", "karibu")
    remote.call("create_branch", branch="staging/v0.1.0")
    additions = [CommitOperationAdd("staged/train.parquet", data), CommitOperationAdd("staged/notes.md", README)]
    remote.call("preupload_lfs_files", additions=additions, revision="staging/v0.1.0")
    staged = remote.commit(*additions, revision="staging/v0.1.0", parent_commit=head)
    files = remote.files(staged)
    assert files["staged/train.parquet"].lfs.sha256 == hashlib.sha256(data).hexdigest()
    assert files["staged/train.parquet"].size == len(data)
    assert files["staged/notes.md"].lfs is None
    assert files["staged/notes.md"].blob_id == git_oid(README)
    assert remote.head("staging/v0.1.0") == staged
    assert remote.head() == head
    assert "staged/train.parquet" not in remote.files("main")


def test_a_commit_on_another_parent(remote: Remote) -> None:
    before = remote.head()
    after = remote.commit(CommitOperationAdd("parent/first.txt", b"1"), parent_commit=before)
    late = CommitOperationAdd("parent/late.txt", b"2")
    assert refused(remote.commit, late, parent_commit=before) == 412
    assert refused(remote.commit, late, parent_commit="0" * 40) in (400, 404, 412)
    assert remote.head() == after
    assert "parent/late.txt" not in remote.files("main")


def test_a_commit_of_what_is_there(remote: Remote) -> None:
    data = shard("ሰላም", "ደህና")
    first = remote.commit(CommitOperationAdd("same/x.parquet", data), CommitOperationAdd("same/x.txt", README))
    second = remote.commit(CommitOperationAdd("same/x.parquet", data), CommitOperationAdd("same/x.txt", README))
    assert first == second == remote.head()


def test_promotion_by_copy(remote: Remote) -> None:
    data, old = shard("γειά", "σου"), CommitOperationAdd("copied/old.parquet", shard("alt"))
    head = remote.commit(old)
    remote.call("create_branch", branch="staging/copy", revision=head)
    add = [CommitOperationAdd("copied/new.parquet", data), CommitOperationAdd("copied/new.txt", README)]
    staged = remote.commit(*add, revision="staging/copy", parent_commit=head)
    copies = [CommitOperationCopy(op.path_in_repo, op.path_in_repo, src_revision=staged) for op in add]
    delete = CommitOperationDelete("copied/old.parquet")
    promoted = remote.commit(*copies, delete, parent_commit=head, commit_message="Release v0.2.0 [sha256:0123]")
    here, there = remote.files(promoted), remote.files(staged)
    for path in ("copied/new.parquet", "copied/new.txt"):
        assert here[path].blob_id == there[path].blob_id
    assert here["copied/new.parquet"].lfs.sha256 == hashlib.sha256(data).hexdigest()
    assert "copied/old.parquet" not in here
    assert remote.head() == promoted
    # Who has lost the answer finds out by the title.
    latest = remote.call("list_repo_commits")[0]
    assert (latest.commit_id, latest.title) == (promoted, "Release v0.2.0 [sha256:0123]")


def test_tags(remote: Remote) -> None:
    first = remote.commit(CommitOperationAdd("tags/x.txt", b"1"))
    second = remote.commit(CommitOperationAdd("tags/x.txt", b"2"))
    remote.call("create_tag", tag="v9.0.0", tag_message="שלום", revision=first)
    assert refused(remote.call, "create_tag", tag="v9.0.0", revision=second) == 409
    # No error, although the tag is elsewhere: a publisher must look itself.
    remote.call("create_tag", tag="v9.0.0", revision=second, exist_ok=True)
    assert remote.head("v9.0.0") == first
    branches, tags = remote.refs()
    assert (branches["main"], tags["v9.0.0"]) == (second, first)
    remote.call("delete_tag", tag="v9.0.0")
    with pytest.raises(RevisionNotFoundError):
        remote.head("v9.0.0")
    with pytest.raises(RevisionNotFoundError):
        remote.call("delete_tag", tag="v9.0.0")


def test_branches(remote: Remote) -> None:
    remote.call("create_branch", branch="staging/gone")
    assert refused(remote.call, "create_branch", branch="staging/gone") == 409
    remote.call("create_branch", branch="staging/gone", exist_ok=True)
    assert remote.refs()[0]["staging/gone"] == remote.head()
    remote.call("delete_branch", branch="staging/gone")
    assert "staging/gone" not in remote.refs()[0]
    assert refused(remote.call, "delete_branch", branch="staging/gone") in (400, 404)
    assert refused(remote.call, "delete_branch", branch="main") in (400, 403)
    with pytest.raises(RevisionNotFoundError):
        remote.commit(CommitOperationAdd("x.txt", b"1"), revision="staging/gone")


def test_trees_and_paths(remote: Remote) -> None:
    paths = {f"tree/{code}/x.parquet": shard(code) for code in ("swh_Latn", "yor_Latn", "zho_Hans")}
    made = remote.commit(*(CommitOperationAdd(path, data) for path, data in paths.items()))
    inside = remote.call("list_repo_tree", path_in_repo="tree", revision=made, expand=True)
    listed = {item.path: item for item in inside}
    assert set(listed) == {"tree/swh_Latn", "tree/yor_Latn", "tree/zho_Hans"}
    assert all(isinstance(item, RepoFolder) and item.last_commit.oid == made for item in listed.values())
    with pytest.raises(EntryNotFoundError):
        list(remote.call("list_repo_tree", path_in_repo="missing", revision=made))
    found = remote.call("get_paths_info", paths=[*paths, "tree", "missing.txt"], revision=made)
    sums: Mapping[str, str] = {each.path: each.lfs.sha256 for each in found if isinstance(each, RepoFile)}
    assert sums == {path: hashlib.sha256(data).hexdigest() for path, data in paths.items()}
    assert [each.path for each in found if isinstance(each, RepoFolder)] == ["tree"]


def test_reading(remote: Remote) -> None:
    data = shard("สวัสดี", "ชาวโลก")
    made = remote.commit(CommitOperationAdd("read/x.parquet", data))
    files = HfFileSystem(endpoint=remote.api.endpoint, token=remote.api.token, skip_instance_cache=True)
    path = f"datasets/{remote.repo}@{made}/read/x.parquet"
    assert files.info(path)["size"] == len(data)
    with files.open(path, block_size=64) as stream:
        stream.seek(-4, os.SEEK_END)
        assert stream.read() == b"PAR1"
    assert pq.read_table(path, filesystem=files)["anchor"].to_pylist() == ["สวัสดี", "ชาวโลก"]


def test_deletions(remote: Remote) -> None:
    add = [CommitOperationAdd(path, README) for path in ("gone/a.txt", "gone/b/c.txt", "kept/gone.txt", "kept/x.txt")]
    remote.commit(*add)
    left = remote.files(remote.commit(CommitOperationDelete("gone/"), CommitOperationDelete("kept/gone.txt")))
    assert [path for path in left if "gone" in path] == []
    assert "kept/x.txt" in left
    before = remote.head()
    with pytest.raises(EntryNotFoundError):
        remote.commit(CommitOperationDelete("gone/a.txt"))
    assert remote.head() == before


def test_a_card_that_is_no_yaml(remote: Remote) -> None:
    before = remote.head()
    with pytest.raises(ValueError, match="Invalid metadata"):
        remote.commit(CommitOperationAdd("README.md", b"---\ntags: [a\n---\n"))
    assert remote.head() == before
    assert "README.md" in remote.files(remote.commit(CommitOperationAdd("README.md", README)))
