"""A verdict as JUnit XML, which the pages of CI servers show as tests (the schema of Jenkins' xUnit plugin).

A suite for each kind of check, a test case for each check and language. A failure that only warns is no failure of the
test: it is said in `system-out`, where servers show it without calling the build broken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from curation.files import write_text

_KINDS = ("data", "mechanism", "signal")
# What XML 1.0 has no place for, section 2.2; and what would turn the writing direction of a line.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]")
_CHECK_PROPERTIES = ("metric", "value", "op", "threshold", "severity", "false_alarms")


def write_junit(verdict: Mapping[str, Any], path: Path) -> None:
    """Write the JUnit XML of a verdict, atomically."""
    write_text(path, junit_xml(verdict))


def junit_xml(verdict: Mapping[str, Any]) -> str:
    """Return the JUnit XML of a verdict.

    Args:
        verdict: as `Verdict.to_json` or a file of any schema version gives it; fields that are missing are left out,
            fields that are not known are not read. A status that is not known is an error.
    """
    checks = [check for check in verdict.get("checks") or [] if isinstance(check, Mapping)]
    release = verdict.get("release") or {}
    name = f"{release.get('name', '')} {release.get('version', '')}".strip() or "release"
    root = ElementTree.Element("testsuites", {"name": _clean(name)} | _counts(checks))
    for kind in _kinds(checks):
        _add_suite(root, kind, [check for check in checks if _kind(check) == kind], release)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _kinds(checks: Iterable[Mapping[str, Any]]) -> list[str]:
    found = {_kind(check) for check in checks}
    return [kind for kind in _KINDS if kind in found] + sorted(found.difference(_KINDS))


def _kind(check: Mapping[str, Any]) -> str:
    return str(check.get("kind") or "other")


def _outcome(check: Mapping[str, Any]) -> str:
    """Return pass, warn, failure, error or skipped."""
    if check.get("status") == "fail":
        return "warn" if check.get("severity") == "warn" else "failure"
    return {"pass": "pass", "skipped": "skipped"}.get(str(check.get("status")), "error")


def _counts(checks: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    outcomes = [_outcome(check) for check in checks]
    counted = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    numbers = {name: str(outcomes.count(outcome)) for name, outcome in counted.items()}
    # Nothing here depends on the clock: equal releases have equal files.
    return {"tests": str(len(checks))} | numbers | {"time": "0"}


def _add_suite(
    root: ElementTree.Element, kind: str, checks: Sequence[Mapping[str, Any]], release: Mapping[str, Any]
) -> None:
    suite = ElementTree.SubElement(root, "testsuite", {"name": _clean(f"gate.{kind}")} | _counts(checks))
    _add_properties(suite, {name: release.get(name) for name in ("name", "version", "manifest_sha256")})
    for check in checks:
        _add_case(suite, check)


def _add_case(suite: ElementTree.Element, check: Mapping[str, Any]) -> None:
    language = check.get("language") or ""
    name = f"{check.get('id', '')} [{language}]" if language else str(check.get("id", ""))
    known = {"classname": _clean(f"gate.{_kind(check)}"), "name": _clean(name), "time": "0"}
    case = ElementTree.SubElement(suite, "testcase", known)
    _add_properties(case, {name: check.get(name) for name in _CHECK_PROPERTIES})
    outcome, words = _outcome(check), _words(check)
    if outcome == "skipped":
        ElementTree.SubElement(case, "skipped", {"message": words})
    elif outcome in ("failure", "error"):
        element = ElementTree.SubElement(case, outcome, {"type": _clean(str(check.get("id", ""))), "message": words})
        element.text = _clean(str(check.get("detail") or ""))
    elif words:
        ElementTree.SubElement(case, "system-out").text = f"warning: {words}" if outcome == "warn" else words


def _add_properties(element: ElementTree.Element, values: Mapping[str, object]) -> None:
    known = {name: value for name, value in values.items() if value not in (None, "")}
    if known:
        properties = ElementTree.SubElement(element, "properties")
        for name, value in known.items():
            ElementTree.SubElement(properties, "property", {"name": name, "value": _clean(str(value))})


def _words(check: Mapping[str, Any]) -> str:
    value, threshold = check.get("value"), check.get("threshold")
    measured = ""
    if threshold is not None:
        shown = "no number" if value is None else value
        measured = f"{check.get('metric') or 'value'}: {shown}, must be {check.get('op') or ''} {threshold}"
    return _clean("; ".join(part for part in (measured, str(check.get("detail") or "")) if part))


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
