"""What the gate leaves beside its verdict: a page for people, and JUnit XML for CI servers.

Both are functions of the verdict alone, so that they can be made again from any release that has one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from curation.files import write_text
from curation.gate.junit import write_junit
from curation.release import Release, layout
from curation.report.build import language_names
from curation.report.rendering import render, visible_values
from curation.report.verdict import gate_numbers, suspects_by_language

_SCORE = ("pairs", "accuracy", "mrr", "low", "high")


def write_gate_outputs(release: Release, *, out: Path | None = None) -> None:
    """Write gate/report.html and gate/junit.xml of a release that has a verdict, each whole or not at all.

    Args:
        release: the release.
        out: folder whose `gate` holds the verdict and gets the files; the release's own by default.

    Raises:
        ReleaseError: if the verdict cannot be read.
    """
    place = release if out is None else replace(release, path=out)
    verdict = place.verdict or {}
    title = release.manifest.get("config", {}).get("release", {}).get("title", "")
    write_text(place.path / layout.GATE_REPORT, render_gate_page(verdict, title=title))
    write_junit(verdict, place.path / layout.JUNIT)


def render_gate_page(verdict: Mapping[str, Any], *, title: str = "") -> str:
    """Return the page of a verdict. All its text is taken to be hostile.

    Args:
        verdict: as `curation.gate.Verdict.to_json` gives it, of any schema version: fields that are missing are left
            out, fields that are not known are not read.
        title: of the release, if it has one besides its name.
    """
    numbers = gate_numbers(verdict)
    languages = _languages(verdict, numbers["checks"])
    suspects = suspects_by_language(verdict)
    codes = (
        {row["code"] for row in languages} | set(suspects) | {check["language"] or "" for check in numbers["checks"]}
    )
    names = language_names(sorted(codes - {""}))
    report = {
        "release": {"title": title} | _identity(verdict.get("release") or {}),
        "verdict": numbers["verdict"],
        "checks": numbers["checks"],
        "languages": [row | {"name": names[row["code"]]} for row in languages],
        "training": numbers["training"] | {"suspects": suspects},
        "baseline": _identity(verdict["baseline"]) if verdict.get("baseline") else None,
        "seed": verdict.get("seed"),
        "spec": str(verdict.get("spec_sha256") or ""),
        "environment": verdict.get("environment") or {},
    }
    return render("gate.html", report=visible_values(report), names=visible_values(names))


def _identity(known: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(known.get(key) or "") for key in ("name", "version", "manifest_sha256")}


def _languages(verdict: Mapping[str, Any], checks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what was found of each language, those with the most checks that were not passed first."""
    scores = (verdict.get("metrics") or {}).get("languages") or {}
    is_open = (check["language"] for check in checks if check["language"] and check["status"] in ("fail", "error"))
    failed = Counter(is_open)
    rows = [
        {"code": code, "open": failed[code]} | {name: scores.get(code, {}).get(name) for name in _SCORE}
        for code in sorted(set(scores) | set(failed))
    ]
    return sorted(rows, key=lambda row: (-row["open"], row["code"]))
