"""Releases on the Hugging Face Hub: `hf://datasets/ORG/NAME@REVISION`, and a copy of one on disk.

The client keeps its downloads as links into a store of its own, and the Hub adds files to every repository. A release
holds no links and nothing that its manifest does not list, so that a copy is made beside the client's: real files
(hard links to the store where that is possible, which take no room), without what the Hub has added.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from curation.errors import ConfigError
from curation.release import layout
from hub_upload.calls import status_of, why_of
from hub_upload.errors import HubAccessError, HubError
from hub_upload.inventory import HUB_FILES

PREFIX = "hf://"

_FORM = f"{PREFIX}datasets/ORG/NAME@REVISION"
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
_REVISION = r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}(?:/[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}){0,4}"
_REFERENCE = re.compile(rf"{PREFIX}datasets/({_NAME})/({_NAME})(?:@({_REVISION}))?")
_REPOSITORY = re.compile(rf"({_NAME})/({_NAME})")
_TIMEOUTS = {"HF_HUB_DOWNLOAD_TIMEOUT": "60", "HF_HUB_ETAG_TIMEOUT": "30"}
_SHOWN_CHARS = 200
_LOGIN = "check the name; if the dataset is private, `hf auth login`"
_OFFLINE = "run again with a network, and without HF_HUB_OFFLINE; what was downloaded once is found without either"


@dataclass(frozen=True, slots=True)
class Reference:
    """A release on the Hub.

    Attributes:
        organisation: owner of the repository.
        name: of the repository.
        revision: branch, tag or commit; None for the default branch.
    """

    organisation: str
    name: str
    revision: str | None = None

    @property
    def repository(self) -> str:
        """The repository as the client names it."""
        return f"{self.organisation}/{self.name}"

    def __str__(self) -> str:
        return f"{PREFIX}datasets/{self.repository}" + (f"@{self.revision}" if self.revision else "")


def is_reference(text: str) -> bool:
    """Tell whether a text is meant to be a reference, not a folder."""
    return text.startswith(PREFIX)


def parse_reference(text: str) -> Reference:
    """Parse `hf://datasets/ORG/NAME@REVISION`; the revision may be left out.

    Raises:
        ConfigError: if it is anything else.
    """
    found = _REFERENCE.fullmatch(text)
    if found is None or ".." in text or "--" in f"{found[1]}/{found[2]}":
        raise ConfigError(
            "This is not a reference to a dataset on the Hub", why=f"{text!r:.{_SHOWN_CHARS}}", hint=_FORM
        )
    return Reference(found[1], found[2], found[3])


def parse_repository(text: str) -> str:
    """Return the name of a dataset repository if it is one: `ORG/NAME`.

    Raises:
        ConfigError: if it is anything else.
    """
    if not _REPOSITORY.fullmatch(text) or ".." in text or "--" in text:
        raise ConfigError("This is not the name of a repository", why=f"{text!a:.{_SHOWN_CHARS}}", hint="ORG/NAME")
    return text


def local_release(reference: Reference, *, cache: Path | None = None) -> Path:
    """Return a folder with the release that a reference names, downloaded if need be. Nothing is verified.

    Args:
        reference: the reference.
        cache: where copies of releases are kept, by commit; in the user's cache folder by default.

    Raises:
        ConfigError: if huggingface_hub is not installed.
        HubError: if there is no such repository or revision, the network is not there, or what was found is no release.
        HubAccessError: if the repository is private or gated, and we are not let in.
    """
    snapshot = _download(reference)
    if not (snapshot / layout.MANIFEST).is_file():
        hint = "name a dataset that `curate publish` has made"
        raise HubError("This dataset is not a release", str(reference), f"it holds no {layout.MANIFEST}", hint)
    root = _default_cache() if cache is None else cache
    target = root / f"{reference.organisation}--{reference.name}" / snapshot.name
    if not target.is_dir():
        _copy(snapshot, target)
    return target


def release_folder(text: str, *, cache: Path | None = None) -> Path:
    """Return the folder of a release that is given as a folder or as a reference; see `local_release`."""
    return local_release(parse_reference(text), cache=cache) if is_reference(text) else Path(text)


def _download(reference: Reference) -> Path:
    """Return the client's own snapshot, whose name is the commit."""
    # The client reads them when it is imported.
    for name, seconds in _TIMEOUTS.items():
        os.environ.setdefault(name, seconds)
    try:
        from huggingface_hub import errors, snapshot_download
    except ImportError as error:
        hint = "pip install 'ml-embed-curation[hub]'"
        raise ConfigError("Releases on the Hub need huggingface_hub", str(reference), str(error), hint) from error
    try:
        return Path(snapshot_download(reference.repository, repo_type="dataset", revision=reference.revision))
    except Exception as error:  # what proxies, sockets and disks raise has no common class
        kind = HubAccessError if status_of(error) in (401, 403) else HubError
        for known, what, hint in (
            (errors.GatedRepoError, "The dataset is gated", "ask for access on its page, then `hf auth login`"),
            # The Hub answers so for what is private, too.
            (errors.RepositoryNotFoundError, "The dataset was not found, or is private", _LOGIN),
            (errors.RevisionNotFoundError, "The dataset has no such revision", "name another after the @"),
            (errors.LocalEntryNotFoundError, "The dataset cannot be fetched, and is not in the cache", _OFFLINE),
        ):
            if isinstance(error, known):
                raise kind(what, str(reference), why_of(error), hint) from error
        raise kind("The dataset cannot be downloaded", str(reference), why_of(error), "run again later") from error


def _default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ml-embed-curation" / "releases"


def _copy(snapshot: Path, target: Path) -> None:
    """Make the copy whole, or not at all."""
    # The whole of it: the client keeps what it got by xet beside the folders of repositories.
    store = snapshot.parents[2].resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        for path in sorted(snapshot.rglob("*")):
            name = path.relative_to(snapshot).as_posix()
            if path.is_dir() or name in HUB_FILES:
                continue
            file = path.resolve()
            if not file.is_relative_to(store):
                raise HubError("A file of the download lies outside the client's cache", str(path), str(file))
            _place(file, temporary / name)
        try:
            temporary.rename(target)
        except OSError:
            # Another process was faster, or something is in the way.
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        # Another file system, or one without hard links.
        shutil.copyfile(source, target)
