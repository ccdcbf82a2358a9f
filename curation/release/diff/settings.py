"""What differs between two manifests: settings, inputs, code, libraries, files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from curation.release import layout
from curation.release.reader import Release

# What says which release this is, not how it was made.
_IDENTITY = ("release.version", "release.date", "release.parent")


@dataclass(frozen=True, slots=True)
class Change:
    """A value that differs.

    Attributes:
        key: its name; parts are joined by dots, sources stand under their names.
        old: the earlier release's value, None if it has none.
        new: the later release's, likewise.
    """

    key: str
    old: Any
    new: Any

    @property
    def edits(self) -> str:
        """What left a list and what came into it, `-one +other`; empty where not both values are lists of strings."""
        lists = (self.old, self.new)
        if not all(isinstance(value, list) and all(isinstance(item, str) for item in value) for value in lists):
            return ""
        gone, come = set(self.old) - set(self.new), set(self.new) - set(self.old)
        return " ".join([*(f"-{item}" for item in sorted(gone)), *(f"+{item}" for item in sorted(come))])


def changed_settings(earlier: Release, later: Release) -> list[Change]:
    """Return the settings of the configs that differ, by key; a setting that is missing is as good as null."""
    one, other = (flatten(release.manifest["config"]) for release in (earlier, later))
    return [change for change in _changes(one, other) if change.key not in _IDENTITY]


def changed_inputs(earlier: Release, later: Release) -> list[Change]:
    """Return the input files whose digests differ, as `source: file`, and the evaluation sets' likewise."""
    return _changes(_inputs(earlier), _inputs(later))


def changed_versions(earlier: Release, later: Release) -> list[Change]:
    """Return what made the releases where it differs: the digest of the code, and the versions of the libraries."""
    one, other = (
        flatten({name: release.manifest.get(name) for name in ("code", "versions")}) for release in (earlier, later)
    )
    return _changes(one, other)


def changed_files(earlier: Release, later: Release) -> list[Change]:
    """Return the files whose digests differ; shards among them."""
    one, other = ({file.path: file.sha256 for file in release.files} for release in (earlier, later))
    return _changes(one, other)


def is_shard(path: str) -> bool:
    """Say whether a file of a release holds rows, with texts or without."""
    return layout.parse_shard(path) is not None or layout.parse_recipe(path) is not None


def flatten(value: Any, key: str = "") -> dict[str, Any]:
    """Return the values of nested mappings by their keys, joined with dots.

    A list of mappings that all have a `name` is taken as a mapping by that name; every other list is a value.
    """
    if isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
        value = {str(item["name"]): item for item in value}
    if not isinstance(value, dict):
        return {key: value}
    flat: dict[str, Any] = {}
    for name, item in value.items():
        flat |= flatten(item, f"{key}.{name}" if key else str(name))
    return flat


def _inputs(release: Release) -> dict[str, Any]:
    found = {}
    for name, source in release.manifest["sources"].items():
        for entry in source["inputs"]:
            found[f"{name}: {entry.get('file', '')}"] = entry.get("sha256", entry)
    for item in release.manifest.get("evaluation", []):
        for entry in item["files"]:
            found[f"{item['task']} ({item['split']}): {entry.get('file', '')}"] = entry.get("sha256", entry)
    return found


def _changes(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[Change]:
    keys = sorted({*one, *other})
    return [Change(key, one.get(key), other.get(key)) for key in keys if one.get(key) != other.get(key)]
