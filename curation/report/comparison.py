"""What has changed since an earlier release: of each language, of each rule, and in what the gate measured.

Statistics are compared, not records: `curate diff` does that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curation.gate.baseline import comparable
from curation.release import Release
from curation.report.verdict import gate_numbers

RULES = 20

_TOTALS = ("read", "released", "train", "validation", "test", "dropped", "merged", "quarantined")


def compare_with(release: Release, baseline: Release) -> dict[str, Any]:
    """Compare a release with an earlier one, as JSON values.

    - `baseline`: name, version and digest of the earlier one
    - `figures`: rows by what became of them, languages and bytes, and the verdicts' held-out accuracies, each as
      `before` and `after`
    - `verdict`: the statuses, None where a gate has not run; and why the gates' accuracies cannot be compared, empty
      where they can
    - `languages`: those whose released rows or accuracy differ: the greatest relative change of rows first, languages
      that came or went before all others
    - `rules`: share of the rows of its stage that each rule took, up to twenty: the greatest change first

    Args:
        release: the release.
        baseline: the earlier one.
    """
    before, after = _Side(baseline), _Side(release)
    return {
        "baseline": {
            **baseline.identity,
            "is_parent": release.manifest.get("parent") == baseline.digest,
        },
        "verdict": {"before": before.status, "after": after.status, "why_not": _why_not(baseline, release)},
        "figures": [
            {"name": name, "before": before.figures[name], "after": after.figures[name]}
            for name in after.figures
            if before.figures[name] is not None or after.figures[name] is not None
        ],
        "languages": _languages(before, after),
        "unchanged": len(_unchanged(before, after)),
        "rules": _rules(before, after),
    }


def _why_not(baseline: Release, release: Release) -> str:
    mine = ((release.verdict or {}).get("metrics") or {}).get("settings")
    return comparable(baseline.verdict or {}, mine).why if mine else "this release has no verdict with figures"


class _Side:
    """The numbers of one of two releases."""

    def __init__(self, release: Release) -> None:
        stats, gate = release.stats, gate_numbers(release.verdict)
        totals = stats.get("totals", {})
        self.status = gate["verdict"]["status"] if release.verdict is not None else None
        self.figures: dict[str, float | None] = {
            **{name: totals.get(name) for name in _TOTALS},
            "languages": len(release.languages),
            "bytes": sum(file.bytes for file in release.files),
            "accuracy": gate["training"]["held_out"].get("accuracy"),
        }
        self.accuracy: Mapping[str, float | None] = gate["accuracy"]
        self.rows: dict[str, int] = {
            code: row["released"] for code, row in stats.get("languages", {}).items() if row["released"]
        }
        entering = {row["stage"]: row["in"] for row in stats.get("funnel", [])}
        self.shares: dict[tuple[str, str, str], float] = {
            (row["stage"], row["decision"], row["reason"]): row["rows"] / entering[row["stage"]]
            for row in stats.get("reasons", [])
            if entering.get(row["stage"])
        }


def _unchanged(before: _Side, after: _Side) -> list[str]:
    return [
        code
        for code in set(before.rows) & set(after.rows)
        if before.rows[code] == after.rows[code] and before.accuracy.get(code) == after.accuracy.get(code)
    ]


def _languages(before: _Side, after: _Side) -> list[dict[str, Any]]:
    codes = (set(before.rows) | set(after.rows)) - set(_unchanged(before, after))
    rows = [
        {
            "code": code,
            "before": before.rows.get(code, 0),
            "after": after.rows.get(code, 0),
            "accuracy_before": before.accuracy.get(code),
            "accuracy_after": after.accuracy.get(code),
        }
        for code in codes
    ]
    return sorted(rows, key=lambda row: (-_change(row["before"], row["after"]), row["code"]))


def _change(before: int, after: int) -> float:
    """Return by which factor a number grew or shrank, infinity where it was or is nothing."""
    least, most = sorted((before, after))
    return most / least if least else float("inf")


def _rules(before: _Side, after: _Side) -> list[dict[str, Any]]:
    pairs = {
        rule: (round(before.shares.get(rule, 0.0), 6), round(after.shares.get(rule, 0.0), 6))
        for rule in set(before.shares) | set(after.shares)
    }
    changed = [rule for rule, (earlier, later) in pairs.items() if earlier != later]
    most = sorted(changed, key=lambda rule: (-abs(pairs[rule][1] - pairs[rule][0]), rule))[:RULES]
    return [
        dict(zip(("stage", "decision", "reason", "before", "after"), (*rule, *pairs[rule]), strict=True))
        for rule in most
    ]
