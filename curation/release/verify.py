"""Re-checking a release: is every byte what its manifest says, and is there nothing else?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from curation.errors import ReleaseError
from curation.files import sha256_file
from curation.release import layout
from curation.release.notices import without_notices
from curation.release.reader import Release, ReleaseFile, open_release
from curation.release.shards import schema_digest

# More than any notices take in a card.
_NOTICES_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as the manifest says.

    Attributes:
        path: the file.
        problem: one of missing, changed, added, rows, schema, link, verdict.
        detail: expected and found.
    """

    path: str
    problem: str
    detail: str


Digest = Callable[[Path], str]
"""Returns the SHA-256 of a file's bytes."""


def verify_release(path: Path | str) -> tuple[Release, list[Finding]]:
    """Check every file of a release.

    Returns:
        The release, and what is wrong with it: nothing, if it is sound.

    Raises:
        ReleaseError: if there is no manifest that can be understood.
    """
    release = open_release(path)
    return release, [*check_files(release), *check_verdict(release)]


def check_files(release: Release, digest: Digest = sha256_file) -> Iterator[Finding]:
    """Yield what is wrong with the files of a release, whatever the gate has said of it.

    Args:
        release: the release.
        digest: is asked for the digest of each file whose size is right, unless it is a link.
    """
    yield from _check_links(release)
    for file in release.files:
        yield from check_file(release, file, digest)
    yield from _check_extra(release)


def _check_links(release: Release) -> Iterator[Finding]:
    """Yield each symbolic link, to a folder or a file: what lies behind it can change while the release does not."""
    for path in sorted(release.path.rglob("*")):
        if path.is_symlink():
            yield Finding(path.relative_to(release.path).as_posix(), "link", "a release holds no symbolic links")


def check_file(release: Release, file: ReleaseFile, digest: Digest = sha256_file) -> Iterator[Finding]:
    """Yield what is wrong with one file of a release; `digest` as of `check_files`."""
    path = release.path / file.path
    if path.is_symlink():
        return
    if not path.is_file():
        yield Finding(file.path, "missing", f"{file.bytes:,} bytes expected")
    elif file.path == layout.CARD and _is_noticed_card(path, file):
        return
    elif path.stat().st_size != file.bytes:
        yield Finding(file.path, "changed", f"{file.bytes:,} bytes expected, {path.stat().st_size:,} found")
    elif (found := digest(path)) != file.sha256:
        yield Finding(file.path, "changed", f"sha256 {file.sha256} expected, {found} found")
    elif file.rows is not None:
        yield from check_footer(path, file)


def _is_noticed_card(path: Path, file: ReleaseFile) -> bool:
    """Tell whether a card is the manifest's but for the notices of its publisher."""
    if path.stat().st_size > file.bytes + _NOTICES_BYTES:
        return False
    sealed = without_notices(path.read_bytes())
    return hashlib.sha256(sealed).hexdigest() == file.sha256


def check_footer(shard: Path | BinaryIO, file: ReleaseFile) -> list[Finding]:
    """Return where a shard's footer says other things than the manifest; no row is read.

    Raises:
        OSError: if the shard cannot be read; not if what was read is no Parquet.
    """
    try:
        with pq.ParquetFile(shard) as opened:
            rows, schema = opened.metadata.num_rows, schema_digest(opened.schema_arrow)
    except (pa.ArrowException, OSError) as error:
        # Of a footer that is no footer Arrow says so with an OSError, and with no number of one.
        if isinstance(error, OSError) and (error.errno or type(error) is not OSError):
            raise
        return [Finding(file.path, "changed", str(error))]
    wrong = []
    if rows != file.rows:
        wrong.append(Finding(file.path, "rows", f"{file.rows:,} expected, {rows:,} found"))
    if schema != file.schema:
        wrong.append(Finding(file.path, "schema", "the columns are not those of the manifest"))
    return wrong


def _check_extra(release: Release) -> Iterator[Finding]:
    known = {file.path for file in release.files} | set(layout.OUTSIDE_MANIFEST)
    for path in sorted(release.path.rglob("*")):
        name = path.relative_to(release.path).as_posix()
        if name not in known and not path.is_dir() and not path.is_symlink():
            yield Finding(name, "added", "the manifest does not list it")


def check_verdict(release: Release) -> Iterator[Finding]:
    """Yield what is wrong with the verdict of a release, if there is one: it must speak about this release."""
    try:
        verdict = release.verdict
    except ReleaseError as error:
        yield Finding(layout.VERDICT, "verdict", f"it cannot be understood: {error.why}")
        return
    if verdict is not None:
        about = verdict.get("release")
        spoken_about = about.get("manifest_sha256") if isinstance(about, dict) else None
        if spoken_about != release.digest:
            shown = str(spoken_about)[: len(release.digest)]
            yield Finding(layout.VERDICT, "verdict", f"it speaks about the release {shown}, not {release.digest}")
