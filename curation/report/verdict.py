"""The gate's verdict as the report shows it. What a verdict does not hold is left out, never made up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from curation.report.dropped import SAMPLE_CHARS
from curation.report.visible import clip

STATUSES = ("pass", "fail", "error")
UNGATED = "none"
SUSPECTS = 20

_CHECK = ("id", "kind", "status", "severity", "language", "metric", "value", "op", "threshold", "detail")
_POINT = ("step", "loss")
_CELL = ("depth", "dim", "rank", "accuracy")
_SIDES = ("anchor", "positive")
_SUSPECT = ("language", "id", "margin", *_SIDES)
# What must be read first comes first.
_URGENCY = {"error": 0, "fail": 1, "skipped": 2, "pass": 3}
_FIRST = 5


def gate_numbers(verdict: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what a verdict says.

    Args:
        verdict: a verdict of the schema `gate-verdict/2`, or None where the gate has not run.

    Returns:
        `verdict` (status and counts, and the first checks that failed), `checks` (the most urgent first), `accuracy`
        (held-out accuracy of each language) and `training`: loss by step, accuracy of the model and of what it is
        compared with, accuracy of each cell of the grid, and the pairs that it finds least plausible.
    """
    said = verdict or {}
    metrics = said.get("metrics") or {}
    checks = sorted(map(_check, said.get("checks") or []), key=_urgency)
    return {
        "verdict": _verdict(said, checks) | ({"status": UNGATED} if verdict is None else {}),
        "checks": checks,
        "accuracy": {code: score.get("accuracy") for code, score in (metrics.get("languages") or {}).items()},
        "training": {
            "losses": [_only(point, _POINT) for point in metrics.get("losses") or []],
            "held_out": dict(metrics.get("held_out") or {}),
            "grid": [_only(cell, _CELL) for cell in metrics.get("grid") or []],
            "suspects": _suspects(said.get("suspects") or []),
        },
    }


def _verdict(said: Mapping[str, Any], checks: list[dict[str, Any]]) -> dict[str, Any]:
    blocking = [check for check in checks if check["status"] in ("fail", "error") and check["severity"] != "warn"]
    return {
        # A status that is not known must never look like a pass.
        "status": said["status"] if said.get("status") in STATUSES else "error",
        "counts": _counts(checks),
        "first": blocking[:_FIRST],
        "more": max(0, len(blocking) - _FIRST),
        "warnings": sum(check["status"] == "fail" and check["severity"] == "warn" for check in checks),
        "manifest_sha256": (said.get("release") or {}).get("manifest_sha256"),
    }


def _counts(checks: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    counts = dict.fromkeys((*STATUSES, "skipped"), 0)
    for check in checks:
        counts[check["status"]] = counts.get(check["status"], 0) + 1
    return counts


def _check(check: Mapping[str, Any]) -> dict[str, Any]:
    return _only(check, _CHECK)


def _urgency(check: Mapping[str, Any]) -> tuple[int, bool]:
    return _URGENCY.get(check["status"], 0), check["severity"] == "warn"


def _suspects(suspects: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the least plausible pairs of all languages, the least plausible first."""
    stated = [_only(suspect, _SUSPECT) for suspect in suspects if suspect.get("margin") is not None]
    least = sorted(stated, key=lambda suspect: (suspect["margin"], str(suspect["id"])))[:SUSPECTS]
    return [{**suspect, **{side: clip(str(suspect[side]), SAMPLE_CHARS) for side in _SIDES}} for suspect in least]


def _only(value: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: value.get(name) for name in names}
