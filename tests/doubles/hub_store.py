"""What the double of the Hub holds: repositories, their commits, branches and tags, and the files' contents on disk.

A commit is immutable and holds its whole list of files, so that a reader of one needs no lock; a branch and a tag are
names of commits. Contents lie in a folder under their hashes, as git's blobs or as objects of LFS.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol
from uuid import uuid4

from xet_store import XetStore

LARGEST_BLOB = 10 << 20
LFS_SUFFIXES = (".7z", ".arrow", ".bin", ".gz", ".npy", ".npz", ".parquet", ".safetensors", ".tar", ".zip", ".zst")
ATTRIBUTES = "".join(f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LFS_SUFFIXES).encode()
_PIECE = 1 << 20
# A part of what git-check-ref-format allows; what a client has no reason to send is refused.
_REFERENCE = re.compile(r"(?!refs/)[A-Za-z0-9_][A-Za-z0-9._+-]*(?:/[A-Za-z0-9_][A-Za-z0-9._+-]*)*")


class HubError(Exception):
    """An answer other than the one asked for.

    Attributes:
        code: what stands in `X-Error-Code`, by which the client picks the exception to raise.
    """

    def __init__(self, status: int, message: str, code: str = "", extra: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.extra = status, message, code, dict(extra or {})


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a commit: git's id of it (of its pointer, where it is in LFS), its size, its sha256 if it is in LFS."""

    oid: str
    size: int
    sha256: str | None = None

    @property
    def etag(self) -> str:
        return self.sha256 or self.oid


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit; `touched` gives, for each file, the number in the repository's log of the commit that changed it."""

    id: str
    number: int
    parent: str | None
    title: str
    description: str
    author: str
    date: str
    files: Mapping[str, Entry]
    touched: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """A reference that was made (no old commit), moved or removed (no new one)."""

    repo: Repo
    ref: str
    old: str | None
    new: str | None


class Repo:
    """A repository.

    Attributes:
        kind: `model`, `dataset` or `space`.
        branches: commit ids by name; so are `tags`.
        log: all commits in the order in which they were made.
        objects: sha256 of the LFS objects that were uploaded to it.
    """

    def __init__(self, kind: str, name: str, *, private: bool) -> None:
        self.kind, self.name = kind, name
        self.private = private
        self.gated: str | bool = False
        self.created = now()
        self.branches: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.log: list[Commit] = []
        self.objects: set[str] = set()

    @property
    def namespace(self) -> str:
        return self.name.partition("/")[0]

    @property
    def head(self) -> Commit:
        return self.resolve("main")

    def resolve(self, revision: str) -> Commit:
        """Return the commit that a branch, a tag or (the start of) a commit's id names."""
        named = self.branches.get(revision.removeprefix("refs/heads/")) or self.tags.get(
            revision.removeprefix("refs/tags/")
        )
        wanted = named or (revision if re.fullmatch("[0-9a-f]{7,40}", revision) else None)
        for commit in reversed(self.log):
            if wanted and commit.id.startswith(wanted):
                return commit
        raise no_revision(revision)

    def history(self, commit: Commit) -> Iterator[Commit]:
        """Yield a commit and those before it."""
        by_id = {each.id: each for each in self.log}
        while True:
            yield commit
            if commit.parent is None:
                return
            commit = by_id[commit.parent]


class Change(Protocol):
    """One line of a commit."""

    def apply(self, files: dict[str, Entry], repo: Repo, contents: Contents) -> None: ...


@dataclass(frozen=True, slots=True)
class AddBlob:
    path: str
    data: bytes

    def apply(self, files: dict[str, Entry], repo: Repo, contents: Contents) -> None:
        if len(self.data) > LARGEST_BLOB:
            raise HubError(400, f"Your push was rejected: {self.path} is larger than 10 MiB, use LFS.")
        files[_fit(self.path, files)] = contents.add_blob(self.data)


@dataclass(frozen=True, slots=True)
class AddObject:
    """An LFS object that the repository has; a copy names no size."""

    path: str
    sha256: str
    size: int | None = None

    def apply(self, files: dict[str, Entry], repo: Repo, contents: Contents) -> None:
        size = contents.size_of(repo, self.sha256)
        if size is None or self.size not in (None, size):
            raise HubError(400, f"LFS pointer pointed to a file that does not exist: {self.path}")
        pointer = pointer_of(self.sha256, size)
        files[_fit(self.path, files)] = Entry(git_oid(pointer), size, self.sha256)


@dataclass(frozen=True, slots=True)
class DeleteFile:
    path: str

    def apply(self, files: dict[str, Entry], repo: Repo, contents: Contents) -> None:
        if files.pop(self.path, None) is None:
            raise no_entry(f"A file with this name doesn't exist: {self.path}")


@dataclass(frozen=True, slots=True)
class DeleteFolder:
    path: str

    def apply(self, files: dict[str, Entry], repo: Repo, contents: Contents) -> None:
        within = [path for path in files if path.startswith(self.path.rstrip("/") + "/")]
        if not within:
            raise no_entry(f"A folder with this name doesn't exist: {self.path}")
        for path in within:
            del files[path]


class Contents:
    """The bytes of all repositories, in a folder.

    Attributes:
        received: bytes of LFS objects that came by HTTP, those of failed uploads too.
    """

    def __init__(self, folder: Path, xet: XetStore) -> None:
        self.xet = xet
        self.received = 0
        self._blobs, self._objects, self._arriving = (folder / name for name in ("blobs", "objects", "arriving"))
        self._lock = threading.Lock()
        for each in (self._blobs, self._objects, self._arriving):
            each.mkdir(parents=True, exist_ok=True)

    def add_blob(self, data: bytes) -> Entry:
        oid = git_oid(data)
        self._keep(self._blobs / oid, lambda out: out.write(data))
        return Entry(oid, len(data))

    def receive(self, stream: BinaryIO, sha256: str, size: int) -> None:
        """Take an object in, and refuse it if it is not the one that was announced."""
        digest = hashlib.sha256()
        path = self._arriving / uuid4().hex
        with path.open("wb") as out:
            while piece := stream.read(_PIECE):
                digest.update(piece)
                out.write(piece)
                with self._lock:
                    self.received += len(piece)
        if digest.hexdigest() != sha256 or path.stat().st_size != size:
            path.unlink()
            raise HubError(400, f"The bytes are not those of object {sha256}.")
        path.replace(self._objects / sha256)

    def has(self, sha256: str) -> bool:
        return (self._objects / sha256).exists()

    def size_of(self, repo: Repo, sha256: str) -> int | None:
        """Return an object's size if the repository may use it: uploaded to it, or lying in the xet store."""
        if sha256 in repo.objects:
            return (self._objects / sha256).stat().st_size
        file = self.xet.find(sha256)
        return file.size if file else None

    def path_of(self, entry: Entry) -> Path:
        """Return the file that holds an entry's bytes; those of the xet store are put together when first asked for."""
        if entry.sha256 is None:
            return self._blobs / entry.oid
        path = self._objects / entry.sha256
        if not path.exists():
            file = self.xet.find(entry.sha256)
            assert file is not None
            self._keep(path, lambda out: self.xet.write(file, out))
        return path

    def _keep(self, path: Path, write: Callable[[BinaryIO], object]) -> None:
        arriving = self._arriving / uuid4().hex
        with arriving.open("wb") as out:
            write(out)
        arriving.replace(path)


class HubStore:
    """All repositories.

    Attributes:
        listeners: called after each change of a reference.
    """

    def __init__(self, folder: Path) -> None:
        self.repos: dict[tuple[str, str], Repo] = {}
        self.xet = XetStore(folder / "cas")
        self.contents = Contents(folder, self.xet)
        self.listeners: list[Callable[[RefUpdate], None]] = []
        self.lock = threading.RLock()

    def create_repo(self, kind: str, name: str, *, private: bool = False, author: str = "somebody") -> Repo:
        with self.lock:
            if (kind, name) in self.repos:
                raise HubError(409, f"You already created this {kind} repo: {name}")
            repo = self.repos[kind, name] = Repo(kind, name, private=private)
            first = self._make(repo, None, (AddBlob(".gitattributes", ATTRIBUTES),), "initial commit", "", author)
            self._point(repo, "refs/heads/main", first.id)
        return repo

    def dataset(self, name: str) -> Repo:
        return self.repos["dataset", name]

    def commit(
        self,
        repo: Repo,
        changes: Sequence[Change],
        title: str,
        *,
        branch: str = "main",
        description: str = "",
        author: str = "somebody",
        parent: str | None = None,
    ) -> Commit:
        """Put a commit on a branch, all of it or nothing.

        Args:
            parent: (the start of) the id that the branch's head must have.

        Raises:
            HubError: as the Hub refuses: no such branch, another head, a missing file or object, a bad path.
        """
        branch = branch.removeprefix("refs/heads/")
        with self.lock:
            if branch not in repo.branches:
                raise no_revision(branch)
            head = repo.resolve(repo.branches[branch])
            if parent is not None and not head.id.startswith(parent.lower()):
                raise HubError(412, "A commit has happened since. Please refresh and try again.")
            made = self._make(repo, head, changes, title, description, author)
            self._point(repo, f"refs/heads/{branch}", made.id)
        return made

    def create_branch(self, repo: Repo, name: str, start: str | None = None) -> None:
        with self.lock:
            ref = _reference("heads", name)
            if name in repo.branches:
                raise HubError(409, f"Reference {ref} already exists")
            self._point(repo, ref, repo.resolve(start or "main").id)

    def delete_branch(self, repo: Repo, name: str) -> None:
        with self.lock:
            if name == "main":
                raise HubError(403, "Cannot delete refs/heads/main")
            if name not in repo.branches:
                raise no_revision(name)
            self._point(repo, f"refs/heads/{name}", None)

    def create_tag(self, repo: Repo, name: str, revision: str) -> None:
        with self.lock:
            commit, ref = repo.resolve(revision), _reference("tags", name)
            if name in repo.tags:
                raise HubError(409, f"Tag {ref} already exists")
            self._point(repo, ref, commit.id)

    def delete_tag(self, repo: Repo, name: str) -> None:
        with self.lock:
            if name not in repo.tags:
                raise no_revision(name)
            self._point(repo, f"refs/tags/{name}", None)

    def _make(
        self, repo: Repo, parent: Commit | None, changes: Sequence[Change], title: str, description: str, author: str
    ) -> Commit:
        before = parent.files if parent else {}
        files = dict(before)
        for change in changes:
            change.apply(files, repo, self.contents)
        number = len(repo.log)
        touched = {
            path: parent.touched[path] if parent and before.get(path) == entry else number
            for path, entry in files.items()
        }
        parent_id = parent.id if parent else None
        # Of all that it holds: a client's cache takes two commits with one id for the same files.
        held = repr((repo.kind, repo.name, number, parent_id, title, description, sorted(files.items())))
        identity = hashlib.sha1(held.encode()).hexdigest()
        commit = Commit(identity, number, parent_id, title, description, author, now(), files, touched)
        repo.log.append(commit)
        return commit

    def _point(self, repo: Repo, ref: str, commit: str | None) -> None:
        _, kind, name = ref.split("/", 2)
        names = repo.branches if kind == "heads" else repo.tags
        old = names.pop(name, None)
        if commit is not None:
            names[name] = commit
        for listener in self.listeners:
            listener(RefUpdate(repo, ref, old, commit))


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def git_oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0%b" % (len(data), data)).hexdigest()


def pointer_of(sha256: str, size: int) -> bytes:
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def no_revision(name: str) -> HubError:
    return HubError(404, f"Invalid rev id: {name}", "RevisionNotFound")


def no_entry(message: str) -> HubError:
    return HubError(404, message, "EntryNotFound")


def _reference(kind: str, name: str) -> str:
    if not _REFERENCE.fullmatch(name) or ".." in name or name.endswith((".lock", ".")):
        raise HubError(400, f"Invalid reference for a {'branch' if kind == 'heads' else 'tag'}: {name}")
    return f"refs/{kind}/{name}"


def _fit(path: str, files: Mapping[str, Entry]) -> str:
    """Return a path that git can hold beside the others."""
    parts = path.split("/")
    if any(part in ("", ".", "..", ".git") for part in parts):
        raise HubError(400, f"Invalid path: {path!r}")
    if any("/".join(parts[:count]) in files for count in range(1, len(parts))):
        raise HubError(400, f"Invalid path: a folder of {path!r} is a file")
    return path
