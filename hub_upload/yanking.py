"""Yanking a version: it stays where it is, for whoever has trained on it, and everybody is told not to use it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from curation.errors import ConfigError
from curation.release import layout, notices
from curation.release.notices import Notices, Yank, checked_reason
from hub_upload.calls import Patience
from hub_upload.candidate import newest, parse_tag
from hub_upload.client import connect
from hub_upload.errors import HubMissingError
from hub_upload.publishing import read_notices
from hub_upload.references import parse_repository
from hub_upload.repository import MAIN, Repository
from hub_upload.secrets import publishing_token

if TYPE_CHECKING:
    from hub_upload.repository import Operation

_CARD_BYTES = 32 << 20
_TITLE = re.compile(r"Yank (v[0-9]+\.[0-9]+\.[0-9]+) \[(v[0-9]+\.[0-9]+\.[0-9]+)\]")


@dataclass(frozen=True, slots=True)
class Yanked:
    """What yanking did, or would do.

    Attributes:
        repository: `ORG/NAME`.
        version: what was yanked; its tag stays.
        reason: why.
        patch: tag of the commit whose card says so: the next patch of the newest version.
        commit: that commit; empty for what would be done.
    """

    repository: str
    version: str
    reason: str
    patch: str
    commit: str


def yank(
    repo: str,
    version: str,
    reason: str,
    *,
    dry_run: bool = False,
    say: Callable[[str], None] = lambda _: None,
    patience: Patience | None = None,
) -> Yanked:
    """Say in the card of a dataset that one of its versions must not be used.

    The card on the default branch gets a banner, and `notices.json` an entry; that state is tagged as the next patch,
    so that whoever takes the newest version sees it. No file of any version changes, and no tag moves.

    Args:
        repo: `ORG/NAME`.
        version: the tag to yank.
        reason: why, for everybody to read.
        dry_run: only say what would be done.
        say: is told what is being done.
        patience: how often calls are tried.

    Raises:
        ConfigError: if there is no such version, or the reason cannot be.
        HubAccessError, HubConflictError, HubUnavailableError: as for `publish`.
    """
    name = parse_repository(repo)
    parse_tag(version)
    try:
        why = checked_reason(reason)
    except ValueError as error:
        raise ConfigError("This is no reason", "--reason", str(error), "say in a sentence why") from error
    repository = Repository(name, connect(publishing_token(name)), patience or Patience())
    head = repository.head()
    if head is None:
        raise HubMissingError("There is no such repository", name, hint="check the name, and the rights of the token")
    repository.check_write()
    tags = repository.references().tags
    if version not in tags:
        raise ConfigError("There is no such version", name, f"{version} is not among its tags", "check the version")
    done = _done(repository, version)
    if done is None:
        last = newest(tags)
        patch = _next_patch(last or version)
        if dry_run:
            return Yanked(name, version, why, patch, "")
        commit = _commit(repository, head.commit, Yank(version, why), patch)
    else:
        commit, patch = done
        # What stands there is the first reason.
        recorded = read_notices(repository, repository.tree(commit), commit).yank_of(version)
        why = recorded.reason if recorded else why
    if not dry_run:
        repository.tag(patch, commit)
        say(f"{name}: {version} is yanked; {patch} says so")
    return Yanked(name, version, why, patch, commit)


def _done(repository: Repository, version: str) -> tuple[str, str] | None:
    """Return the commit that has yanked a version, and the tag that it is to have; None if there is none."""
    for commit in repository.commits(MAIN):
        title = _TITLE.fullmatch(commit.title)
        if title is not None and title[1] == version:
            return commit.id, title[2]
    return None


def _next_patch(tag: str) -> str:
    major, minor, patch = parse_tag(tag)
    return f"v{major}.{minor}.{patch + 1}"


def _commit(repository: Repository, head: str, yanked: Yank, patch: str) -> str:
    from huggingface_hub import CommitOperationAdd

    tree = repository.tree(head)
    said = _with(read_notices(repository, tree, head), yanked)
    file = tree.get(layout.CARD)
    card = repository.read(file, head, limit=_CARD_BYTES) if file else b""
    operations: list[Operation] = [
        CommitOperationAdd(layout.CARD, notices.with_notices(card, said)),
        CommitOperationAdd(layout.NOTICES, notices.to_bytes(said)),
    ]
    return repository.commit(MAIN, head, operations, f"Yank {yanked.version} [{patch}]", yanked.reason)


def _with(said: Notices, yanked: Yank) -> Notices:
    others = [each for each in said.yanked if each.version != yanked.version]
    return replace(said, yanked=tuple(sorted([*others, yanked], key=lambda each: parse_tag(each.version))))
