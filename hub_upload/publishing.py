"""Publishing a release: on the default branch stands a whole, verified version, or what stood there before.

A release is put together on a branch of its own, verified there file by file, brought to the default branch in one
commit, verified again, and tagged. What has been done is read from the Hub each time, never from notes on this
machine: the same command goes on wherever it, or somebody else's, was cut off.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from curation.errors import ConfigError
from curation.release import layout
from curation.release.notices import Notices, Yank, from_bytes
from hub_upload.calls import Patience
from hub_upload.candidate import Candidate, candidate, newest, parse_tag, staging_prefix
from hub_upload.client import connect
from hub_upload.errors import HubConflictError, HubError
from hub_upload.inventory import HUB_FILES, Changes, Tree, changes
from hub_upload.promotion import promote
from hub_upload.references import parse_repository
from hub_upload.repository import MAIN, Head, References, Repository
from hub_upload.secrets import publishing_token

Say = Callable[[str], None]

_TITLE = re.compile(r"Release (v[0-9]+\.[0-9]+\.[0-9]+) \[manifest sha256:([0-9a-f]{12})\]")
_NOTICES_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Publication:
    """What publishing did, or would do.

    Attributes:
        repository: `ORG/NAME`.
        version: the tag.
        manifest_sha256: digest of the release.
        verdict: of the gate.
        override: the reason to publish in spite of it; empty if there was no need.
        state: `new`; `promoted` if it stood on the default branch already, untagged; `published` if it was there.
        commit: the tagged commit; empty for what would be done.
        creates: whether the repository is not there yet.
        added, deleted: paths that are uploaded and deleted on the default branch.
        kept: number of files that are there already.
        bytes: bytes of what is uploaded; the Hub may know parts of them.
        left: branches that could not be removed afterwards.
    """

    repository: str
    version: str
    manifest_sha256: str
    verdict: str
    override: str
    state: Literal["new", "promoted", "published"]
    commit: str
    creates: bool
    added: tuple[str, ...]
    deleted: tuple[str, ...]
    kept: int
    bytes: int
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Remote:
    """The repository as it was found.

    Attributes:
        head: its default branch, None where there is no repository.
        references: its branches and tags.
        tree: the files of its default branch.
        yanked: the versions that were yanked.
    """

    head: Head | None
    references: References = field(default_factory=lambda: References({}, {}))
    tree: Tree = field(default_factory=dict)
    yanked: tuple[Yank, ...] = ()


def publish(
    release: Path | str,
    repo: str,
    version: str,
    *,
    public: bool = False,
    override: str = "",
    dry_run: bool = False,
    say: Say = lambda _: None,
    patience: Patience | None = None,
) -> Publication:
    """Publish a release as a version of a dataset on the Hub.

    Args:
        release: folder of the release.
        repo: `ORG/NAME`; created if need be.
        version: `vX.Y.Z`, which becomes the tag.
        public: whether everybody may see it. A repository is created private without this, and a release does not go
            to a public one.
        override: why to publish although the gate has not passed exactly this release; recorded in the card.
        dry_run: only say what would be done; nothing is sent that changes the Hub.
        say: is told what is being done.
        patience: how often calls are tried.

    Returns:
        What was done. A version that is there already, with the same bytes, is left alone.

    Raises:
        ConfigError: if name, version or visibility cannot be.
        ReleaseError: if a file is not as the manifest says.
        GateFailedError: if there is no passing verdict on exactly this release, and no override.
        HubAccessError: if the Hub does not know the token, or it may not write.
        HubConflictError: if the version is there with other bytes, or somebody else has changed the default branch in
            the meantime: nothing of ours is on it.
        HubUnavailableError: if the Hub does not answer; the same call goes on where this one stopped.
    """
    name = parse_repository(repo)
    found = candidate(Path(release), version, override=override)
    token = publishing_token(name)
    repository = Repository(name, connect(token), patience or Patience())
    # The token of a CI job is one repository's, and nobody's.
    say(f"{name}: signed in as {repository.who() if token else 'a CI job'}")
    remote = _look(repository, public=public)
    commit = _commit_of(repository, found, remote)
    state = _state(found, remote, commit)
    if state == "new":
        _check_new(found, remote, name)
    files = found.files(remote.yanked)
    tree = repository.tree(commit) if commit else remote.tree
    difference = changes(files, tree)
    if dry_run or state == "published":
        left = () if dry_run else _clean(repository, found, remote, say)
        return _publication(name, found, state, commit, remote, difference, left)
    if not commit:
        head = remote.head.commit if remote.head else _create(repository, public=public)
        commit = promote(repository, found, head, files, say)
    repository.tag(found.tag, commit)
    say(f"{name}: {found.tag} is {commit}")
    return _publication(name, found, state, commit, remote, difference, _clean(repository, found, remote, say))


def _look(repository: Repository, *, public: bool) -> _Remote:
    """Look at the repository, and whether it may be written to."""
    head = repository.head()
    if head is None:
        return _Remote(None)
    if not head.private and not public:
        hint = "add --public if everybody may see this release, or name a private repository"
        raise ConfigError("The repository is public", repository.name, "a release is private unless said", hint)
    repository.check_write()
    tree = repository.tree(head.commit)
    return _Remote(head, repository.references(), tree, read_notices(repository, tree, head.commit).yanked)


def read_notices(repository: Repository, tree: Tree, commit: str) -> Notices:
    """Return what is said of the release of a commit."""
    file = tree.get(layout.NOTICES)
    if file is None:
        return Notices()
    return from_bytes(repository.read(file, commit, limit=_NOTICES_BYTES), where=f"{repository.name}@{commit}")


def _commit_of(repository: Repository, found: Candidate, remote: _Remote) -> str:
    """Return the commit that has this release already, tagged or not; empty if there is none.

    Raises:
        HubConflictError: if the version is another release's.
    """
    tagged = remote.references.tags.get(found.tag)
    if tagged:
        if _holds(found, repository.tree(tagged)):
            return tagged
        raise _taken(found, repository.name, f"{found.tag} is tagged there, with other files")
    if remote.head is None:
        return ""
    titles = [(commit.id, _TITLE.fullmatch(commit.title)) for commit in repository.commits(MAIN)]
    for commit, title in titles:
        if title is None or title[1] != found.tag:
            continue
        if title[2] == found.short and _holds(found, repository.tree(commit)):
            return commit
        raise _taken(found, repository.name, f"commit {commit[:12]} is {found.tag} of another release, not tagged yet")
    return ""


def _taken(found: Candidate, name: str, why: str) -> HubConflictError:
    hint = "a version is never changed: make the release with a higher release.version, and publish that"
    return HubConflictError(f"The version {found.tag} is taken", name, why, hint)


def _holds(found: Candidate, tree: Tree) -> bool:
    """Tell whether a revision holds the release: all that its manifest seals, and the manifest."""
    loose = {layout.CARD, *layout.OUTSIDE_MANIFEST} - {layout.MANIFEST}
    return all(file.is_at(tree.get(path)) for path, file in found.files(()).items() if path not in loose)


def _state(found: Candidate, remote: _Remote, commit: str) -> Literal["new", "promoted", "published"]:
    if not commit:
        return "new"
    return "published" if found.tag in remote.references.tags else "promoted"


def _check_new(found: Candidate, remote: _Remote, name: str) -> None:
    last = newest(remote.references.tags)
    if last is not None and parse_tag(last) > parse_tag(found.tag):
        raise ConfigError(
            "A newer version is there already",
            name,
            f"{last}, and {found.tag} is to be published",
            f"make the release with a release.version above {last[1:]}",
        )
    others = [path for path in remote.tree if path not in (*HUB_FILES, layout.CARD)]
    if others and layout.MANIFEST not in remote.tree:
        why = f"it holds {len(others):,} file(s) of no release, such as {ascii(others[0])[:80]}"
        raise ConfigError(
            "The repository holds something else", name, why, "name another one: publishing would delete these files"
        )


def _create(repository: Repository, *, public: bool) -> str:
    """Make the repository, and return its first commit."""
    repository.create(private=not public)
    head = repository.head()
    if head is None:
        raise HubError("The repository was created, and is not there", repository.name, hint="run it again later")
    return head.commit


def _clean(repository: Repository, found: Candidate, remote: _Remote, say: Say) -> tuple[str, ...]:
    """Remove the branches of this version, and return those that stay: the version itself is whole without that."""
    names = {name for name in remote.references.branches if name.startswith(staging_prefix(found.tag))}
    left = []
    # One that this very call has made was not there when it looked.
    for branch in sorted(names if found.tag in remote.references.tags else names | {found.staging}):
        try:
            repository.delete_branch(branch)
        except HubError as error:
            left.append(branch)
            say(f"{repository.name}: the branch {branch} is left: {error.why}")
    return tuple(left)


def _publication(
    name: str,
    found: Candidate,
    state: Literal["new", "promoted", "published"],
    commit: str,
    remote: _Remote,
    difference: Changes,
    left: tuple[str, ...],
) -> Publication:
    moves = difference if state == "new" else Changes((), difference.kept, ())
    return Publication(
        repository=name,
        version=found.tag,
        manifest_sha256=found.release.digest,
        verdict=found.verdict,
        override=found.notices.override,
        state=state,
        commit=commit,
        creates=remote.head is None,
        added=tuple(file.path for file in moves.added),
        deleted=moves.deleted,
        kept=len(moves.kept),
        bytes=moves.bytes_to_move,
        left=left,
    )
