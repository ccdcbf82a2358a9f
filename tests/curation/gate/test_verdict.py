"""Checks add up to a verdict."""

from __future__ import annotations

import math

import pytest

from curation.gate.verdict import Check, Verdict, compare, skipped

PASS = Check("a", "data", "pass")
FAIL = Check("b", "data", "fail")
WARN = Check("c", "signal", "fail", "warn")
ERROR = Check("d", "signal", "error")
SKIPPED = skipped("e", "signal", "nothing is held out")


def verdict(*checks: Check) -> Verdict:
    return Verdict({"name": "x"}, "0" * 64, {"python": "3"}, 1, checks, {}, ({"id": "r"},))


@pytest.mark.parametrize(
    ("value", "op", "threshold", "status"),
    [
        (1, "<=", 1, "pass"),
        (1.01, "<=", 1, "fail"),
        (1, "<", 1, "fail"),
        (0.99, "<", 1, "pass"),
        (1, ">=", 1, "pass"),
        (0.99, ">=", 1, "fail"),
        (1, ">", 1, "fail"),
        (1.01, ">", 1, "pass"),
        (0, "==", 0, "pass"),
        (1, "==", 0, "fail"),
        *((math.nan, op, 1, "fail") for op in ("<=", ">=", "<", ">", "==")),
    ],
)
def test_a_comparison(value: float, op: str, threshold: float, status: str) -> None:
    check = compare("a.b", "data", "metric", value, op, threshold, language="kat_Geor", detail="why")
    assert check.status == status
    assert check.value == (None if math.isnan(value) else value)
    assert (check.id, check.kind, check.metric, check.op, check.threshold) == ("a.b", "data", "metric", op, threshold)
    assert (check.language, check.detail, check.severity) == ("kat_Geor", "why", "block")


def test_what_is_not_finite_has_no_value_in_json() -> None:
    check = compare("a", "data", "m", math.inf, ">", 0)
    assert (check.status, check.value) == ("pass", None)


@pytest.mark.parametrize(
    ("checks", "status"),
    [
        ((), "pass"),
        ((PASS,), "pass"),
        ((PASS, WARN, SKIPPED), "pass"),
        ((PASS, FAIL), "fail"),
        ((FAIL, WARN), "fail"),
        ((PASS, ERROR), "error"),
        ((FAIL, ERROR), "error"),
    ],
)
def test_the_status_of_all(checks: tuple[Check, ...], status: str) -> None:
    assert verdict(*checks).status == status
    assert verdict(*checks[::-1]).status == status


def test_json() -> None:
    value = verdict(PASS, FAIL, WARN, ERROR, SKIPPED, PASS).to_json()
    assert value["schema"] == "gate-verdict/2"
    assert value["counts"] == {"pass": 2, "fail": 2, "error": 1, "skipped": 1, "warn": 1}
    assert [check["id"] for check in value["checks"]] == ["a", "b", "c", "d", "e", "a"]
    assert value["checks"][4]["detail"] == "nothing is held out"
    assert value["status"] == "error"
    assert value["suspects"] == [{"id": "r"}]
    assert set(value["checks"][0]) == set(Check.__slots__)
