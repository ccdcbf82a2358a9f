"""Yanking a version: said once in the card, while everything stays where it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub")

from http_double import HangUpError, Reply, Request
from hub_double import HubDouble
from hub_store import AddBlob, DeleteFile
from small_releases import REPO, TEXTS, TOKEN, hub, make_release

from curation.errors import ConfigError, CurationError
from curation.release import Release, layout
from curation.release.notices import Notices, Yank, from_bytes, to_bytes, with_notices
from hub_upload import publish
from hub_upload.calls import Patience
from hub_upload.errors import HubAccessError, HubConflictError, HubMissingError, HubUnavailableError
from hub_upload.yanking import Yanked, yank

PATIENCE = Patience(tries=3, base=0.0, sleep=lambda _: None)
FEW = {name: TEXTS[name] for name in ("amh_Ethi", "jpn_Jpan")}
REASON = "የተሳሳተ ጽሑፍ | <b>半分</b> `x`"


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Release]:
    folder = tmp_path_factory.mktemp("releases")
    versions = ("1.0.0", "1.1.0", "1.2.0")
    return {f"v{name}": make_release(folder / name, name, rows=2 + n, texts=FEW) for n, name in enumerate(versions)}


@pytest.fixture
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, releases: dict[str, Release]) -> Iterator[HubDouble]:
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)
    with hub(tmp_path / "hub", monkeypatch) as served:
        for tag in ("v1.0.0", "v1.1.0"):
            publish(releases[tag].path, REPO, tag, patience=PATIENCE)
        yield served


def content(double: HubDouble, path: str, revision: str = "main") -> bytes:
    return double.store.contents.path_of(double.store.dataset(REPO).resolve(revision).files[path]).read_bytes()


def said(double: HubDouble, revision: str = "main") -> Notices:
    return from_bytes(content(double, layout.NOTICES, revision), where=revision)


def yanked(version: str = "v1.0.0", reason: str = REASON, *, dry_run: bool = False) -> Yanked:
    return yank(REPO, version, reason, dry_run=dry_run, patience=PATIENCE)


def test_a_version_is_yanked(double: HubDouble, releases: dict[str, Release]) -> None:
    repo = double.store.dataset(REPO)
    before, tags = repo.head, dict(repo.tags)
    told: list[str] = []
    done = yank(REPO, "v1.0.0", f"  {REASON}\n", say=told.append, patience=PATIENCE)
    assert done == Yanked(REPO, "v1.0.0", REASON, "v1.1.1", repo.head.id)
    assert told == [f"{REPO}: v1.0.0 is yanked; v1.1.1 says so"]
    # One commit upon the newest, one tag more, and no tag moves.
    assert repo.head.parent == before.id
    assert repo.tags == {**tags, "v1.1.1": repo.head.id}
    assert (repo.head.title, repo.head.description) == ("Yank v1.0.0 [v1.1.1]", REASON)
    changed = {path for path, entry in repo.head.files.items() if before.files.get(path) != entry}
    assert changed == {layout.CARD, layout.NOTICES}
    assert set(before.files) <= set(repo.head.files)
    # Newest version's card, with the banner behind its front matter.
    card = (releases["v1.1.0"].path / layout.CARD).read_bytes()
    assert content(double, layout.CARD) == with_notices(card, Notices(yanked=(Yank("v1.0.0", REASON),)))
    assert said(double).yanked == (Yank("v1.0.0", REASON),)
    # Whoever has pinned it still reads the same bytes.
    assert content(double, layout.CARD, "v1.0.0") == (releases["v1.0.0"].path / layout.CARD).read_bytes()


def test_yanking_again_changes_nothing(double: HubDouble) -> None:
    first = yanked()
    repo = double.store.dataset(REPO)
    log, tags = list(repo.log), dict(repo.tags)
    assert yanked() == first
    assert (repo.log, repo.tags) == (log, tags)


def test_the_reason_that_was_given_first_is_the_one_that_stands(double: HubDouble) -> None:
    first = yanked()
    assert yanked(reason="another") == first
    assert said(double).yanked == (Yank("v1.0.0", REASON),)


def test_each_version_may_be_yanked(double: HubDouble) -> None:
    assert yanked("v1.1.0", "worse").patch == "v1.1.1"
    assert yanked("v1.0.0", "bad").patch == "v1.1.2"
    assert yanked("v1.1.1", "no").patch == "v1.1.3"
    expected = (Yank("v1.0.0", "bad"), Yank("v1.1.0", "worse"), Yank("v1.1.1", "no"))
    assert said(double).yanked == expected
    assert content(double, layout.CARD).count(b"was yanked") == 3
    assert said(double, "v1.1.1").yanked == (Yank("v1.1.0", "worse"),)


def test_a_lost_tag_is_set_by_the_next(double: HubDouble) -> None:
    double.fault = lambda request: Reply.error(503, "busy") if "/tag/" in request.path else None
    with pytest.raises(HubUnavailableError, match=r"v1\.1\.1"):
        yanked()
    repo = double.store.dataset(REPO)
    commit = repo.head.id
    assert "v1.1.1" not in repo.tags
    double.fault = lambda request: None
    assert yanked() == Yanked(REPO, "v1.0.0", REASON, "v1.1.1", commit)
    assert repo.tags["v1.1.1"] == commit == repo.head.id


@pytest.mark.parametrize("part", ["/commit/", "/tag/"])
def test_a_lost_answer_makes_no_second(double: HubDouble, part: str) -> None:
    lost: list[str] = []

    def fault(request: Request) -> None:
        if part in request.path and not lost:
            lost.append(request.path)
            double.dispatch(request)
            raise HangUpError

    double.fault = fault
    yanked()
    assert lost
    titles = [commit.title for commit in double.store.dataset(REPO).log]
    assert titles.count("Yank v1.0.0 [v1.1.1]") == 1


def test_somebody_else_is_faster(double: HubDouble) -> None:
    repo = double.store.dataset(REPO)
    done: list[str] = []

    def fault(request: Request) -> None:
        if "/commit/" in request.path and not done:
            done.append(double.store.commit(repo, [AddBlob("notes.txt", b"x")], "In between").id)

    double.fault = fault
    with pytest.raises(HubConflictError) as raised:
        yanked()
    assert raised.value.exit_code == 4
    assert repo.head.id == done[0]
    assert "v1.1.1" not in repo.tags
    assert yanked().patch == "v1.1.1"
    assert "notes.txt" in repo.head.files


def test_a_dry_run_sends_nothing_that_changes_the_hub(double: HubDouble) -> None:
    del double.requests[:]
    assert yanked(dry_run=True) == Yanked(REPO, "v1.0.0", REASON, "v1.1.1", "")
    assert {request.method for request in double.requests} == {"GET"}
    yanked()
    del double.requests[:]
    assert yanked(dry_run=True).commit == double.store.dataset(REPO).head.id
    assert {request.method for request in double.requests} <= {"GET", "HEAD"}


def test_a_later_version_still_says_so(double: HubDouble, releases: dict[str, Release]) -> None:
    yanked()
    done = publish(releases["v1.2.0"].path, REPO, "v1.2.0", patience=PATIENCE)
    assert done.state == "new"
    assert said(double, "v1.2.0").yanked == (Yank("v1.0.0", REASON),)
    assert content(double, layout.CARD, "v1.2.0").count(b"v1.0.0 was yanked") == 1
    assert yanked("v1.2.0", "this too").patch == "v1.2.1"
    assert [each.version for each in said(double).yanked] == ["v1.0.0", "v1.2.0"]


@pytest.mark.parametrize("version", ["v9.9.9", "v1.0.1", "v0.0.0"])
def test_a_version_that_is_not_there(double: HubDouble, version: str) -> None:
    log = list(double.store.dataset(REPO).log)
    with pytest.raises(ConfigError, match="no such version") as raised:
        yanked(version)
    assert raised.value.exit_code == 2
    assert double.store.dataset(REPO).log == log


@pytest.mark.parametrize(
    ("repo", "version", "reason", "words"),
    [
        (REPO, "1.0.0", REASON, "not a version"),
        (REPO, "main", REASON, "not a version"),
        (REPO, "v1.0.0", "", "no reason"),
        (REPO, "v1.0.0", " \u202e", "no reason"),
        (REPO, "v1.0.0", "x" * 501, "no reason"),
        ("weather", "v1.0.0", REASON, "name of a repository"),
    ],
)
def test_what_cannot_be_meant(double: HubDouble, repo: str, version: str, reason: str, words: str) -> None:
    del double.requests[:]
    with pytest.raises(ConfigError, match=words):
        yank(repo, version, reason, patience=PATIENCE)
    assert double.requests == []


def test_a_repository_that_is_not_there(double: HubDouble) -> None:
    with pytest.raises(HubMissingError):
        yank("weather/none", "v1.0.0", REASON, patience=PATIENCE)


def test_without_a_token(double: HubDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubAccessError):
        yanked()
    monkeypatch.setenv("HF_TOKEN", TOKEN[:-1])
    with pytest.raises(HubAccessError) as raised:
        yanked()
    assert TOKEN[:-1] not in str(raised.value)


@pytest.mark.parametrize(
    "card", [None, b"# Mine\n", b"---\r\nlicense: mit\r\n---\r\n# Mine\r\n", b"---\nlicense: mit\n---\n# Mine\n"]
)
def test_a_card_that_was_written_by_hand(double: HubDouble, card: bytes | None) -> None:
    repo = double.store.dataset(REPO)
    double.store.commit(repo, [DeleteFile(layout.CARD) if card is None else AddBlob(layout.CARD, card)], "By hand")
    yanked()
    assert content(double, layout.CARD) == with_notices(card or b"", Notices(yanked=(Yank("v1.0.0", REASON),)))


def test_what_was_said_before_stays(double: HubDouble) -> None:
    before = Notices("v1.1.0", "we know", "fail", (Yank("v0.9.0", "old"),))
    repo = double.store.dataset(REPO)
    double.store.commit(repo, [AddBlob(layout.NOTICES, to_bytes(before))], "Say")
    yanked()
    assert said(double) == Notices("v1.1.0", "we know", "fail", (Yank("v0.9.0", "old"), Yank("v1.0.0", REASON)))


@pytest.mark.parametrize("data", [b"{", b"[" * 50_000, b" " * (2 << 20)], ids=range(3))
def test_notices_that_cannot_be_understood_are_not_overwritten(double: HubDouble, data: bytes) -> None:
    repo = double.store.dataset(REPO)
    commit = double.store.commit(repo, [AddBlob(layout.NOTICES, data)], "Break").id
    with pytest.raises(CurationError, match=r"notices\.json|too large"):
        yanked()
    assert repo.head.id == commit
