"""A release that is to be published: sealed, sound, judged, and named as the Hub will name it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from curation.errors import ConfigError, CurationError, GateFailedError, ReleaseError
from curation.release import Release, layout, open_release
from curation.release.notices import Notices, Yank, checked_reason
from curation.release.verify import check_files
from hub_upload.inventory import LocalFile, local_files, read_additions, sha256_of

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

_TAG = re.compile(r"v(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
# What a config's `release.version` is where nobody has set it.
_UNVERSIONED = "0.1.0"
_DIGITS = 12
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A release that may be published.

    Attributes:
        release: the release; all its files are as its manifest says.
        tag: `vX.Y.Z`.
        notices: what is to be said of it, without what was yanked.
        verdict: what the gate said: pass, fail, error or none.
        additions: the operation that adds each file whose bytes are the manifest's, by path; each good for one commit.
    """

    release: Release
    tag: str
    notices: Notices
    verdict: str
    additions: Mapping[str, CommitOperationAdd]

    @property
    def short(self) -> str:
        """The first digits of the manifest's digest."""
        return self.release.digest[:_DIGITS]

    @property
    def title(self) -> str:
        """Title of the one commit that puts the release onto the default branch."""
        return f"Release {self.tag} [manifest sha256:{self.short}]"

    @property
    def staging(self) -> str:
        """Branch in which it is put together: two releases that want one version do not meet there."""
        return f"{staging_prefix(self.tag)}{self.short}"

    def files(self, yanked: tuple[Yank, ...]) -> dict[str, LocalFile]:
        """Return all files as they are to stand on the Hub, where these versions were yanked."""
        return local_files(self.release, replace(self.notices, yanked=yanked))


def staging_prefix(tag: str) -> str:
    """Return how the names of the branches begin in which a version is put together."""
    return f"staging/{tag}-"


def parse_tag(tag: str) -> tuple[int, int, int]:
    """Return the three numbers of a version `vX.Y.Z`.

    Raises:
        ConfigError: if it is anything else.
    """
    found = _TAG.fullmatch(tag)
    if found is None:
        raise ConfigError("This is not a version", "--version", f"{tag!a:.60}", "say it as vX.Y.Z: v1.0.0")
    return int(found[1]), int(found[2]), int(found[3])


def newest(tags: dict[str, str]) -> str | None:
    """Return the greatest version among tags, or None; tags that are no versions are somebody else's."""
    return max((tag for tag in tags if _TAG.fullmatch(tag)), key=parse_tag, default=None)


def candidate(path: Path, tag: str, *, override: str = "") -> Candidate:
    """Check a release and its verdict.

    Args:
        path: folder of the release.
        tag: `vX.Y.Z`; the release's own version, unless its config states none.
        override: why to publish it although the gate has not passed it.

    Raises:
        ConfigError: if the version or the reason cannot be.
        ReleaseError: if a file is not as the manifest says.
        GateFailedError: if the gate has not passed exactly this release, and there is no reason to override it.
    """
    parse_tag(tag)
    release = open_release(path)
    additions = read_additions(release)
    if layout.CARD not in {file.path for file in release.files}:
        raise ReleaseError(
            "The release has no card", str(path), f"its manifest lists no {layout.CARD}", "make it again"
        )
    wrong = list(check_files(release, lambda file: sha256_of(additions[file.relative_to(release.path).as_posix()])))
    if wrong:
        shown = "; ".join(f"{finding.path}: {finding.problem}" for finding in wrong[:_SHOWN])
        why = f"{len(wrong):,} finding(s): {shown}"
        raise ReleaseError("The release is not what its manifest says", str(path), why, f"curate verify {path}")
    published_as = _published_as(release, tag)
    verdict, why = _verdict(release)
    if verdict != "pass" and not override:
        hint = f"curate gate {path}; or, if it is to be published as it is: --override 'REASON'"
        raise GateFailedError("The gate has not passed this release", str(path), why, hint)
    reason = _reason(override) if verdict != "pass" else ""
    return Candidate(release, tag, Notices(published_as, reason, verdict if reason else ""), verdict, additions)


def _published_as(release: Release, tag: str) -> str:
    stated = release.manifest["version"]
    if f"v{stated}" == tag:
        return ""
    if stated != _UNVERSIONED:
        own = f"--version v{stated}, or " if _TAG.fullmatch(f"v{stated}") else ""
        hint = f"{own}set release.version in the config and run it again"
        raise ConfigError("The release has another version", "--version", f"its manifest says {stated!a:.60}", hint)
    return tag


def _reason(text: str) -> str:
    try:
        return checked_reason(text)
    except ValueError as error:
        raise ConfigError("This is no reason", "--override", str(error), "say in a sentence why") from error


def _verdict(release: Release) -> tuple[str, str]:
    """Return what the gate said about exactly this release, and why that is not enough if it is not."""
    try:
        verdict = release.verdict
    except CurationError as error:
        return "none", error.why
    if verdict is None:
        return "none", "it holds no verdict"
    about = verdict.get("release")
    digest = about.get("manifest_sha256") if isinstance(about, dict) else None
    if digest != release.digest:
        spoken_about = ascii(str(digest)[:_DIGITS]).strip("'")
        return "none", f"its verdict speaks about the release {spoken_about}, not {release.digest[:_DIGITS]}"
    status = verdict.get("status")
    return (status, f"its verdict is {status}") if status in ("pass", "fail", "error") else ("none", "no known verdict")
