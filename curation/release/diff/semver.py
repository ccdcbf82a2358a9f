"""What a new version of a release has to be called: schema is major, rows are minor, the rest is a patch.

Numbers are as in Semantic Versioning 2.0.0, but without its exception for versions below 1.0.0: whoever reads a
release by its columns must be able to trust the first number from the start.
"""

from __future__ import annotations

import re
from typing import Literal

from curation.errors import ReleaseError

Level = Literal["none", "patch", "minor", "major"]
LEVELS: tuple[Level, ...] = ("none", "patch", "minor", "major")

_VERSION = re.compile(r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})")


def parse_version(version: object, *, where: str = "") -> tuple[int, int, int]:
    """Return the three numbers of a version.

    Raises:
        ReleaseError: if it is not of the form `1.2.3`.
    """
    match = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if match is None:
        why = f"a version is three numbers, like 1.2.3; found {version!r}"
        raise ReleaseError("The release has no version that can be counted on from", where=where, why=why[:200])
    major, minor, patch = map(int, match.groups())
    return major, minor, patch


def next_version(version: str, level: Level) -> str:
    """Return the smallest version that says that something of this level has changed since `version`.

    Raises:
        ReleaseError: if `version` is not of the form `1.2.3`.
    """
    major, minor, patch = parse_version(version)
    following = {
        "none": (major, minor, patch),
        "patch": (major, minor, patch + 1),
        "minor": (major, minor + 1, 0),
        "major": (major + 1, 0, 0),
    }
    return ".".join(map(str, following[level]))
