"""CHANGELOG.md: what has changed since the parent, as `curate diff` finds it, and then the parent's changelog."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from curation.config.model import RunConfig
from curation.errors import ReleaseError
from curation.release import layout
from curation.release.diff import ReleaseDiff
from curation.release.diff.compare import marginal
from curation.release.diff.settings import Change
from curation.release.markdown import escape, number, table, without_controls
from curation.release.reader import Release

# Of the parents' changelogs so many characters are kept; a release has an entry of some 2,000.
OLDER_CHARS = 200_000
_LINES = 40
_VALUE_CHARS = 120
_KINDS = {
    "none": "Nothing but names is new.",
    "patch": "A patch: no record is new.",
    "major": "A major change: the schema is new.",
}
_HEADING = "# Changelog"
_CUT = "(Older entries are left out.)"
# An even number of backslashes before it: not escaped.
_ACTIVE = re.compile(r"(?<!\\)((?:\\\\)*)(<|!(?=\[))")


def render_changelog(
    config: RunConfig, stats: Mapping[str, Any], diff: ReleaseDiff | None = None, parent: Release | None = None
) -> str:
    """Return the changelog of a release.

    Args:
        config: the resolved config.
        stats: the run's statistics.
        diff: what has changed since the parent, if there is one.
        parent: the parent; perhaps a stranger's, so its changelog is made harmless and cut.
    """
    release = config.release
    heading = f"## {release.version}" + (f" ({release.date})" if release.date else "")
    languages = sum(1 for row in stats["languages"].values() if row["released"])
    size = f"{stats['totals']['released']:,} pairs in {languages} languages"
    if diff is None or parent is None:
        return f"{_HEADING}\n\n{heading}\n\nFirst release: {size}.\n"
    parts = [_HEADING, heading, *_entry(diff, size), older_entries(_read(parent))]
    return "\n\n".join(part for part in parts if part) + "\n"


def latest_entry(release: Release) -> str:
    """Return the newest entry of a release's changelog, as Markdown without its heading; empty if there is none."""
    entries = f"\n{_read(release)}".split("\n## ", 2)
    return "## " + entries[1].strip() if len(entries) > 1 else ""


def older_entries(text: str) -> str:
    """Return a changelog without its heading, harmless in a file that others read, and cut to `OLDER_CHARS`.

    Control and direction characters are gone, and nothing in it is HTML or loads an image.
    """
    text = without_controls(text[: OLDER_CHARS + 1].replace("\r\n", "\n"), keep="\n")
    text = _ACTIVE.sub(r"\1\\\2", text)
    if len(text) > OLDER_CHARS:
        text = text[:OLDER_CHARS].rpartition("\n")[0].replace(_CUT, "").rstrip() + f"\n\n{_CUT}"
    return text.strip().removeprefix(_HEADING).strip()


def _read(release: Release) -> str:
    file = release.path / layout.CHANGELOG
    try:
        with file.open(encoding="utf-8", errors="replace") as stream:
            return stream.read(OLDER_CHARS + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ReleaseError("A changelog cannot be read", where=str(file), why=str(error)) from error


def _entry(diff: ReleaseDiff, size: str) -> list[str]:
    parent = f"{escape(diff.earlier['name'])} {escape(diff.earlier['version'])}"
    counts = {kind: sum(getattr(diff, kind).values()) for kind in ("added", "removed", "changed")}
    said = ", ".join(f"{rows:,} {kind}" for kind, rows in counts.items())
    said += f" ({diff.retrained:,} in a text, split or language)" if diff.changed else ""
    hashes = ", ".join(f"{rows:,} {kind}" for kind, rows in asdict(diff.recipes).items() if rows)
    said += f"; of the rows without texts {hashes}" if hashes else ""
    return [
        f"After {parent} (`{diff.earlier['manifest_sha256'][:12]}`): {said}. Now {size}. {_kind(diff)}",
        _schema(diff),
        _by("language", diff, 0),
        _by("source", diff, 1),
        _reasons("removed because", marginal(diff.removed, 2)),
        _reasons("changed column", marginal(diff.columns, 2)),
        _settings(diff.settings),
        _also(diff),
    ]


def _kind(diff: ReleaseDiff) -> str:
    if diff.level != "minor":
        return _KINDS[diff.level]
    done = [kind for kind in ("added", "removed", "changed") if getattr(diff, kind)]
    what = "records were " + " and ".join(done) if done else "rows without texts differ"
    return f"A minor change: {what}, and the schema is as it was."


def _schema(diff: ReleaseDiff) -> str:
    lines = [
        f"- {escape(f'{each.view} {each.what}'.strip())}: {escape(each.old) or 'nothing'} → "
        f"{escape(each.new) or 'nothing'}"
        for each in diff.schema[:_LINES]
    ]
    return "\n".join(["Schema:", "", *lines, *_more(len(diff.schema))]) if lines else ""


def _by(what: str, diff: ReleaseDiff, axis: int) -> str:
    sides = [marginal(cells, axis) for cells in (diff.added, diff.removed, diff.changed)]
    totals = {name: sum(side.get(name, 0) for side in sides) for side in sides for name in side}
    names = sorted(totals, key=lambda name: (-totals[name], name))
    rows = [(escape(name), *(number(side.get(name, 0)) for side in sides)) for name in names[:_LINES]]
    return _cut(table((what, "added", "removed", "changed"), rows), len(names)) if rows else ""


def _reasons(what: str, rows: Mapping[str, int]) -> str:
    cells = [(escape(name), number(count)) for name, count in rows.items()]
    return _cut(table((what, "rows"), cells[:_LINES]), len(cells)) if cells else ""


def _settings(changes: Sequence[Change]) -> str:
    lines = [f"- {escape(each.key)}: {_edit(each)}" for each in changes[:_LINES]]
    return "\n".join(["Settings:", "", *lines, *_more(len(changes))]) if lines else ""


def _also(diff: ReleaseDiff) -> str:
    inputs = f"{len(diff.inputs):,} input files" if diff.inputs else ""
    code = "the code" if any(each.key == "code" for each in diff.versions) else ""
    libraries = [
        f"{escape(each.key.removeprefix('versions.'))} {_value(each.old)} → {_value(each.new)}"
        for each in diff.versions
        if each.key != "code"
    ]
    found = [part for part in (inputs, code, *libraries[:_LINES]) if part]
    return f"Also changed: {', '.join(found)}." if found else ""


def _edit(change: Change) -> str:
    return _value(change.edits) if change.edits else f"{_value(change.old)} → {_value(change.new)}"


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return escape(text if len(text) <= _VALUE_CHARS else f"{text[:_VALUE_CHARS]}...") or "empty"


def _more(count: int) -> list[str]:
    return [f"- and {count - _LINES:,} more"] if count > _LINES else []


def _cut(text: str, count: int) -> str:
    return f"{text}\n\nand {count - _LINES:,} more." if count > _LINES else text
