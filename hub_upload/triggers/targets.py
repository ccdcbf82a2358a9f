"""Which release is meant: a folder, or a reference whose revision is looked up once and pinned."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.release import layout, open_release
from hub_upload.calls import Patience, attempt
from hub_upload.client import connect
from hub_upload.errors import HubError, HubMissingError
from hub_upload.references import Reference, is_reference, parse_reference
from hub_upload.repository import RemoteFile, Repository
from hub_upload.triggers.printing import printable
from hub_upload.triggers.protocol import Target

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_COMMIT = re.compile(r"[0-9a-f]{40}")
_MANIFEST_BYTES = 256 << 20


def find_target(text: str, *, client: Callable[[None], HfApi] = connect, patience: Patience | None = None) -> Target:
    """Return the release that a folder or reference stands for. Of one on the Hub only the manifest is fetched.

    Raises:
        ConfigError: if the reference is none.
        ReleaseError: if the folder is no release.
        HubError: if there is no such repository, revision or release.
    """
    if not is_reference(text):
        release = open_release(Path(text).absolute())
        return Target(str(release.path), release.digest)
    reference = parse_reference(text)
    repository = Repository(reference.repository, client(None), patience or Patience())
    commit = repository.resolve(reference.revision)
    if not _COMMIT.fullmatch(commit):
        raise HubError("The Hub names no commit for this revision", text, printable(commit, limit=80))
    try:
        manifest = read_file(repository, layout.MANIFEST, commit, limit=_MANIFEST_BYTES)
    except HubMissingError as error:
        hint = "name a dataset that `curate publish` has made"
        raise HubMissingError("This dataset is not a release", text, f"it holds no {layout.MANIFEST}", hint) from error
    pinned = Reference(reference.organisation, reference.name, commit)
    return Target(str(pinned), hashlib.sha256(manifest).hexdigest(), reference.repository, commit)


def read_file(repository: Repository, path: str, commit: str, *, limit: int) -> bytes:
    """Return the bytes of one file of a repository.

    Raises:
        HubMissingError: if there is none.
        HubError: if it has more than `limit` bytes.
    """
    found: list[Any] = attempt(
        f"{path} cannot be looked at",
        lambda: repository.client.get_paths_info(repository.name, [path], revision=commit, repo_type="dataset"),
        where=repository.name,
        patience=repository.patience,
    )
    sizes = [entry.size for entry in found if entry.path == path and type(getattr(entry, "size", None)) is int]
    if not sizes:
        raise HubMissingError(f"There is no {path}", f"{repository.name}@{commit}")
    return repository.read(RemoteFile(path, sizes[0], "", None), commit, limit=limit)
