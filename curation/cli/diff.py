"""`curate diff`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curation.cli.output import columns, plain, result
from curation.errors import ConfigError

if TYPE_CHECKING:
    from curation.release.diff import ReleaseDiff
    from curation.release.diff.settings import Change

_VALUE_CHARS = 60
_DIGEST = re.compile("[0-9a-f]{64}")
_DIGEST_CHARS = 12
_LEVELS = {
    "none": "nothing but names has changed",
    "patch": "metadata has changed, no record has",
    "minor": "records have changed, their schema has not",
    "major": "the schema has changed",
}
_ABOUT = {"settings": "setting", "inputs": "input", "versions": "made by", "files": "file"}


@click.command("diff")
@click.argument("release_a", type=click.Path(path_type=Path))
@click.argument("release_b", type=click.Path(path_type=Path))
@click.option("--ledger-a", type=click.Path(path_type=Path), help="Ledger of A's run; by default the one beside A.")
@click.option("--ledger-b", type=click.Path(path_type=Path), help="Ledger of B's run; by default the one beside B.")
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, help="Lines of each table.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, whole.")
def diff_command(
    release_a: Path, release_b: Path, ledger_a: Path | None, ledger_b: Path | None, limit: int, as_json: bool
) -> None:
    """Show what was added, removed and changed from RELEASE_A to RELEASE_B, and what version that makes.

    Records are compared by id, wherever they stand. Why a record was removed stands in the ledger of B's run, why an
    added one was not there before in that of A's.
    """
    from curation.release import open_release
    from curation.release.diff import diff_releases

    earlier, later = open_release(release_a), open_release(release_b)
    ledgers = _ledger(release_a, ledger_a, "--ledger-a"), _ledger(release_b, ledger_b, "--ledger-b")
    diff = diff_releases(earlier, later, earlier_ledger=ledgers[0], later_ledger=ledgers[1])
    result(diff.to_json(), _text(diff, limit), as_json=as_json)


def _ledger(release: Path, given: Path | None, option: str) -> Path | None:
    if given is not None:
        if not any(given.glob("*.parquet")):
            raise ConfigError("This is no ledger", where=f"{option} {given}", why="the folder holds no Parquet file")
        return given
    beside = release.absolute().parent / "ledger"
    return beside if beside.is_dir() else None


def _text(diff: ReleaseDiff, limit: int) -> str:
    value = diff.to_json()
    sides = (f"{plain(side['name'])} {plain(side['version'])}" for side in (diff.earlier, diff.later))
    rows = [(kind, value[kind]["rows"]) for kind in ("added", "removed", "changed")]
    others = (("  in what is trained on", diff.retrained), ("unchanged", diff.shared - value["changed"]["rows"]))
    blocks = [
        "{} -> {}".format(*sides),
        columns(("records", "rows"), [*rows, *others]),
        *(_table(f"by {axis}", {kind: value[kind][f"by_{axis}"] for kind, _ in rows}, limit) for axis in _AXES),
        *(_reasons(f"{kind} because", value[kind]["by_reason"], limit) for kind, _ in rows),
        _reasons("moved", {f"{m['what']} {m['from']} -> {m['to']}": m["rows"] for m in value["moves"]}, limit),
        columns(("without texts", "rows"), list(value["recipes"].items())) if diff.recipes else "",
        _schema(diff, limit),
        *(_changes(label, getattr(diff, name), limit) for name, label in _ABOUT.items()),
        f"{diff.level}: {_LEVELS[diff.level]}; {_advice(diff)}",
    ]
    return "\n\n".join(block for block in blocks if block)


_AXES = ("language", "source")


def _advice(diff: ReleaseDiff) -> str:
    return "no new version is needed" if diff.level == "none" else f"the next version is {diff.next_version} or greater"


def _table(title: str, sides: Mapping[str, Mapping[str, int]], limit: int) -> str:
    """Return a table of the names with the most rows on all sides together."""
    totals = {
        name: sum(side.get(name, 0) for side in sides.values()) for name in {n for s in sides.values() for n in s}
    }
    names = sorted(totals, key=lambda name: (-totals[name], name))
    rows = [(plain(name), *(side.get(name, 0) for side in sides.values())) for name in names[:limit]]
    return _cut(columns((title, *sides), rows), len(names), limit) if rows else ""


def _reasons(title: str, rows: Mapping[str, int], limit: int) -> str:
    found = [(plain(name), count) for name, count in rows.items()][:limit]
    return _cut(columns((title, "rows"), found), len(rows), limit) if found else ""


def _schema(diff: ReleaseDiff, limit: int) -> str:
    lines = [
        f"schema  {' '.join(filter(None, (change.view, plain(change.what))))}: "
        f"{_shown(change.old or None)} -> {_shown(change.new or None)}"
        for change in diff.schema[:limit]
    ]
    return _cut("\n".join(lines), len(diff.schema), limit) if lines else ""


def _changes(label: str, changes: Sequence[Change], limit: int) -> str:
    lines = [f"{label}  {plain(each.key)}: {_change(each)}" for each in changes[:limit]]
    return _cut("\n".join(lines), len(changes), limit) if lines else ""


def _change(change: Change) -> str:
    return _shown(change.edits) if change.edits else f"{_shown(change.old)} -> {_shown(change.new)}"


def _shown(value: Any) -> str:
    text = "-" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = text[:_DIGEST_CHARS] if _DIGEST.fullmatch(text) else plain(text)
    return text if len(text) <= _VALUE_CHARS else f"{text[: _VALUE_CHARS - 3]}..."


def _cut(text: str, count: int, limit: int) -> str:
    return f"{text}\n... and {count - limit:,} more (--limit {count}, or --json)" if count > limit else text
