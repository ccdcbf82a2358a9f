"""The release that a new one replaces: found at the start, and what its version asks of the new one's."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from curation.config.model import Release as Options
from curation.errors import ConfigError
from curation.release.diff import ReleaseDiff
from curation.release.diff.semver import next_version, parse_version
from curation.release.reader import Release, open_release

_WHY = {
    "none": "nothing but names has changed",
    "patch": "only metadata has changed",
    "minor": "records have changed",
    "major": "the schema has changed",
}


def find_parent(options: Options, base: Path) -> Release | None:
    """Open the release that the new one replaces; the config's path is relative to `base`.

    Raises:
        ConfigError: if the new release's version is not greater than its parent's.
        ReleaseError: if the folder holds no release, or one without a version that can be counted on from.
    """
    if options.parent is None:
        return None
    parent = open_release(base / options.parent)
    before = parse_version(parent.manifest["version"], where=str(parent.path))
    if parse_version(options.version) <= before:
        least = next_version(parent.manifest["version"], "patch")
        why = f"the parent {options.parent} has the version {parent.manifest['version']}"
        raise _wrong(options.version, why, f"{least} for metadata, or more where records or the schema change")
    return parent


def refuse_as_target(options: Options, base: Path, target: Path) -> None:
    """Refuse a parent that the new release would overwrite.

    Raises:
        ConfigError: if the parent lies in the folder `target`.
    """
    if options.parent is not None and (base / options.parent).resolve() == target.resolve():
        why = f"{options.parent} is where the new release goes"
        raise ConfigError(
            "release.parent would be overwritten", why=why, hint="name another folder with --out, and keep the parent"
        )


def check_version(version: str, diff: ReleaseDiff) -> None:
    """Check that a release's version says what has changed since its parent.

    Raises:
        ConfigError: if it is too small; names the least one that is allowed.
    """
    if parse_version(version) < parse_version(diff.next_version):
        why = f"{_WHY[diff.level]} since {diff.earlier['version']}: {_evidence(diff)}"
        raise _wrong(version, why, f"at least {diff.next_version}, since that is a {diff.level} change")


def _wrong(version: str, why: str, least: str) -> ConfigError:
    return ConfigError(
        "release.version does not fit its parent",
        where=f"release.version: {version}",
        why=why,
        hint=f"set it to {least}",
    )


def _evidence(diff: ReleaseDiff) -> str:
    if diff.schema:
        change = diff.schema[0]
        more = f", and {len(diff.schema) - 1} more" if len(diff.schema) > 1 else ""
        return f"{change.view} {change.what}: {change.old or 'nothing'} -> {change.new or 'nothing'}{more}"
    rows = {kind: sum(getattr(diff, kind).values()) for kind in ("added", "removed", "changed")}
    rows |= {f"{kind} without texts": count for kind, count in asdict(diff.recipes).items() if count}
    return ", ".join(f"{count:,} {kind}" for kind, count in rows.items())
