"""The proxy of faults, and what the bare client does with each: what a publisher has to make good."""

from __future__ import annotations

import contextlib
import hashlib
import random
import threading
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fault_proxy import KINDS, STEPS, FaultProxy, Kind, Struck, first, step_of
from http_double import parse_request
from hub_clients import REPO, TOKEN, TOKENS, client
from hub_double import HubDouble
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, HfApi, constants, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

SHARD = random.Random(1).randbytes(400_000)
README = "---\nlicense: mit\n---\n# Մեկնաբանություն\n".encode()
BROKEN = (httpx2.RemoteProtocolError, httpx2.ReadError)


@pytest.fixture(params=["xet", "lfs"])
def hub(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubDouble]:
    xet = request.param == "xet"
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", not xet)
    with HubDouble(tmp_path / "hub", TOKENS, xet=xet) as double:
        double.store.create_repo("dataset", REPO, private=True)
        yield double


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the seconds that the client would have waited before it tried again."""
    waits: list[float] = []
    clock = types.SimpleNamespace(**{**vars(time), "sleep": waits.append})
    monkeypatch.setattr("huggingface_hub.utils._http.time", clock)
    monkeypatch.setenv("HF_XET_CLIENT_RETRY_BASE_DELAY", "1ms")
    return waits


@pytest.fixture
def proxy(hub: HubDouble) -> Iterator[FaultProxy]:
    with FaultProxy(hub, reset_s=0) as proxy:
        yield proxy


@pytest.fixture
def api(proxy: FaultProxy) -> HfApi:
    return client(proxy.url)


def commit(api: HfApi, **options: Any) -> str:
    operations = [CommitOperationAdd("data/train.parquet", SHARD), CommitOperationAdd("README.md", README)]
    return api.create_commit(REPO, operations, commit_message="Release", repo_type="dataset", **options).oid


def titles(hub: HubDouble) -> list[str]:
    repo = hub.store.dataset(REPO)
    return [each.title for each in repo.history(repo.head)]


def test_every_step_has_its_name(hub: HubDouble, proxy: FaultProxy, api: HfApi, tmp_path: Path) -> None:
    repo: dict[str, Any] = {"repo_id": REPO, "repo_type": "dataset"}
    api.whoami()
    api.create_repo(REPO, repo_type="dataset", exist_ok=True)
    api.auth_check(REPO, repo_type="dataset", write=True)
    head = api.repo_info(**repo).sha
    api.create_branch(branch="staging/v1", **repo)
    staged = commit(api, revision="staging/v1", parent_commit=head)
    copies = [CommitOperationCopy("data/train.parquet", "data/train.parquet", src_revision=staged)]
    list(api.list_repo_tree(revision=staged, recursive=True, **repo))
    promoted = api.create_commit(operations=copies, commit_message="Promote", parent_commit=head, **repo).oid
    api.create_tag(tag="v1", revision=promoted, **repo)
    api.list_repo_refs(**repo)
    api.list_repo_commits(**repo)
    api.update_repo_settings(gated=False, **repo)
    hf_hub_download(
        filename="data/train.parquet", revision="v1", endpoint=proxy.url, token=TOKEN, cache_dir=tmp_path, **repo
    )
    api.delete_branch(branch="staging/v1", **repo)
    api.delete_tag(tag="v1", **repo)
    upload = ["xet-token"] if hub.xet else ["lfs-batch", "lfs-put", "lfs-verify"]
    assert proxy.steps == [
        "whoami",
        "create-repo",
        "auth-check",
        "info",
        "branch",
        "validate-yaml",
        "preupload",
        *upload,
        "commit",
        "tree",
        "paths-info",
        "paths-info",
        "commit",
        "tag",
        "refs",
        "commits",
        "settings",
        "resolve",
        "xet-token" if hub.xet else "resolve",
        "delete-branch",
        "delete-tag",
    ]
    assert {*proxy.steps, "lfs-batch", "lfs-put", "lfs-verify", "xet-token", "other"} == set(STEPS)
    # Every address that the double gave led back to the proxy.
    assert len(hub.requests) == len(proxy.steps)


def test_what_is_no_step(hub: HubDouble) -> None:
    assert step_of(parse_request("GET", "/api/agent-harnesses", {}, b"")) == "other"
    assert step_of(parse_request("GET", f"/api/datasets/{REPO}/branch/x", {}, b"")) == "other"


def test_without_faults_nothing_changes(hub: HubDouble, proxy: FaultProxy, tmp_path: Path) -> None:
    direct, through = client(hub.url), client(proxy.url)
    large = random.Random(2).randbytes(3_000_000)
    through.create_commit(REPO, [CommitOperationAdd("x.parquet", large)], commit_message="Large", repo_type="dataset")
    for each in (direct, through):
        assert each.repo_info(REPO, repo_type="dataset").siblings[-1].rfilename == "x.parquet"
        path = each.hf_hub_download(REPO, "x.parquet", repo_type="dataset", cache_dir=tmp_path / each.endpoint[-5:])
        assert Path(path).read_bytes() == large


@pytest.mark.parametrize("kind", ["503", "429"])
def test_the_client_tries_to_upload_again(kind: Kind, hub: HubDouble, proxy: FaultProxy, api: HfApi) -> None:
    proxy.choose = first(kind, "preupload")
    commit(api)
    assert proxy.steps.count("preupload") == 2
    assert proxy.struck == [Struck("preupload", 1, kind)]
    assert titles(hub) == ["Release", "initial commit"]


def test_the_client_waits_as_long_as_it_is_told(
    hub: HubDouble, proxy: FaultProxy, api: HfApi, slept: list[float]
) -> None:
    proxy.choose, proxy.reset_s = first("429", "preupload", times=2), 7
    commit(api)
    # It adds a second of its own.
    assert slept == [8.0, 8.0]


@pytest.mark.parametrize("kind", ["503", "429"])
@pytest.mark.parametrize("step", ["create-repo", "branch", "commit", "tag", "refs"])
def test_the_client_does_not_try_again(step: str, kind: Kind, hub: HubDouble, proxy: FaultProxy, api: HfApi) -> None:
    proxy.choose = first(kind, step)
    repo: dict[str, Any] = {"repo_id": REPO, "repo_type": "dataset"}
    calls: dict[str, Any] = {
        "create-repo": lambda: api.create_repo("org/other", repo_type="dataset"),
        "branch": lambda: api.create_branch(branch="staging/v1", **repo),
        "commit": lambda: commit(api),
        "tag": lambda: api.create_tag(tag="v1", **repo),
        "refs": lambda: api.list_repo_refs(**repo),
    }
    with pytest.raises(HfHubHTTPError) as caught:
        calls[step]()
    assert caught.value.response.status_code == int(kind)
    assert hub.commits == []
    calls[step]()
    assert proxy.steps.count(step) == 2


@pytest.mark.parametrize("kind", ["lost", "truncated"])
def test_a_commit_whose_answer_is_lost_is_there(kind: Kind, hub: HubDouble, proxy: FaultProxy, api: HfApi) -> None:
    proxy.choose = first(kind, "commit")
    with pytest.raises(BROKEN):
        commit(api)
    assert titles(hub) == ["Release", "initial commit"]
    # Doing it again by hand changes nothing, as the files are there: the client tells that from their digests.
    assert commit(api) == hub.commits[0].commit.id
    # A commit of something else with the parent of then is refused.
    with pytest.raises(HfHubHTTPError, match="A commit has happened since"):
        api.create_commit(
            REPO,
            [CommitOperationAdd("a.txt", b"1")],
            commit_message="Again",
            repo_type="dataset",
            parent_commit=hub.commits[0].commit.parent,
        )


def test_upload_folder_makes_two_commits_of_one(hub: HubDouble, proxy: FaultProxy, api: HfApi, tmp_path: Path) -> None:
    (tmp_path / "release").mkdir()
    (tmp_path / "release/train.parquet").write_bytes(SHARD)
    proxy.choose = first("lost", "commit")
    options: dict[str, Any] = {"repo_id": REPO, "repo_type": "dataset", "folder_path": tmp_path / "release"}
    if hub.xet:
        api.upload_folder(commit_message="Release", **options)
        assert titles(hub) == ["Release", "Release", "initial commit"]
    else:
        with pytest.raises(BROKEN):
            api.upload_folder(commit_message="Release", **options)
        assert titles(hub) == ["Release", "initial commit"]


@pytest.mark.parametrize("kind", ["hang", "stalled"])
def test_the_client_waits_for_ever(kind: Kind, hub: HubDouble) -> None:
    failed: list[BaseException] = []

    def publish() -> None:
        try:
            commit(client(proxy.url))
        except BROKEN as error:
            failed.append(error)

    thread = threading.Thread(target=publish, daemon=True)
    with FaultProxy(hub, first(kind, "commit")) as proxy:
        thread.start()
        while not proxy.struck:
            time.sleep(0.01)
        thread.join(1)
        assert thread.is_alive()
        # Others are served meanwhile.
        assert client(proxy.url).list_repo_refs(REPO, repo_type="dataset").tags == []
    thread.join(10)
    assert len(failed) == 1
    assert titles(hub) == (["Release"] if kind == "stalled" else []) + ["initial commit"]


def test_somebody_else_s_commit_comes_first(hub: HubDouble, proxy: FaultProxy, api: HfApi) -> None:
    head = api.repo_info(REPO, repo_type="dataset").sha
    proxy.choose = first("moved", "commit")
    with pytest.raises(HfHubHTTPError, match="A commit has happened since"):
        commit(api, parent_commit=head)
    assert titles(hub) == ["Come first", "initial commit"]
    # Without a parent the client commits on top of what it has not seen.
    commit(api)
    assert titles(hub) == ["Release", "Come first", "initial commit"]


def test_no_token_for_xet_ends_the_upload(hub: HubDouble, proxy: FaultProxy, api: HfApi) -> None:
    proxy.choose = first("404", "xet-token", times=9)
    if not hub.xet:
        commit(api)
        assert proxy.struck == []
        return
    with pytest.raises(ConnectionError, match="404") as caught:
        commit(api)
    assert not isinstance(caught.value, OfflineModeIsEnabled)
    assert hub.commits == []
    assert hub.uploaded_bytes == 0


@pytest.mark.parametrize("kind", ["503", "lost", "truncated"])
@pytest.mark.parametrize("step", ["lfs-batch", "lfs-put", "lfs-verify", "xet-token"])
def test_uploads_survive(step: str, kind: Kind, hub: HubDouble, proxy: FaultProxy, api: HfApi) -> None:
    if hub.xet != (step == "xet-token"):
        pytest.skip("no step of this way to upload")
    proxy.choose = first(kind, step)
    commit(api)
    assert [(each.step, each.kind) for each in proxy.struck] == [(step, kind)]
    (file,) = api.get_paths_info(REPO, "data/train.parquet", repo_type="dataset")
    assert file.lfs.sha256 == hashlib.sha256(SHARD).hexdigest()


def test_a_download_that_was_cut_is_tried_again(hub: HubDouble, proxy: FaultProxy, api: HfApi, tmp_path: Path) -> None:
    commit(api)
    # The second request for a file is the one for its bytes, unless they come from the xet store.
    proxy.choose = lambda step, number: "truncated" if (step, number) == ("resolve", 2) else None
    path = api.hf_hub_download(REPO, "data/train.parquet", repo_type="dataset", cache_dir=tmp_path)
    assert Path(path).read_bytes() == SHARD
    assert proxy.steps.count("resolve") == (1 if hub.xet else 3)


@pytest.mark.parametrize("number", [1, 2])
def test_a_download_is_not_tried_again(
    number: int, hub: HubDouble, proxy: FaultProxy, api: HfApi, tmp_path: Path
) -> None:
    commit(api)
    proxy.choose = lambda step, asked: "503" if (step, asked) == ("resolve", number) else None
    options: dict[str, Any] = {"repo_type": "dataset", "cache_dir": tmp_path}
    if hub.xet and number == 2:
        api.hf_hub_download(REPO, "data/train.parquet", **options)
        return
    # Where the first request fails the client asks once more before it gives up.
    with pytest.raises(HfHubHTTPError, match="503") if number == 2 else contextlib.nullcontext():
        api.hf_hub_download(REPO, "data/train.parquet", **options)
    assert len(proxy.struck) == 1


def status_or_error(web: httpx2.Client, path: str) -> int | str:
    try:
        return web.get(path).status_code
    except (*BROKEN, httpx2.ReadTimeout) as error:
        return type(error).__name__


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("503", 503),
        ("429", 429),
        ("404", 404),
        ("hang", "ReadTimeout"),
        ("stalled", "ReadTimeout"),
        ("lost", "RemoteProtocolError"),
        ("truncated", "RemoteProtocolError"),
        ("moved", 200),
    ],
)
def test_every_kind_strikes_once(kind: Kind, expected: int | str, hub: HubDouble, proxy: FaultProxy) -> None:
    proxy.choose = lambda step, number: kind if number == 1 else None
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx2.Client(base_url=proxy.url, headers=headers, timeout=0.3) as web:
        for path in ("/api/whoami-v2", f"/api/datasets/{REPO}", f"/datasets/{REPO}/resolve/main/.gitattributes"):
            assert status_or_error(web, path) == expected
            assert status_or_error(web, path) == 200
    assert [each.kind for each in proxy.struck] == [kind] * 3
    assert titles(hub).count("Come first") == (3 if kind == "moved" else 0)


def test_every_kind_is_shown() -> None:
    (cases,) = (mark.args[1] for mark in test_every_kind_strikes_once.pytestmark if mark.name == "parametrize")
    assert {kind for kind, _ in cases} == set(KINDS)
