"""Comparing two releases: records, schema, settings, inputs, code, files; and the version that follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from curation.errors import ReleaseError
from curation.release import layout
from curation.release.diff import settings
from curation.release.diff.reasons import ledger_rules
from curation.release.diff.recipes import RecipeDiff, compare_recipes
from curation.release.diff.rows import RowDiff, Rows, compare_rows
from curation.release.diff.schema import SchemaChange, schema_changes
from curation.release.diff.semver import Level, next_version
from curation.release.diff.settings import Change
from curation.release.reader import Release

NO_LEDGER = "unknown: no ledger"
NOT_READ, SOURCE_LEFT_OUT = "not read", "source left out"
NEW, NEW_SOURCE = "new", "new source"
WITHOUT_TEXTS, WITH_TEXTS = "now without texts", "now with texts"
REPEATED_LESS, REPEATED_MORE = "repeated less often", "repeated more often"
_REPEATED = -2

# They hold the version, so they differ wherever it does, and say nothing that the rest does not say.
_FOLLOWING = (layout.CARD, layout.CHANGELOG, layout.CROISSANT, layout.CITATION)

_Cells = Mapping[tuple[str, str, str], int]


@dataclass(frozen=True, slots=True)
class ReleaseDiff:
    """How a later release differs from an earlier one.

    Attributes:
        earlier: name, version and digest of the earlier release.
        later: those of the later one.
        level: what kind of change it is.
        next_version: smallest version that the later release may have.
        schema: what differs in the schemas.
        shared: records that both have, changed or not.
        added: records that only the later one has, by (language, source, reason).
        removed: records that only the earlier one has, likewise.
        changed: records that both have with other values, by the later one's (language, source).
        columns: the same by (language, source, column); a record counts for each of its columns.
        moves: records by ("split" or "language", where they were, where they are).
        retrained: changed records that differ in what is trained on: a text, the split or the language.
        recipes: rows without texts that differ.
        settings: settings that differ.
        inputs: input files that differ.
        versions: code and libraries that differ.
        files: files other than shards that differ, with their digests.
        shards: number of shards that differ.
    """

    earlier: dict[str, str]
    later: dict[str, str]
    level: Level
    next_version: str
    schema: tuple[SchemaChange, ...]
    shared: int
    added: _Cells
    removed: _Cells
    changed: Mapping[tuple[str, str], int]
    columns: _Cells
    moves: _Cells
    retrained: int
    recipes: RecipeDiff
    settings: tuple[Change, ...]
    inputs: tuple[Change, ...]
    versions: tuple[Change, ...]
    files: tuple[Change, ...]
    shards: int

    def to_json(self) -> dict[str, Any]:
        """Return the whole as JSON values."""
        changed = {
            "rows": sum(self.changed.values()),
            "trained_on": self.retrained,
            "by_language": marginal(self.changed, 0),
            "by_source": marginal(self.changed, 1),
            "by_reason": marginal(self.columns, 2),
            "cells": [dict(zip(("language", "source", "rows"), (*k, n), strict=True)) for k, n in self.changed.items()],
        }
        moves = [dict(zip(("what", "from", "to", "rows"), (*k, n), strict=True)) for k, n in self.moves.items()]
        return {
            "earlier": self.earlier,
            "later": self.later,
            "level": self.level,
            "next_version": self.next_version,
            "schema": [asdict(change) for change in self.schema],
            "shared": self.shared,
            "added": _to_json(self.added),
            "removed": _to_json(self.removed),
            "changed": changed,
            "moves": moves,
            "recipes": asdict(self.recipes),
            **{name: [asdict(change) for change in getattr(self, name)] for name in _CHANGES},
            "shards": self.shards,
        }


@dataclass(frozen=True, slots=True)
class _Words:
    """Why a row is in one release and not in the other, by what the other is like.

    Attributes:
        known: it has the row's source.
        no_source: it has not.
        recipe: it has the source without its texts.
        repeated: it has the record another number of times.
    """

    known: str
    no_source: str
    recipe: str
    repeated: str


_GONE = _Words(NOT_READ, SOURCE_LEFT_OUT, WITHOUT_TEXTS, REPEATED_LESS)
_COME = _Words(NEW, NEW_SOURCE, WITH_TEXTS, REPEATED_MORE)
_CHANGES = ("settings", "inputs", "versions", "files")


def marginal(cells: Mapping[Any, int], axis: int) -> dict[str, int]:
    """Return the rows by one part of the cells' keys, the most rows first, then by name."""
    sums: Counter[str] = Counter()
    for key, rows in cells.items():
        sums[key[axis]] += rows
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))


def diff_releases(
    earlier: Release, later: Release, *, earlier_ledger: Path | None = None, later_ledger: Path | None = None
) -> ReleaseDiff:
    """Compare two releases.

    Args:
        earlier: the release from which is counted.
        later: the release that follows it.
        earlier_ledger: ledger folder of the earlier release's run: why it did not have what was added.
        later_ledger: that of the later one's: why it does not have what was removed.

    Raises:
        ReleaseError: if a release, its manifest or a ledger cannot be read.
    """
    rows, recipes = compare_rows(earlier, later), compare_recipes(earlier, later)
    schema = tuple(schema_changes(earlier, later))
    try:
        found = settings.changed_settings(earlier, later)
        inputs = settings.changed_inputs(earlier, later)
        versions = settings.changed_versions(earlier, later)
        removed = _cells(rows, rows.removed, later, later_ledger, _GONE)
        added = _cells(rows, rows.added, earlier, earlier_ledger, _COME)
    except (AttributeError, KeyError, TypeError) as error:
        where, why = f"{earlier.path} or {later.path}", f"{type(error).__name__}: {error}"
        raise ReleaseError("A manifest cannot be understood", where=where, why=why) from error
    files = settings.changed_files(earlier, later)
    others = tuple(change for change in files if not settings.is_shard(change.key))
    more = any(change.key not in _FOLLOWING for change in files)
    level = _level(schema, rows, recipes, more or bool(found or inputs or versions))
    return ReleaseDiff(
        earlier=earlier.identity,
        later=later.identity,
        level=level,
        next_version=next_version(str(earlier.manifest["version"]), level),
        schema=schema,
        shared=rows.shared,
        added=added,
        removed=removed,
        changed=dict(sorted(rows.changed.items())),
        columns=dict(sorted(rows.columns.items())),
        moves=dict(sorted(rows.moves.items())),
        retrained=rows.retrained,
        recipes=recipes,
        settings=tuple(found),
        inputs=tuple(inputs),
        versions=tuple(versions),
        files=others,
        shards=len(files) - len(others),
    )


def _level(schema: Sequence[SchemaChange], rows: RowDiff, recipes: RecipeDiff, other: bool) -> Level:
    if schema:
        return "major"
    if len(rows.added) or len(rows.removed) or rows.changed or recipes:
        return "minor"
    return "patch" if other else "none"


def _cells(rows: RowDiff, some: Rows, other: Release, ledger: Path | None, words: _Words) -> _Cells:
    """Count rows by language, source and reason.

    Args:
        rows: names of the languages and sources.
        some: the rows, which `other` does not have.
        other: the release that does not have them.
        ledger: what became of them there.
        words: why a row is not in the other where no ledger says so.
    """
    rules = np.full(len(some), -1, dtype=np.int64)
    names: list[str] = []
    if ledger is not None and len(some):
        stages = [str(row["stage"]) for row in other.stats.get("funnel", [])]
        rules, names = ledger_rules(some.keys, ledger, stages)
    # Whatever a ledger says of such a record, the other release has it.
    rules = np.where(some.repeats, _REPEATED, rules)
    keys, counts = np.unique(np.stack([some.languages, some.sources, rules]), axis=1, return_counts=True)
    cells: Counter[tuple[str, str, str]] = Counter()
    for (language, source, rule), count in zip(keys.T.tolist(), counts.tolist(), strict=True):
        name = rows.sources[source]
        reason = names[rule] if rule >= 0 else _without_rule(rule, name, other, ledger, words)
        cells[rows.languages[language], name, reason] += count
    return dict(sorted(cells.items()))


def _without_rule(rule: int, source: str, other: Release, ledger: Path | None, words: _Words) -> str:
    if rule == _REPEATED:
        return words.repeated
    if source in other.manifest.get("licence", {}).get("recipes", ()):
        return words.recipe
    if source not in other.manifest["sources"]:
        return words.no_source
    return words.known if ledger is not None else NO_LEDGER


def _to_json(cells: _Cells) -> dict[str, Any]:
    return {
        "rows": sum(cells.values()),
        "by_language": marginal(cells, 0),
        "by_source": marginal(cells, 1),
        "by_reason": marginal(cells, 2),
        "cells": [
            dict(zip(("language", "source", "reason", "rows"), (*key, rows), strict=True))
            for key, rows in cells.items()
        ],
    }
