"""The gate's verdict as the report shows it. What a verdict does not hold is left out, never made up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

STATUSES = ("pass", "fail", "error")
UNGATED = "none"
SUSPECTS = 20

_CHECK = ("id", "kind", "status", "severity", "language", "metric", "value", "op", "threshold", "detail")
# What must be read first comes first.
_URGENCY = {"error": 0, "fail": 1, "skipped": 2, "pass": 3}
_FIRST = 5


def gate_numbers(verdict: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what a verdict says.

    Args:
        verdict: a verdict of the schema `gate-verdict/1`, or None where the gate has not run.

    Returns:
        `verdict` (status and counts, and the first checks that failed), `checks` (the most urgent first), `accuracy`
        (held-out accuracy of each language) and `training` (loss, grid, what it was compared with, suspects).
    """
    said = verdict or {}
    metrics = said.get("metrics") or {}
    checks = sorted(map(_check, said.get("checks") or []), key=_urgency)
    return {
        "verdict": _verdict(said, checks) | ({"status": UNGATED} if verdict is None else {}),
        "checks": checks,
        "accuracy": _accuracies(metrics.get("languages")),
        "training": {
            "loss": _curve(metrics.get("loss")),
            "grid": [_cell(cell) for cell in metrics.get("grid") or []],
            "references": _accuracies(metrics.get("references")),
            "suspects": list(metrics.get("suspects") or said.get("suspects") or [])[:SUSPECTS],
        },
    }


def _verdict(said: Mapping[str, Any], checks: list[dict[str, Any]]) -> dict[str, Any]:
    blocking = [check for check in checks if check["status"] in ("fail", "error") and check["severity"] != "warn"]
    return {
        # A status that is not known must never look like a pass.
        "status": said["status"] if said.get("status") in STATUSES else "error",
        "counts": said.get("counts") or _counts(checks),
        "first": blocking[:_FIRST],
        "more": max(0, len(blocking) - _FIRST),
        "warnings": sum(check["status"] == "fail" and check["severity"] == "warn" for check in checks),
        "manifest_sha256": (said.get("release") or {}).get("manifest_sha256"),
    }


def _counts(checks: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    counts = dict.fromkeys(_URGENCY, 0)
    for check in checks:
        counts[check["status"]] = counts.get(check["status"], 0) + 1
    return counts


def _check(check: Mapping[str, Any]) -> dict[str, Any]:
    return {name: check.get(name) for name in _CHECK}


def _urgency(check: Mapping[str, Any]) -> tuple[int, bool]:
    return _URGENCY.get(check["status"], 0), check["severity"] == "warn"


def _accuracies(scores: Mapping[str, Any] | None) -> dict[str, float | None]:
    return {name: _accuracy(score) for name, score in (scores or {}).items()}


def _accuracy(score: Any) -> float | None:
    value = score.get("accuracy") if isinstance(score, Mapping) else score
    return float(value) if isinstance(value, int | float) else None


def _cell(cell: Mapping[str, Any]) -> dict[str, Any]:
    place = {name: cell.get(name) for name in ("depth", "dim", "rank")}
    return {**place, "accuracy": _accuracy(cell.get("score", cell))}


def _curve(points: Iterable[Any] | None) -> list[dict[str, Any]]:
    """Return the loss at each sampled step."""
    return [{"step": step, "loss": loss} for step, loss in (points or [])]
