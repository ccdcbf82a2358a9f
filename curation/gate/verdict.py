"""Checks and the verdict that they add up to."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

SCHEMA = "gate-verdict/2"

Kind = Literal["data", "mechanism", "signal"]
Status = Literal["pass", "fail", "error", "skipped"]
Severity = Literal["block", "warn"]

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "==": operator.eq,
}


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        id: dotted name of the check, unique together with the language.
        kind: whether it looks at the data, at the mechanism of training, or at the signal in the result.
        status: `error` means that the check itself broke, which is no finding about the release.
        severity: whether a failure blocks the release.
        language: the language that it speaks about, empty for all.
        metric: what was measured.
        value: the measurement, None where there is none.
        threshold: what it was compared with.
        op: how: the check passes if `value op threshold`.
        detail: for people: what was found, or why it was skipped.
        false_alarms: for people: how often it has failed releases that were sound, and when that was measured.
    """

    id: str
    kind: Kind
    status: Status
    severity: Severity = "block"
    language: str = ""
    metric: str = ""
    value: float | None = None
    threshold: float | None = None
    op: str = ""
    detail: str = ""
    false_alarms: str = ""


def compare(
    check: str,
    kind: Kind,
    metric: str,
    value: float,
    op: str,
    threshold: float,
    *,
    severity: Severity = "block",
    language: str = "",
    detail: str = "",
) -> Check:
    """Return the check that passes if `value op threshold`; a value that is not a number passes nothing."""
    passed = _OPERATORS[op](value, threshold)
    known = float(value) if abs(value) < float("inf") else None
    status: Status = "pass" if passed else "fail"
    return Check(check, kind, status, severity, language, metric, known, float(threshold), op, detail)


def skipped(check: str, kind: Kind, why: str, *, severity: Severity = "block") -> Check:
    """Return a check that could not be made, with the reason."""
    return Check(check, kind, "skipped", severity, detail=why)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's verdict on a release.

    Attributes:
        release: name, version and manifest digest of the release.
        spec: digest of the gate's and the trainer's settings, of the code and of the baseline.
        environment: versions of the libraries.
        seed: of training and sampling.
        checks: all checks, in the order in which they were made.
        metrics: what was measured besides: grid, languages, losses.
        suspects: training pairs that the model finds least plausible.
        baseline: name, version and manifest digest of the release that it was compared with, None without one.
    """

    release: Mapping[str, str]
    spec: str
    environment: Mapping[str, str]
    seed: int
    checks: tuple[Check, ...]
    metrics: Mapping[str, Any]
    suspects: tuple[Mapping[str, Any], ...]
    baseline: Mapping[str, str] | None = None

    @property
    def status(self) -> Literal["pass", "fail", "error"]:
        """`error` if a check broke, else `fail` if a blocking one failed, else `pass`."""
        if any(check.status == "error" for check in self.checks):
            return "error"
        failed = any(check.status == "fail" and check.severity == "block" for check in self.checks)
        return "fail" if failed else "pass"

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as JSON values, without anything that differs between two runs on the same release."""
        statuses: tuple[Status, ...] = ("pass", "fail", "error", "skipped")
        counts: dict[str, int] = {status: sum(check.status == status for check in self.checks) for status in statuses}
        counts["warn"] = sum(check.status == "fail" and check.severity == "warn" for check in self.checks)
        return {
            "schema": SCHEMA,
            "status": self.status,
            "release": dict(self.release),
            "baseline": dict(self.baseline) if self.baseline else None,
            "spec_sha256": self.spec,
            "environment": dict(self.environment),
            "seed": self.seed,
            "counts": counts,
            "checks": [asdict(check) for check in self.checks],
            "metrics": dict(self.metrics),
            "suspects": [dict(suspect) for suspect in self.suspects],
        }
