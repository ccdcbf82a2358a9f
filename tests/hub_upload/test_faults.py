"""Publishing through a proxy that breaks each request in each way: the version is there once and whole, or not at all.

A clean run is recorded first, so that no request is left out, whatever the client may ask for in later versions. Each
case breaks one of them, once or for good, and then runs the same command again without faults.
"""

from __future__ import annotations

import contextlib
import copy
import re
import types
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from fault_proxy import FaultProxy, Kind, never
from hub_double import HubDouble
from hub_store import Repo
from small_releases import REPO, TOKEN, hub, make_release

from curation.errors import CurationError
from curation.release import Release
from hub_upload import client, publish
from hub_upload.calls import Patience
from hub_upload.candidate import candidate
from hub_upload.inventory import changes
from hub_upload.references import parse_reference
from hub_upload.repository import RemoteFile
from hub_upload.verifying import verify_remote

QUICK = Patience(tries=2, base=0.0, cap=5.0, sleep=lambda _: None)
TEXTS = {"swh_Latn": "Kesho hali ya hewa itakuwa nzuri", "amh_Ethi": "ነገ አየሩ ጥሩ ይሆናል", "tha_Thai": "พรุ่งนี้อากาศจะดี"}
# What a publication asks for, and at its which request of the kind; `test_no_request_is_left_out` holds the list.
FIRST = (
    *(("whoami", 1), ("info", 1), ("create-repo", 1), ("info", 2), ("branch", 1), ("info", 3), ("tree", 1)),
    *(("preupload", 1), ("validate-yaml", 1), ("commit", 1), ("tree", 2), ("tree", 3), ("validate-yaml", 2)),
    *(("preupload", 2), ("paths-info", 1), ("paths-info", 2), ("commit", 2), ("tree", 4), ("tag", 1), ("refs", 1)),
    ("delete-branch", 1),
)
SECOND = (
    *(("whoami", 1), ("info", 1), ("auth-check", 1), ("tree", 1), ("refs", 1), ("commits", 1), ("branch", 1)),
    *(("info", 2), ("tree", 2), ("preupload", 1), ("validate-yaml", 1), ("commit", 1), ("tree", 3), ("tree", 4)),
    *(("validate-yaml", 2), ("preupload", 2), ("paths-info", 1), ("paths-info", 2), ("commit", 2), ("tree", 5)),
    *(("tag", 1), ("refs", 2), ("delete-branch", 1)),
)
UPLOADS = {False: (("lfs-batch", 1), ("lfs-put", 1), ("lfs-verify", 1)), True: (("xet-token", 1),)}
KINDS: tuple[Kind, ...] = ("503", "429", "hang", "stalled", "lost", "truncated")


@dataclass(frozen=True)
class Case:
    """One broken request: of a first version or a second one, by LFS or xet, once or for good."""

    second: bool
    xet: bool
    step: str
    number: int
    kind: Kind
    for_good: bool

    @property
    def id(self) -> str:
        words = ("second" if self.second else "first", "xet" if self.xet else "lfs", self.step, str(self.number))
        return "-".join((*words, self.kind, "for-good" if self.for_good else "once"))


# Of a first version, what a second one does not ask for, and what makes it one.
ONLY_FIRST = (("create-repo", 1), ("info", 2), ("branch", 1), ("commit", 1), ("commit", 2), ("tag", 1))
# For good, a server that does not do it, one that is silent, and one that does it and does not say so.
FOR_GOOD: tuple[Kind, ...] = ("503", "hang", "lost")


def cases() -> Iterator[Case]:
    for second, xet, requests in ((True, False, SECOND), (False, True, ONLY_FIRST)):
        for step, number in (*requests, *UPLOADS[xet]):
            yield from (Case(second, xet, step, number, kind, False) for kind in KINDS)
            yield from (Case(second, xet, step, number, kind, True) for kind in FOR_GOOD)
    for number in (1, 2):
        yield Case(True, False, "commit", number, "moved", False)
    yield Case(True, False, "tag", 1, "moved", False)
    yield Case(False, True, "xet-token", 1, "404", True)


# Each step in one way, and each way at the commit that brings the release onto the default branch.
SAMPLE = {
    *(f"second-lfs-{step}-{number}-lost-once" for step, number in SECOND),
    *(f"second-lfs-commit-2-{kind}-{much}" for kind in FOR_GOOD for much in ("once", "for-good")),
    "second-lfs-commit-2-moved-once",
    *("first-xet-xet-token-1-404-for-good", "first-xet-commit-2-truncated-once", "second-lfs-tag-1-lost-for-good"),
}


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Release, Release]:
    """Return two versions of a release."""
    folder = tmp_path_factory.mktemp("releases")
    return (
        make_release(folder / "one", "1.0.0", texts=TEXTS),
        make_release(folder / "two", "1.1.0", texts={**TEXTS, "kat_Geor": "ხვალ კარგი ამინდი იქნება"}, rows=5),
    )


@pytest.fixture(scope="module", autouse=True)
def impatient() -> Iterator[None]:
    """Shorten timeouts and waits of our calls, of the client and of the uploader."""
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils import _http

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "READ_SECONDS", 0.25)
        patch.setattr(client, "_set_up", False)
        set_client_factory(_http.default_client_factory)
        patch.setattr(_http, "time", types.SimpleNamespace(**{**vars(_http.time), "sleep": lambda _: None}))
        patch.setenv("HF_XET_CLIENT_READ_TIMEOUT", "250ms")
        patch.setenv("HF_XET_CLIENT_RETRY_MAX_ATTEMPTS", "1")
        patch.setenv("HF_XET_CLIENT_RETRY_BASE_DELAY", "1ms")
        yield
    # The next test that asks for the client sets it up anew, with its own timeouts.
    client._set_up = False
    set_client_factory(_http.default_client_factory)


@dataclass(frozen=True)
class Hub:
    """A Hub with a proxy in front, which holds a first version where `second` is asked for."""

    double: HubDouble
    first: Mapping[tuple[str, str], Repo]

    def reset(self, *, second: bool) -> None:
        # Contents stay in their folder: only what refers to them is as it was.
        self.double.store.repos = copy.deepcopy(dict(self.first)) if second else {}


@pytest.fixture(scope="module")
def hubs(releases: tuple[Release, Release], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[bool, Hub]]:
    """Return a Hub with LFS and one with xet."""
    with contextlib.ExitStack() as stack:
        found = {}
        for xet in (False, True):
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            double = stack.enter_context(hub(tmp_path_factory.mktemp("hub"), patch, xet=xet))
            publish(releases[0].path, REPO, "v1.0.0")
            found[xet] = Hub(double, copy.deepcopy(double.store.repos))
        yield found


@contextlib.contextmanager
def proxied(hubs: Mapping[bool, Hub], monkeypatch: pytest.MonkeyPatch, *, xet: bool) -> Iterator[FaultProxy]:
    with FaultProxy(hubs[xet].double, reset_s=0) as proxy:
        monkeypatch.setenv("HF_ENDPOINT", proxy.url)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", not xet)
        yield proxy


def requests_of(proxy: FaultProxy, begin: int) -> list[tuple[str, int]]:
    counts: Counter[str] = Counter()
    found = []
    for step in proxy.steps[begin:]:
        counts[step] += 1
        found.append((step, counts[step]))
    return found


@pytest.mark.parametrize("xet", [False, True])
def test_no_request_is_left_out(
    releases: tuple[Release, Release], hubs: dict[bool, Hub], monkeypatch: pytest.MonkeyPatch, *, xet: bool
) -> None:
    hubs[xet].reset(second=False)
    with proxied(hubs, monkeypatch, xet=xet) as proxy:
        for release, version, known in zip(releases, ("v1.0.0", "v1.1.0"), (FIRST, SECOND), strict=True):
            begin = len(proxy.steps)
            publish(release.path, REPO, version, patience=QUICK)
            asked = {step for step in requests_of(proxy, begin) if step[0] not in ("lfs-put", "lfs-verify", "other")}
            uploads = {step for step in UPLOADS[xet] if step[0] not in ("lfs-put", "lfs-verify")}
            assert asked == {*known, *uploads}


def marked(case: Case) -> object:
    return pytest.param(case, id=case.id, marks=() if case.id in SAMPLE else pytest.mark.slow)


def test_the_sample_is_of_the_cases() -> None:
    known = {case.id for case in cases()}
    assert len(known) > 250
    assert known >= SAMPLE


@pytest.mark.parametrize("case", [marked(case) for case in cases()])
def test_a_version_is_there_once_and_whole_or_not_at_all(
    case: Case, releases: tuple[Release, Release], hubs: dict[bool, Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    hubs[case.xet].reset(second=case.second)
    with proxied(hubs, monkeypatch, xet=case.xet) as proxy:
        release, version = (releases[1], "v1.1.0") if case.second else (releases[0], "v1.0.0")

        def choose(step: str, number: int) -> Kind | None:
            late = number - case.number
            return case.kind if step == case.step and (late == 0 or (case.for_good and late > 0)) else None

        proxy.choose = choose
        failed = attempt(release, version)
        proxy.choose = never
        assert proxy.struck, "the request was never made"
        # A branch that cannot be removed is no reason to call a whole version a failure.
        tidy = case.step != "delete-branch" or not case.for_good
        check_state(proxy.double, release, version, finished=failed is None, tidy=tidy)
        if failed is not None:
            assert failed.exit_code in (1, 4)
            assert failed.hint
            assert TOKEN not in str(failed)
        if case.kind == "moved" and case.step == "commit" and case.number == 2:
            assert failed is not None
            assert failed.exit_code == 4
        again = attempt(release, version)
        assert again is None, again
        check_state(proxy.double, release, version, finished=True)
        if case.kind != "lost":
            return
        found = verify_remote(parse_reference(f"hf://datasets/{REPO}@{version}"), patience=QUICK)
        assert found.release.digest == release.digest
        assert not found.findings


def attempt(release: Release, version: str) -> CurationError | None:
    try:
        publish(release.path, REPO, version, patience=QUICK)
    except CurationError as error:
        return error
    return None


def check_state(double: HubDouble, release: Release, version: str, *, finished: bool, tidy: bool = True) -> None:
    """Check that the default branch and each tag hold a whole version, made by one commit."""
    if ("dataset", REPO) not in double.store.repos:
        assert not finished
        return
    repo = double.store.dataset(REPO)
    history = list(repo.history(repo.head))
    promoted = [commit for commit in history if re.fullmatch(rf"Release {re.escape(version)} \[.*", commit.title)]
    assert len(promoted) <= 1
    for commit in promoted:
        tree = {path: RemoteFile(path, file.size, file.oid, file.sha256) for path, file in commit.files.items()}
        assert not changes(candidate(release.path, version).files(()), tree)
    if version in repo.tags:
        assert repo.tags[version] == promoted[0].id
    if finished:
        assert version in repo.tags
    if finished and tidy:
        assert not [name for name in repo.branches if name.startswith(f"staging/{version}")]
