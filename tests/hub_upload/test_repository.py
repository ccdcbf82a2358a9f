"""What is asked of a repository, by the real client, and what comes of answers that are lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub")

from http_double import HangUpError, Reply, Request
from hub_accounts import Account
from hub_double import HubDouble
from hub_store import AddBlob, git_oid
from huggingface_hub import CommitOperationAdd, CommitOperationDelete
from small_releases import REPO, TOKEN, hub

from hub_upload.calls import Patience
from hub_upload.client import connect
from hub_upload.errors import HubAccessError, HubConflictError, HubError, HubMissingError, HubUnavailableError
from hub_upload.repository import Commit, Head, RemoteFile, Repository

PATIENCE = Patience(tries=4, base=0.0, sleep=lambda _: None)


@pytest.fixture
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubDouble]:
    # The client's own retries of downloads and uploads.
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)
    with hub(tmp_path, monkeypatch) as served:
        yield served


@pytest.fixture
def repository(double: HubDouble) -> Repository:
    double.store.create_repo("dataset", REPO, private=True)
    return Repository(REPO, connect(TOKEN), PATIENCE)


def lose(double: HubDouble, method: str, part: str, *, times: int = 1, reply: Reply | None = None) -> list[str]:
    """Let requests be done and their answers be lost, or turned into another."""
    lost: list[str] = []

    def fault(request: Request) -> Reply | None:
        if request.method != method or part not in request.path or len(lost) >= times:
            return None
        lost.append(request.path)
        answer = double.dispatch(request)
        if reply is not None:
            return reply
        assert answer.status < 300
        raise HangUpError

    double.fault = fault
    return lost


def refuse(double: HubDouble, method: str, part: str, reply: Reply, *, times: int = 1) -> list[str]:
    """Let requests not be done."""
    refused: list[str] = []

    def fault(request: Request) -> Reply | None:
        if request.method != method or part not in request.path or len(refused) >= times:
            return None
        refused.append(request.path)
        return reply

    double.fault = fault
    return refused


def test_what_stands_there(repository: Repository, double: HubDouble) -> None:
    store = double.store
    repo = store.dataset(REPO)
    commit = store.commit(repo, [AddBlob("notes.txt", "Հայերեն".encode())], "Add notes", description="why")
    store.create_tag(repo, "v1.0.0", commit.id)
    store.create_branch(repo, "staging/v1.1.0-abc")
    assert repository.who() == "ada"
    repository.check_write()
    assert repository.head() == Head(commit.id, private=True)
    assert repository.references().tags == {"v1.0.0": commit.id}
    assert repository.references().branches == {"main": commit.id, "staging/v1.1.0-abc": commit.id}
    first = repo.log[0]
    assert repository.commits("main") == [Commit(commit.id, "Add notes", "why"), Commit(first.id, "initial commit")]
    assert {repository.resolve(name) for name in (None, "main", "v1.0.0", commit.id, "staging/v1.1.0-abc")} == {
        commit.id
    }
    tree = repository.tree("main")
    assert set(tree) == {".gitattributes", "notes.txt"}
    file = tree["notes.txt"]
    assert file == RemoteFile("notes.txt", 14, git_oid("Հայերեն".encode()), None)
    assert repository.read(file, commit.id, limit=14) == "Հայերեն".encode()
    with pytest.raises(HubError, match="too large"):
        repository.read(file, commit.id, limit=13)


def test_a_repository_that_is_not_there(double: HubDouble) -> None:
    repository = Repository(REPO, connect(TOKEN), PATIENCE)
    assert repository.head() is None
    for ask in (repository.references, repository.check_write, lambda: repository.tree("main")):
        with pytest.raises(HubMissingError):
            ask()
    repository.create(private=True)
    repository.create(private=True)
    assert repository.head() is not None
    assert double.store.dataset(REPO).private


def test_creation_whose_answer_is_lost(double: HubDouble) -> None:
    repository = Repository(REPO, connect(TOKEN), PATIENCE)
    lost = lose(double, "POST", "/api/repos/create")
    repository.create(private=True)
    assert lost
    assert double.store.dataset(REPO).private


@pytest.mark.parametrize(
    ("account", "kind"),
    [
        (Account("eve"), HubMissingError),
        (Account("ada", role="read", orgs=("weather",)), HubAccessError),
        (Account("ada", orgs=("weather",), expires=0.0), HubAccessError),
    ],
)
def test_who_may_not_write(repository: Repository, double: HubDouble, account: Account, kind: type[HubError]) -> None:
    double.accounts.tokens[TOKEN] = account
    before = len(double.requests)
    with pytest.raises(kind) as raised:
        repository.check_write()
    assert TOKEN not in str(raised.value)
    assert len(double.requests) == before + 1


def committed(repository: Repository, title: str = "Release v1.0.0", data: bytes = b"x") -> str:
    head = repository.head()
    assert head is not None
    return repository.commit("main", head.commit, [CommitOperationAdd("x.txt", data)], title, "more")


def titles(double: HubDouble) -> list[str]:
    return [commit.title for commit in double.store.dataset(REPO).log[1:]]


def test_a_commit(repository: Repository, double: HubDouble) -> None:
    made = committed(repository)
    assert double.store.dataset(REPO).branches["main"] == made
    assert repository.commits("main")[0] == Commit(made, "Release v1.0.0", "more")


@pytest.mark.parametrize(
    "reply",
    [None, *(Reply.error(status, "it broke") for status in (408, 429, 500, 502, 503, 504))],
    ids=lambda reply: str(reply and reply.status),
)
def test_a_commit_whose_answer_is_lost_is_made_once(
    repository: Repository, double: HubDouble, reply: Reply | None
) -> None:
    lost = lose(double, "POST", "/commit/", reply=reply)
    made = committed(repository)
    assert len(lost) == 1
    assert titles(double) == ["Release v1.0.0"]
    assert double.store.dataset(REPO).branches["main"] == made


def test_a_commit_is_made_once_even_if_the_question_is_lost_too(repository: Repository, double: HubDouble) -> None:
    head = repository.head()
    assert head is not None
    asked = {"POST": 0, "GET": 0}

    def fault(request: Request) -> Reply | None:
        if "/commit/" in request.path:
            asked["POST"] += 1
            double.dispatch(request)
            raise HangUpError
        if "/commits/" in request.path:
            asked["GET"] += 1
            return Reply.error(503, "busy") if asked["GET"] < 3 else None
        return None

    double.fault = fault
    made = repository.commit("main", head.commit, [CommitOperationAdd("x.txt", b"x")], "Release v1.0.0")
    assert titles(double) == ["Release v1.0.0"]
    assert double.store.dataset(REPO).branches["main"] == made
    assert asked["POST"] == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_commit_that_was_not_made_is_sent_again(repository: Repository, double: HubDouble, status: int) -> None:
    refused = refuse(double, "POST", "/commit/", Reply.error(status, "busy"), times=2)
    committed(repository)
    assert len(refused) == 2
    assert titles(double) == ["Release v1.0.0"]


def test_a_commit_that_never_gets_through(repository: Repository, double: HubDouble) -> None:
    refused = refuse(double, "POST", "/commit/", Reply.error(503, "busy"), times=99)
    with pytest.raises(HubUnavailableError, match="commit to main"):
        committed(repository)
    assert len(refused) == PATIENCE.tries
    assert titles(double) == []


@pytest.mark.parametrize("title", ["Release v1.0.0", "Somebody's"])
def test_a_branch_that_has_moved(repository: Repository, double: HubDouble, title: str) -> None:
    """Somebody else's commit is not taken for ours, even under our title."""
    repo = double.store.dataset(REPO)
    parent = repo.head.id
    double.store.commit(repo, [AddBlob("y.txt", b"y")], "In between")
    double.store.commit(repo, [AddBlob("z.txt", b"z")], title)
    with pytest.raises(HubConflictError) as raised:
        repository.commit("main", parent, [CommitOperationAdd("x.txt", b"x")], "Release v1.0.0")
    assert raised.value.exit_code == 4
    assert titles(double) == ["In between", title]


def test_a_commit_of_what_is_not_there(repository: Repository, double: HubDouble) -> None:
    head = repository.head()
    assert head is not None
    with pytest.raises(HubError):
        repository.commit("main", head.commit, [CommitOperationDelete("none.txt", is_folder=False)], "Delete")
    assert titles(double) == []


def test_a_tag(repository: Repository, double: HubDouble) -> None:
    commit = double.store.dataset(REPO).head.id
    repository.tag("v1.0.0", commit)
    repository.tag("v1.0.0", commit)
    assert double.store.dataset(REPO).tags == {"v1.0.0": commit}


def test_a_tag_whose_answer_is_lost(repository: Repository, double: HubDouble) -> None:
    lost = lose(double, "POST", "/tag/")
    commit = double.store.dataset(REPO).head.id
    repository.tag("v1.0.0", commit)
    assert len(lost) == 1
    assert double.store.dataset(REPO).tags == {"v1.0.0": commit}


def test_a_tag_of_another_commit_does_not_move(repository: Repository, double: HubDouble) -> None:
    repo = double.store.dataset(REPO)
    first = repo.head.id
    double.store.create_tag(repo, "v1.0.0", first)
    second = double.store.commit(repo, [AddBlob("y.txt", b"y")], "More").id
    with pytest.raises(HubConflictError):
        repository.tag("v1.0.0", second)
    assert repo.tags == {"v1.0.0": first}


def test_a_tag_that_is_not_where_it_was_set(repository: Repository, double: HubDouble) -> None:
    commit = double.store.dataset(REPO).head.id
    refuse(double, "POST", "/tag/", Reply.of({}))
    with pytest.raises(HubConflictError, match="not where it was set"):
        repository.tag("v1.0.0", commit)


def test_branches(repository: Repository, double: HubDouble) -> None:
    repo = double.store.dataset(REPO)
    for _ in range(2):
        repository.create_branch("staging/v1.0.0-ab", repo.head.id)
    assert repo.branches["staging/v1.0.0-ab"] == repo.head.id
    for _ in range(2):
        repository.delete_branch("staging/v1.0.0-ab")
    assert set(repo.branches) == {"main"}


@pytest.mark.parametrize("do", ["create_branch", "delete_branch"])
def test_branches_whose_answer_is_lost(repository: Repository, double: HubDouble, do: str) -> None:
    repo = double.store.dataset(REPO)
    calls: dict[str, Callable[[], None]] = {
        "create_branch": lambda: repository.create_branch("staging/x", repo.head.id),
        "delete_branch": lambda: repository.delete_branch("staging/x"),
    }
    if do == "delete_branch":
        double.store.create_branch(repo, "staging/x")
    lost = lose(double, "POST" if do == "create_branch" else "DELETE", "/branch/")
    calls[do]()
    assert len(lost) == 1
    assert ("staging/x" in repo.branches) == (do == "create_branch")


def test_the_default_branch_cannot_be_deleted(repository: Repository) -> None:
    with pytest.raises(HubAccessError):
        repository.delete_branch("main")


def test_reading_waits_out_a_server_that_hangs_up(repository: Repository, double: HubDouble) -> None:
    commit = double.store.commit(double.store.dataset(REPO), [AddBlob("a.txt", b"abc")], "Add").id
    left = [1, 1, 1]

    def fault(request: Request) -> None:
        if "/resolve/" in request.path and left:
            left.pop()
            raise HangUpError

    double.fault = fault
    assert repository.read(repository.tree(commit)["a.txt"], commit, limit=10) == b"abc"
    assert not left


def test_a_server_that_always_hangs_up_does_not_answer(repository: Repository, double: HubDouble) -> None:
    commit = double.store.commit(double.store.dataset(REPO), [AddBlob("a.txt", b"abc")], "Add").id
    file = repository.tree(commit)["a.txt"]

    def fault(request: Request) -> None:
        raise HangUpError

    double.fault = fault
    with pytest.raises(HubUnavailableError) as raised:
        repository.read(file, commit, limit=10)
    assert TOKEN not in str(raised.value)
