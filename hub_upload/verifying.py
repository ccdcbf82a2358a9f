"""Re-checking a release on the Hub, without downloading it: digests by what the Hub says, rows and columns by footers.

The Hub computes the digest of what it stores and gives it with the list of files, so that nothing but the small files
and the last kilobytes of each shard has to move. Whoever does not want to rely on that downloads everything.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from curation.errors import ReleaseError
from curation.release import Release, ReleaseFile, layout, open_release
from curation.release.notices import Yank
from curation.release.verify import Finding, check_file, check_footer, check_verdict, verify_release
from hub_upload.calls import Patience, attempt
from hub_upload.client import connect
from hub_upload.inventory import HUB_FILES, Tree
from hub_upload.publishing import read_notices
from hub_upload.references import Reference, local_release
from hub_upload.repository import MAIN, RemoteFile, Repository

_MANIFEST_BYTES = 256 << 20
_SMALL_BYTES = 64 << 20
_THREADS = 8


@dataclass(frozen=True, slots=True)
class RemoteCheck:
    """What was found about a release on the Hub.

    Attributes:
        release: its manifest; the files lie in no folder.
        commit: the commit that was checked.
        findings: what is not as the manifest says.
        yanked: why it must not be used, or None.
    """

    release: Release
    commit: str
    findings: tuple[Finding, ...]
    yanked: Yank | None


def verify_remote(reference: Reference, *, deep: bool = False, patience: Patience | None = None) -> RemoteCheck:
    """Check every file of a release on the Hub.

    Args:
        reference: the release.
        deep: download everything and hash it here.
        patience: how often calls are tried.

    Raises:
        ReleaseError: if there is no manifest, or none that can be understood.
        HubAccessError, HubMissingError, HubUnavailableError: as the Hub answers.
    """
    repository = Repository(reference.repository, connect(None), patience or Patience())
    commit = repository.resolve(reference.revision)
    tree = repository.tree(commit)
    if layout.MANIFEST not in tree:
        hint = "name a dataset that `curate publish` has made"
        raise ReleaseError("This dataset is not a release", str(reference), f"it holds no {layout.MANIFEST}", hint)
    if deep:
        pinned = Reference(reference.organisation, reference.name, commit)
        release, findings = verify_release(local_release(pinned))
    else:
        with tempfile.TemporaryDirectory() as folder:
            release, findings = _check(repository, commit, tree, Path(folder))
    return RemoteCheck(release, commit, tuple(findings), _yank(repository, reference, commit, tree, release))


def _check(repository: Repository, commit: str, tree: Tree, folder: Path) -> tuple[Release, list[Finding]]:
    """Check by what the Hub says; small files are fetched into a folder."""
    _fetch(repository, commit, tree[layout.MANIFEST], folder, _MANIFEST_BYTES)
    release = open_release(folder)
    findings = [finding for file in release.files for finding in _check_listed(repository, commit, tree, release, file)]
    known = {file.path for file in release.files} | {*layout.OUTSIDE_MANIFEST, *HUB_FILES}
    findings += [Finding(path, "added", "the manifest does not list it") for path in sorted(tree) if path not in known]
    wrong = {finding.path for finding in findings}
    shards = [file for file in release.files if file.rows is not None and file.path not in wrong]
    with ThreadPoolExecutor(_THREADS) as pool:
        for found in pool.map(lambda file: _check_shard(repository, commit, file), shards):
            findings += found
    if layout.VERDICT in tree:
        _fetch(repository, commit, tree[layout.VERDICT], folder, _SMALL_BYTES)
        findings += check_verdict(release)
    return release, findings


def _check_listed(
    repository: Repository, commit: str, tree: Tree, release: Release, file: ReleaseFile
) -> Iterator[Finding]:
    remote = tree.get(file.path)
    if remote is None:
        yield Finding(file.path, "missing", f"{file.bytes:,} bytes expected")
    elif file.path != layout.CARD and remote.size != file.bytes:
        yield Finding(file.path, "changed", f"{file.bytes:,} bytes expected, {remote.size:,} found")
    elif remote.sha256 is None:
        _fetch(repository, commit, remote, release.path, _SMALL_BYTES)
        yield from check_file(release, file)
    elif remote.sha256 != file.sha256:
        yield Finding(file.path, "changed", f"sha256 {file.sha256} expected, {remote.sha256} found")


def _fetch(repository: Repository, commit: str, file: RemoteFile, folder: Path, limit: int) -> None:
    target = folder / layout.checked_path(file.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(repository.read(file, commit, limit=limit))


def _check_shard(repository: Repository, commit: str, file: ReleaseFile) -> list[Finding]:
    """Check rows and columns of a shard by its footer."""
    return attempt(
        f"The footer of {file.path} cannot be read",
        lambda: _read_footer(repository, commit, file),
        where=f"{repository.name}@{commit}",
        patience=repository.patience,
    )


def _read_footer(repository: Repository, commit: str, file: ReleaseFile) -> list[Finding]:
    from huggingface_hub import HfFileSystem

    store = HfFileSystem(endpoint=repository.client.endpoint, token=repository.client.token)
    path = PurePosixPath("datasets", f"{repository.name}@{commit}", file.path)
    # Without a cache each read is a request of just these bytes.
    with store.open(str(path), cache_type="none") as stream:
        return check_footer(stream, file)


def _yank(repository: Repository, reference: Reference, commit: str, tree: Tree, release: Release) -> Yank | None:
    """Return the yank of a release, as the default branch says now, whatever it was when the release was published."""
    references = repository.references()
    head = references.branches.get(MAIN)
    if head is None:
        return None
    said = read_notices(repository, repository.tree(head), head)
    own = read_notices(repository, tree, commit).published_as or f"v{release.manifest['version']}"
    tags = [tag for tag, target in references.tags.items() if target == commit]
    return next((found for tag in (reference.revision, own, *tags) if tag and (found := said.yank_of(tag))), None)
