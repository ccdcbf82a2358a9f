"""Publishing to the Hub's double by the real client: what stands there afterwards, and what is refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_proxy import FaultProxy
from http_double import Reply, Request
from hub_accounts import Account
from hub_double import HubDouble
from hub_store import AddBlob, Repo
from small_releases import REPO, TEXTS, TOKEN, hub, judge, make_release

from curation.errors import ConfigError, CurationError, GateFailedError
from curation.release import Release, layout, notices
from hub_upload import Publication, publish
from hub_upload.calls import Patience
from hub_upload.candidate import candidate
from hub_upload.errors import HubAccessError, HubConflictError
from hub_upload.inventory import changes
from hub_upload.repository import RemoteFile
from hub_upload.yanking import yank

QUICK = Patience(tries=3, base=0.0, sleep=lambda _: None)


@pytest.fixture(params=[False, True], ids=["lfs", "xet"])
def double(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubDouble]:
    with hub(tmp_path / "hub", monkeypatch, xet=request.param) as double:
        yield double


@pytest.fixture
def by_lfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubDouble]:
    with hub(tmp_path / "hub", monkeypatch) as double:
        yield double


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return make_release(tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Return a later version: a row more of each language, and one language is gone."""
    texts = {code: text for code, text in TEXTS.items() if code != "tha_Thai"}
    return make_release(tmp_path_factory.mktemp("second"), "1.1.0", rows=5, texts=texts)


def state_of(repo: Repo) -> tuple[str, dict[str, str], list[str], int]:
    return repo.head.id, dict(repo.tags), sorted(repo.branches), len(repo.log)


def is_whole(repo: Repo, release: Release, version: str) -> bool:
    """Tell whether a tag holds this release and nothing else, without a notice."""
    files = repo.resolve(version).files
    tree = {path: RemoteFile(path, file.size, file.oid, file.sha256) for path, file in files.items()}
    return not changes(candidate(release.path, version).files(()), tree)


def test_a_first_version_stands_in_a_new_private_repository(double: HubDouble, first: Release) -> None:
    done = publish(first.path, REPO, "v1.0.0")
    repo = double.store.dataset(REPO)
    assert repo.private
    assert repo.tags == {"v1.0.0": done.commit}
    assert list(repo.branches) == ["main"]
    assert is_whole(repo, first, "v1.0.0")
    assert (done.state, done.creates, done.kept, done.deleted) == ("new", True, 0, ())
    assert set(done.added) == {path for path in repo.head.files if path != ".gitattributes"}
    assert done.bytes == sum(file.size for path, file in repo.head.files.items() if path != ".gitattributes")
    # One commit on the branch in which it was put together, one that brought it over.
    assert [commit.branch for commit in double.commits] == [f"staging/v1.0.0-{first.digest[:12]}", "main"]


def test_the_commit_says_which_manifest_it_is(by_lfs: HubDouble, first: Release) -> None:
    publish(first.path, REPO, "v1.0.0")
    head = by_lfs.store.dataset(REPO).head
    assert head.title == f"Release v1.0.0 [manifest sha256:{first.digest[:12]}]"
    assert f"Manifest SHA-256: {first.digest}" in head.description
    assert "Verdict of the gate: pass" in head.description


def test_the_same_command_again_changes_nothing(double: HubDouble, first: Release) -> None:
    done = publish(first.path, REPO, "v1.0.0")
    before = state_of(double.store.dataset(REPO))
    again = publish(first.path, REPO, "v1.0.0")
    assert state_of(double.store.dataset(REPO)) == before
    assert (again.state, again.commit, again.added) == ("published", done.commit, ())


def test_a_second_version_moves_what_is_new(double: HubDouble, first: Release, second: Release) -> None:
    publish(first.path, REPO, "v1.0.0")
    sent = double.uploaded_bytes
    done = publish(second.path, REPO, "v1.1.0")
    repo = double.store.dataset(REPO)
    assert is_whole(repo, first, "v1.0.0")
    assert is_whole(repo, second, "v1.1.0")
    assert all("tha_Thai" in path for path in done.deleted)
    assert len(done.deleted) == 4
    # The test rows are as they were.
    assert done.kept >= len(TEXTS) - 1
    assert 0 < double.uploaded_bytes - sent < sum(file.bytes for file in second.files)


def test_a_dry_run_says_it_all_and_sends_nothing(by_lfs: HubDouble, first: Release, second: Release) -> None:
    planned = publish(first.path, REPO, "v1.0.0", dry_run=True)
    assert not by_lfs.store.repos
    assert planned.creates
    done = publish(first.path, REPO, "v1.0.0")
    assert planned.added == done.added
    before = state_of(by_lfs.store.dataset(REPO))
    planned = publish(second.path, REPO, "v1.1.0", dry_run=True)
    assert state_of(by_lfs.store.dataset(REPO)) == before
    assert not planned.commit
    done = publish(second.path, REPO, "v1.1.0")
    assert (planned.added, planned.deleted, planned.kept) == (done.added, done.deleted, done.kept)
    assert planned.bytes == done.bytes


def test_without_a_passing_verdict_nothing_is_asked_of_the_hub(by_lfs: HubDouble, tmp_path: Path) -> None:
    release = make_release(tmp_path / "r", verdict=None)
    for status, digest in ((None, None), ("fail", None), ("error", None), ("pass", "0" * 64)):
        if status is not None:
            judge(release, status, digest=digest)  # type: ignore[arg-type]
        with pytest.raises(GateFailedError, match="has not passed") as caught:
            publish(release.path, REPO, "v1.0.0")
        assert caught.value.exit_code == 3
    assert not by_lfs.requests


def test_an_override_is_in_the_card_the_notices_and_the_commit(by_lfs: HubDouble, tmp_path: Path) -> None:
    release = make_release(tmp_path / "r", verdict="fail")
    reason = "Thai is thin | <script>alert(1)</script> \u202e*known*"
    done = publish(release.path, REPO, "v1.0.0", override=reason)
    assert done.override
    repo = by_lfs.store.dataset(REPO)
    card = read(by_lfs, repo, layout.CARD)
    sealed = (release.path / layout.CARD).read_bytes()
    assert notices.without_notices(card) == sealed
    assert "**Published with the verdict `fail` of the gate.**" in card.decode()
    assert "<script>" not in card.decode()
    assert "\u202e" not in card.decode()
    said = notices.from_bytes(read(by_lfs, repo, layout.NOTICES), where="")
    assert (said.override, said.verdict) == (reason.replace("\u202e", ""), "fail")
    assert "in spite of the verdict" in repo.head.description


def read(double: HubDouble, repo: Repo, path: str) -> bytes:
    from huggingface_hub import HfApi

    client = HfApi(endpoint=double.url, token=TOKEN)
    file = client.hf_hub_download(repo.name, path, repo_type="dataset", revision=repo.head.id)
    return Path(file).read_bytes()


def test_a_release_without_a_version_of_its_own_is_published_as_any(by_lfs: HubDouble, tmp_path: Path) -> None:
    release = make_release(tmp_path / "r", "0.1.0")
    publish(release.path, REPO, "v2.0.0")
    assert "Published as v2.0.0" in read(by_lfs, by_lfs.store.dataset(REPO), layout.CARD).decode()


REFUSED = {
    "another version": (lambda r: publish(r.path, REPO, "v2.0.0"), ConfigError, "another version"),
    "no version": (lambda r: publish(r.path, REPO, "1.0.0"), ConfigError, "not a version"),
    "a version with a zero": (lambda r: publish(r.path, REPO, "v01.0.0"), ConfigError, "not a version"),
    "no repository": (lambda r: publish(r.path, "../etc", "v1.0.0"), ConfigError, "not the name"),
    "a name without an owner": (lambda r: publish(r.path, "sentences", "v1.0.0"), ConfigError, "not the name"),
    "a revision": (lambda r: publish(r.path, f"{REPO}@main", "v1.0.0"), ConfigError, "not the name"),
    "somebody else's": (lambda r: publish(r.path, "others/sentences", "v1.0.0"), HubAccessError, "cannot be created"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused(name: str, by_lfs: HubDouble, first: Release) -> None:
    call, kind, what = REFUSED[name]
    with pytest.raises(kind, match=what):
        call(first)
    assert not by_lfs.store.repos


def test_a_token_that_may_only_read_is_no_help(by_lfs: HubDouble, first: Release) -> None:
    by_lfs.accounts.tokens[TOKEN] = Account("ada", role="read", orgs=("weather",))
    by_lfs.store.create_repo("dataset", REPO, private=True)
    with pytest.raises(HubAccessError, match="may not write") as caught:
        publish(first.path, REPO, "v1.0.0", patience=QUICK)
    assert caught.value.exit_code == 5


def test_without_a_token_nothing_is_asked(by_lfs: HubDouble, first: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubAccessError, match="no token"):
        publish(first.path, REPO, "v1.0.0")
    assert not by_lfs.requests


def test_a_private_release_does_not_go_public(by_lfs: HubDouble, first: Release) -> None:
    repo = by_lfs.store.create_repo("dataset", REPO, private=False)
    with pytest.raises(ConfigError, match="is public"):
        publish(first.path, REPO, "v1.0.0")
    assert not repo.tags
    publish(first.path, REPO, "v1.0.0", public=True)
    assert is_whole(repo, first, "v1.0.0")


def test_a_new_repository_is_public_if_that_is_said(by_lfs: HubDouble, first: Release) -> None:
    publish(first.path, REPO, "v1.0.0", public=True)
    assert not by_lfs.store.dataset(REPO).private


def test_a_repository_of_something_else_is_left_alone(by_lfs: HubDouble, first: Release) -> None:
    repo = by_lfs.store.create_repo("dataset", REPO, private=True)
    by_lfs.store.commit(repo, [AddBlob("train.csv", b"a,b\n")], "my data")
    with pytest.raises(ConfigError, match="holds something else"):
        publish(first.path, REPO, "v1.0.0")
    assert not repo.tags


def test_a_version_is_never_changed(by_lfs: HubDouble, first: Release, tmp_path: Path) -> None:
    publish(first.path, REPO, "v1.0.0")
    other = make_release(tmp_path / "other", rows=3)
    before = state_of(by_lfs.store.dataset(REPO))
    with pytest.raises(HubConflictError, match="is taken") as caught:
        publish(other.path, REPO, "v1.0.0")
    assert caught.value.exit_code == 4
    assert state_of(by_lfs.store.dataset(REPO)) == before


def test_versions_only_rise(by_lfs: HubDouble, first: Release, second: Release) -> None:
    publish(second.path, REPO, "v1.1.0")
    with pytest.raises(ConfigError, match="newer version"):
        publish(first.path, REPO, "v1.0.0")


def test_a_tampered_file_is_not_published(by_lfs: HubDouble, tmp_path: Path) -> None:
    release = make_release(tmp_path / "r")
    shard = release.path / release.files[-3].path
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    with pytest.raises(CurationError, match="not what its manifest says"):
        publish(release.path, REPO, "v1.0.0")
    assert not by_lfs.requests


def test_a_link_is_not_published(by_lfs: HubDouble, tmp_path: Path) -> None:
    release = make_release(tmp_path / "r")
    shard = release.path / release.shards("data", split="train")[0].path
    secret = tmp_path / "secret"
    shard.rename(secret)
    shard.symlink_to(secret)
    with pytest.raises(CurationError, match="not what its manifest says"):
        publish(release.path, REPO, "v1.0.0")
    assert not by_lfs.requests


def test_a_yank_stays_said_in_later_versions(by_lfs: HubDouble, first: Release, second: Release) -> None:
    publish(first.path, REPO, "v1.0.0")
    yank(REPO, "v1.0.0", "a third of hin_Deva is Marathi")
    publish(second.path, REPO, "v1.1.0")
    repo = by_lfs.store.dataset(REPO)
    said = notices.from_bytes(read(by_lfs, repo, layout.NOTICES), where="")
    assert [each.version for each in said.yanked] == ["v1.0.0"]
    assert repo.tags.keys() == {"v1.0.0", "v1.0.1", "v1.1.0"}
    assert publish(second.path, REPO, "v1.1.0").state == "published"
    assert publish(first.path, REPO, "v1.0.0").state == "published"


def test_of_two_publishers_one_wins(by_lfs: HubDouble, first: Release, tmp_path: Path) -> None:
    publish(first.path, REPO, "v1.0.0")
    rivals = [make_release(tmp_path / f"rival-{rows}", "1.1.0", rows=rows) for rows in (5, 6)]
    together = threading.Barrier(2)
    ready: set[int] = set()

    def meet(request: Request) -> Reply | None:
        # Both have staged and looked before either goes to the default branch.
        me = threading.get_ident()
        if request.path.endswith("/commit/main") and me not in ready:
            ready.add(me)
            together.wait(timeout=30)
        return None

    by_lfs.fault = meet
    outcomes: list[Publication | CurationError] = []

    def run(release: Release) -> None:
        try:
            outcomes.append(publish(release.path, REPO, "v1.1.0", patience=QUICK))
        except CurationError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=run, args=(release,)) for release in rivals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [each for each in outcomes if isinstance(each, Publication)]
    lost = [each for each in outcomes if isinstance(each, CurationError)]
    assert len(won) == len(lost) == 1
    assert isinstance(lost[0], HubConflictError)
    assert lost[0].exit_code == 4
    assert "run the same command again" in lost[0].hint
    repo = by_lfs.store.dataset(REPO)
    assert sum(commit.title.startswith("Release v1.1.0") for commit in repo.history(repo.head)) == 1
    by_lfs.fault = lambda request: None
    loser = next(release for release in rivals if release.digest != won[0].manifest_sha256)
    with pytest.raises(HubConflictError, match="is taken"):
        publish(loser.path, REPO, "v1.1.0", patience=QUICK)


def test_another_s_half_published_version_is_not_overwritten(
    by_lfs: HubDouble, first: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultProxy(by_lfs, lambda step, _: "503" if step == "tag" else None) as proxy:
        monkeypatch.setenv("HF_ENDPOINT", proxy.url)
        with pytest.raises(CurationError, match="tag"):
            publish(first.path, REPO, "v1.0.0", patience=QUICK)
    monkeypatch.setenv("HF_ENDPOINT", by_lfs.url)
    other = make_release(tmp_path / "other", rows=3)
    with pytest.raises(HubConflictError, match="not tagged yet"):
        publish(other.path, REPO, "v1.0.0", patience=QUICK)
    # Somebody writes on the page meanwhile; the release is what was promoted.
    repo = by_lfs.store.dataset(REPO)
    promoted = repo.head.id
    by_lfs.store.commit(repo, [AddBlob("README.md", b"# mine\n")], "edit the card")
    done = publish(first.path, REPO, "v1.0.0", patience=QUICK)
    assert (done.state, done.commit) == ("promoted", promoted)
    assert repo.tags == {"v1.0.0": promoted}


def test_a_ci_job_publishes_without_a_stored_secret(
    by_lfs: HubDouble, first: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_lfs.store.create_repo("dataset", REPO, private=True)
    by_lfs.accounts.publishers["identity-of-the-job"] = (f"datasets/{REPO}",)
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setenv("HF_OIDC_ID_TOKEN", "identity-of-the-job")
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", by_lfs.url)
    monkeypatch.setattr("huggingface_hub._oidc.constants.ENDPOINT", by_lfs.url)
    # `publish` sets it: monkeypatch takes it away again.
    monkeypatch.setenv("HF_OIDC_RESOURCE", "")
    done = publish(first.path, REPO, "v1.0.0")
    assert by_lfs.store.dataset(REPO).tags == {"v1.0.0": done.commit}
