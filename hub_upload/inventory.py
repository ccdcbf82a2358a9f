"""The files of a release as they are to stand on the Hub, and what that changes there."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from curation.errors import ReleaseError
from curation.files import sha256_file
from curation.release import Release, layout, notices
from curation.release.notices import Notices
from hub_upload.repository import RemoteFile

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

Tree = Mapping[str, RemoteFile]
"""The files of a revision by path."""

# What the Hub itself adds to a repository.
HUB_FILES = (".gitattributes",)
_BLOCK_BYTES = 1 << 20
# Hashing leaves the interpreter to others; more threads would only wait for the disk.
_THREADS = 4


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file to publish.

    Attributes:
        path: path in the release, and in the repository.
        size: in bytes.
        sha256: digest of its bytes.
        content: where its bytes are, or the bytes themselves where no file has them.
    """

    path: str
    size: int
    sha256: str
    content: Path | bytes

    def is_at(self, remote: RemoteFile | None) -> bool:
        """Tell whether exactly these bytes stand on the Hub. Reads the file if it is stored there in git."""
        if remote is None or remote.size != self.size:
            return False
        return remote.sha256 == self.sha256 if remote.sha256 else remote.blob == self._blob()

    def addition(self) -> CommitOperationAdd:
        """Return the operation that adds the file; it reads and hashes it.

        Raises:
            ReleaseError: if the file has changed since the release was sealed.
        """
        from huggingface_hub import CommitOperationAdd

        content = self.content if isinstance(self.content, bytes) else str(self.content)
        added = CommitOperationAdd(self.path, content)
        if sha256_of(added) != self.sha256:
            why = f"sha256 {self.sha256} expected, {sha256_of(added)} found"
            raise ReleaseError("A file of the release has changed", self.path, why, "make the release again")
        return added

    def _blob(self) -> str:
        """Return the SHA-1 that git gives to a file of these bytes: of its kind, its size and them."""
        digest = hashlib.sha1(f"blob {self.size}\0".encode(), usedforsecurity=False)
        with io.BytesIO(self.content) if isinstance(self.content, bytes) else self.content.open("rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to change on the Hub.

    Attributes:
        added: files that are not there, or otherwise.
        kept: files that are there.
        deleted: paths that are there, and not in the release.
    """

    added: tuple[LocalFile, ...]
    kept: tuple[LocalFile, ...]
    deleted: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.deleted)

    @property
    def bytes_to_move(self) -> int:
        """Bytes of the files that are not there; the Hub may know parts of them, so that less moves."""
        return sum(file.size for file in self.added)


def read_additions(release: Release) -> dict[str, CommitOperationAdd]:
    """Read and hash the files of a release; return the operation that adds each, by path.

    A file that is missing, a link, or of another size than the manifest says has none.
    """
    from huggingface_hub import CommitOperationAdd

    def read(path: str) -> CommitOperationAdd:
        return CommitOperationAdd(path, str(release.path / path))

    paths = [file.path for file in release.files if _has_size(release.path / file.path, file.bytes)]
    with ThreadPoolExecutor(_THREADS) as pool:
        return dict(zip(paths, pool.map(read, paths), strict=True))


def sha256_of(addition: CommitOperationAdd) -> str:
    """Return the digest that an operation has computed of its file."""
    return str(addition.upload_info.sha256.hex())


def local_files(release: Release, said: Notices) -> dict[str, LocalFile]:
    """Return the files of a release by path: those of its manifest, the manifest, what the gate wrote, and notices.

    Args:
        release: the release. Only the files outside of its manifest are read here.
        said: what is to be said of it; the card says it, too.

    Raises:
        ReleaseError: if two names differ in nothing but case: not every file system can hold both.
    """
    listed = (LocalFile(file.path, file.bytes, file.sha256, release.path / file.path) for file in release.files)
    files = {file.path: file for file in (*listed, *_outside(release))}
    # A release that was fetched from the Hub holds the card with what was said there.
    card = notices.with_notices((release.path / layout.CARD).read_bytes(), said)
    files[layout.CARD] = _in_memory(layout.CARD, card)
    if said:
        files[layout.NOTICES] = _in_memory(layout.NOTICES, notices.to_bytes(said))
    folded: dict[str, str] = {}
    for path in files:
        if folded.setdefault(path.casefold(), path) != path:
            why = f"{folded[path.casefold()]} and {path}"
            raise ReleaseError("Two files of the release differ in case only", str(release.path), why)
    return files


def changes(files: Mapping[str, LocalFile], remote: Tree) -> Changes:
    """Return what it takes to make a revision of these files; those that the Hub added itself stay."""
    kept = tuple(file for path, file in sorted(files.items()) if file.is_at(remote.get(path)))
    there = {file.path for file in kept}
    added = tuple(file for path, file in sorted(files.items()) if path not in there)
    deleted = tuple(path for path in sorted(remote) if path not in files and path not in HUB_FILES)
    return Changes(added, kept, deleted)


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size == size


def _in_memory(path: str, data: bytes) -> LocalFile:
    return LocalFile(path, len(data), hashlib.sha256(data).hexdigest(), data)


def _outside(release: Release) -> Iterator[LocalFile]:
    for path in (layout.MANIFEST, layout.VERDICT, layout.GATE_REPORT, layout.JUNIT):
        file = release.path / path
        if file.is_file():
            yield LocalFile(path, file.stat().st_size, sha256_file(file), file)
