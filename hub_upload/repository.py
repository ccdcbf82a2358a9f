"""A dataset repository on the Hub: what publishing and verifying ask of it, each call tried until its end is known."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from hub_upload.calls import Patience, attempt
from hub_upload.errors import HubConflictError, HubError, HubMissingError

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, DatasetInfo, HfApi

    Operation: TypeAlias = CommitOperationAdd | CommitOperationCopy | CommitOperationDelete

T = TypeVar("T")

MAIN = "main"
_KIND = "dataset"


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a revision.

    Attributes:
        path: path in the repository.
        size: in bytes.
        blob: SHA-1 of the git blob; of a large file, that of its pointer.
        sha256: digest of a large file's bytes, None for one that is stored in git.
    """

    path: str
    size: int
    blob: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Head:
    """The default branch of a repository.

    Attributes:
        commit: its newest commit.
        private: whether only its owners see the repository.
    """

    commit: str
    private: bool


@dataclass(frozen=True, slots=True)
class References:
    """Branches and tags: name to commit."""

    branches: dict[str, str]
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit: its id, title and the rest of its message."""

    id: str
    title: str
    message: str = ""


@dataclass(frozen=True)
class Repository:
    """A dataset repository.

    Every method raises `HubUnavailableError` if the Hub does not answer in time however often it is asked, and
    `HubAccessError`, `HubMissingError`, `HubConflictError` or `HubError` as it answers.

    Attributes:
        name: `ORG/NAME`.
        client: the client.
        patience: how often calls are tried.
    """

    name: str
    client: HfApi
    patience: Patience = field(default_factory=Patience)

    def who(self) -> str:
        """Return the name of whoever the token belongs to."""
        found: dict[str, Any] = self._attempt("The Hub does not know the token", self.client.whoami)
        return str(found.get("name", ""))

    def head(self) -> Head | None:
        """Return the state of the default branch, or None if there is no such repository (or none that we may see)."""
        try:
            info = self._info("The repository cannot be looked at", None)
        except HubMissingError:
            return None
        if info.sha is None:
            raise HubError("The repository has no commit", self.name, hint="write a README.md on its page")
        return Head(info.sha, bool(info.private))

    def create(self, *, private: bool) -> None:
        """Create the repository; it is no error if it is there."""
        self._attempt(
            "The repository cannot be created",
            lambda: self.client.create_repo(self.name, private=private, repo_type=_KIND, exist_ok=True),
        )

    def check_write(self) -> None:
        """Check that the token may write."""
        self._attempt(
            "The token may not write to the repository",
            lambda: self.client.auth_check(self.name, repo_type=_KIND, write=True),
        )

    def references(self) -> References:
        """Return all branches and tags."""
        return self._attempt("The branches and tags cannot be listed", self._references)

    def commits(self, revision: str) -> list[Commit]:
        """Return the commits of a revision, the newest first."""
        return self._attempt(f"The commits of {revision} cannot be listed", lambda: self._commits(revision))

    def resolve(self, revision: str | None) -> str:
        """Return the commit that a branch, tag or commit stands for; the default branch's without one."""
        info = self._info("The revision cannot be looked at", revision)
        return str(info.sha)

    def tree(self, revision: str) -> dict[str, RemoteFile]:
        """Return all files of a revision by path."""
        return self._attempt(f"The files of {revision} cannot be listed", lambda: self._tree(revision))

    def read(self, file: RemoteFile, revision: str, *, limit: int) -> bytes:
        """Return the bytes of a small file.

        Raises:
            HubError: if it has more than `limit` bytes.
        """
        if file.size > limit:
            why = f"it has {file.size:,} bytes, and {limit:,} at most are read"
            raise HubError("A file on the Hub is too large to be read", f"{self.name}: {file.path}", why)
        return self._attempt(f"{file.path} cannot be read", lambda: self._read(file.path, revision))

    def create_branch(self, branch: str, start: str) -> None:
        """Make a branch from a commit; it is no error if it is there."""
        self._attempt(
            f"The branch {branch} cannot be made",
            lambda: self.client.create_branch(self.name, branch=branch, revision=start, repo_type=_KIND, exist_ok=True),
        )

    def delete_branch(self, branch: str) -> None:
        """Delete a branch; it is no error if it is gone."""
        try:
            self._attempt(
                f"The branch {branch} cannot be deleted",
                lambda: self.client.delete_branch(self.name, branch=branch, repo_type=_KIND),
            )
        except HubMissingError:
            return

    def upload(self, additions: Sequence[CommitOperationAdd], branch: str) -> None:
        """Upload the bytes of large files, without a commit. The Hub keeps what has arrived, whatever happens then."""
        self._attempt(
            "The files cannot be uploaded",
            lambda: self.client.preupload_lfs_files(self.name, additions, repo_type=_KIND, revision=branch),
        )

    def commit(self, branch: str, parent: str, operations: Sequence[Operation], title: str, message: str = "") -> str:
        """Commit to a branch whose head is `parent`; the title must be one that no other commit has.

        Returns:
            The id of the commit; never is there a second one, even if the Hub's answer was lost.

        Raises:
            HubConflictError: if the branch has moved.
        """

        def send() -> str:
            made = self.client.create_commit(
                self.name,
                list(operations),
                commit_message=title,
                commit_description=message,
                repo_type=_KIND,
                revision=branch,
                parent_commit=parent,
            )
            return str(made.oid)

        what = f"The commit to {branch} cannot be made"
        return self._attempt(what, send, done=lambda: self._committed(branch, parent, title))

    def tag(self, tag: str, commit: str) -> None:
        """Tag a commit, and look whether the tag stands there.

        Raises:
            HubConflictError: if the tag is another commit's.
        """
        self._attempt(
            f"The tag {tag} cannot be made",
            lambda: self.client.create_tag(self.name, tag=tag, revision=commit, repo_type=_KIND) or True,
            done=lambda: self._references().tags.get(tag) == commit or None,
        )
        found = self.references().tags.get(tag)
        if found != commit:
            why = f"it stands for {found or 'nothing'}, not {commit}"
            raise HubConflictError(f"The tag {tag} is not where it was set", self.name, why, "look at its page")

    def _attempt(self, what: str, call: Callable[[], T], *, done: Callable[[], T | None] | None = None) -> T:
        return attempt(what, call, where=self.name, patience=self.patience, done=done)

    def _info(self, what: str, revision: str | None) -> DatasetInfo:
        return self._attempt(what, lambda: self.client.dataset_info(self.name, revision=revision))

    def _references(self) -> References:
        refs = self.client.list_repo_refs(self.name, repo_type=_KIND)
        return References(*({ref.name: ref.target_commit for ref in kind} for kind in (refs.branches, refs.tags)))

    def _commits(self, revision: str) -> list[Commit]:
        found = self.client.list_repo_commits(self.name, repo_type=_KIND, revision=revision)
        return [Commit(each.commit_id, each.title, each.message) for each in found]

    def _committed(self, branch: str, parent: str, title: str) -> str | None:
        commits = self._commits(branch)
        # The very commit: of our title, and upon our parent.
        return next(
            (new.id for new, old in itertools.pairwise(commits) if new.title == title and old.id == parent), None
        )

    def _tree(self, revision: str) -> dict[str, RemoteFile]:
        from huggingface_hub.hf_api import RepoFile

        entries = self.client.list_repo_tree(self.name, repo_type=_KIND, revision=revision, recursive=True)
        files = [entry for entry in entries if isinstance(entry, RepoFile)]
        return {
            file.path: RemoteFile(file.path, file.size, file.blob_id, file.lfs.sha256 if file.lfs else None)
            for file in files
        }

    def _read(self, path: str, revision: str) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            found = self.client.hf_hub_download(self.name, path, repo_type=_KIND, revision=revision, local_dir=folder)
            return Path(found).read_bytes()
