from typing import Any

import pytest

from curation.report.verdict import gate_numbers


def check(name: str, status: str, severity: str = "block", **more: Any) -> dict[str, Any]:
    return {"id": name, "kind": "data", "status": status, "severity": severity, **more}


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (None, "none"),
        ({"status": "pass"}, "pass"),
        ({"status": "fail"}, "fail"),
        ({"status": "error"}, "error"),
        ({"status": "PASS"}, "error"),
        ({"status": "none"}, "error"),
        ({}, "error"),
    ],
)
def test_only_a_known_status_is_shown_as_such(verdict: dict[str, Any] | None, status: str) -> None:
    assert gate_numbers(verdict)["verdict"]["status"] == status


def test_the_most_urgent_checks_come_first_and_warnings_do_not_block() -> None:
    checks = [
        check("a", "pass"),
        check("b", "fail", "warn"),
        check("c", "skipped"),
        check("d", "fail"),
        check("e", "error"),
    ]
    numbers = gate_numbers({"status": "fail", "checks": checks})
    assert [item["id"] for item in numbers["checks"]] == ["e", "d", "b", "c", "a"]
    assert [item["id"] for item in numbers["verdict"]["first"]] == ["e", "d"]
    assert numbers["verdict"]["warnings"] == 1
    assert numbers["verdict"]["counts"] == {"error": 1, "fail": 2, "skipped": 1, "pass": 1}


def test_of_many_failures_the_banner_names_a_few() -> None:
    numbers = gate_numbers({"status": "fail", "checks": [check(str(n), "fail") for n in range(12)]})
    assert (len(numbers["verdict"]["first"]), numbers["verdict"]["more"]) == (5, 7)


def test_a_verdict_without_metrics_has_no_training() -> None:
    assert gate_numbers({"status": "pass"})["training"] == {"loss": [], "grid": [], "references": {}, "suspects": []}
