"""The table of the suite."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from .lines import LINES, Line
from .runs import CLEAN

Result = Mapping[str, Any]

BEGIN, END = "<!-- begin: printed by benchmarks/gate.py -->", "<!-- end -->"
_HEAD = (
    "| mutation | of | seeds | failed, without / with baseline | right check failed, without / with "
    "| blocking checks that failed most | to name it |"
)
_Z = 1.959964
_SHOWN = 3


def table(results: Sequence[Result]) -> str:
    """Return the results as Markdown: a row for each line that was run, then the clean runs, times and versions."""
    by_line = {line: [r for r in results if r["line"] == line.key] for line in LINES}
    rows = [_row(line, found) for line, found in by_line.items() if found]
    parts = ["\n".join([_HEAD, "|---|---|---|---|---|---|---|", *rows])] if rows else []
    clean = [result for result in results if result["line"] == CLEAN]
    parts += [_clean(clean), _closest(clean)] if clean else []
    return "\n\n".join([*parts, _footer(results)] if results else ["No runs."])


def wilson_upper(failures: int, runs: int) -> float:
    """Return the upper bound of the two-sided 95 % interval of a share (Wilson 1927, without continuity correction)."""
    share, square = failures / runs, _Z**2 / runs
    middle = share + square / 2
    spread = _Z * math.sqrt(share * (1 - share) / runs + square / (4 * runs))
    return min(1.0, (middle + spread) / (1 + square))


def failed(result: Result, *, baseline: bool) -> list[str]:
    """Return the blocking checks that failed, each once.

    Args:
        result: of a run with a baseline.
        baseline: whether those that compare with it count. The others are the same in a run without one.
    """
    found = {c["id"] for c in result["checks"] if c["status"] == "fail" and c["severity"] == "block"}
    return sorted(name for name in found if baseline or not needs_baseline(name))


def needs_baseline(check: str) -> bool:
    """Return whether a check compares with a baseline."""
    last = check.rsplit(".", 1)[-1]
    return "baseline" in last or last == "rise" or last.endswith("_rise")


def _row(line: Line, results: Sequence[Result]) -> str:
    names = Counter(name for result in results for name in failed(result, baseline=True))
    most = ", ".join(f"`{name}` {runs}" for name, runs in sorted(names.items(), key=_most_first)[:_SHOWN])
    broken = sum(result["status"] == "error" for result in results)
    counts = [
        [sum(bool(seen(line, failed(result, baseline=with_it))) for result in results) for with_it in (False, True)]
        for seen in (lambda _line, names: names, _right)
    ]
    seeds = f"{len(results)}" + (f" ({broken} errors)" if broken else "")
    shares = [f"{without} / {with_it}" for without, with_it in counts]
    right = ", ".join(f"`{name}`" for name in line.right)
    return f"| {line.name} | {line.share} | {seeds} | {shares[0]} | {shares[1]} | {most or 'none'} | {right} |"


def _right(line: Line, names: Sequence[str]) -> list[str]:
    return [name for name in names if line.is_right(name)]


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def _clean(results: Sequence[Result]) -> str:
    parts = []
    for what, with_it in (("without a baseline", False), ("with it", True)):
        failures = sum(bool(failed(result, baseline=with_it)) for result in results)
        bound = wilson_upper(failures, len(results))
        parts.append(f"{failures} of {len(results)} failed {what} (at most {bound:.1%} by Wilson's 95 % interval)")
    names = Counter(name for result in results for name in failed(result, baseline=True))
    by = ", ".join(f"`{name}` {runs}" for name, runs in sorted(names.items(), key=_most_first))
    errors = sum(result["status"] == "error" for result in results)
    return f"Clean, 90 % of the groups: {'; '.join(parts)}{f'; by {by}' if by else ''}; {errors} errors."


def _closest(results: Sequence[Result]) -> str:
    """Return a table of how near sound releases come to each bound that is no count of faults."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for check in (check for result in results for check in result["checks"] if check["value"] is not None):
        if check["threshold"] is not None and check["op"] != "==":
            found.setdefault(check["id"], []).append(check)
    rows = [_range(name, checks) for name, checks in sorted(found.items())]
    return "\n".join(["| check, of clean releases | bound | values | failed |", "|---|---|---|---|", *rows])


def _range(name: str, checks: Sequence[Mapping[str, Any]]) -> str:
    values = [check["value"] for check in checks]
    failures = sum(check["status"] == "fail" for check in checks)
    bound = f"{checks[0]['op']} {checks[0]['threshold']:.4g}{'' if checks[0]['severity'] == 'block' else ', warns'}"
    return f"| `{name}` | {bound} | {min(values):.4g} to {max(values):.4g} | {failures} of {len(checks)} |"


def _footer(results: Sequence[Result]) -> str:
    seconds = [result["cpu_s"] for result in results]
    seeds = sorted({result["seed"] for result in results})
    dates = sorted({result["date"] for result in results})
    when = " to ".join(sorted({dates[0], dates[-1]}))
    versions = ", ".join(f"{name} {version}" for name, version in sorted(results[0]["versions"].items()))
    return (
        f"CPU seconds of a run of the gate, one thread: {mean(seconds):.1f} on average, {max(seconds):.1f} at most, "
        f"{len(results)} runs. Seeds {seeds[0]} to {seeds[-1]}; {when}; {versions}."
    )
