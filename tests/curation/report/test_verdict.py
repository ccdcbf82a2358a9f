from typing import Any

import pytest

from curation.gate.verdict import Verdict, compare, skipped
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
    assert numbers["verdict"]["counts"] == {"pass": 1, "fail": 2, "error": 1, "skipped": 1}


def test_of_many_failures_the_banner_names_a_few() -> None:
    numbers = gate_numbers({"status": "fail", "checks": [check(str(n), "fail") for n in range(12)]})
    assert (len(numbers["verdict"]["first"]), numbers["verdict"]["more"]) == (5, 7)


def test_a_verdict_without_metrics_has_no_training() -> None:
    assert gate_numbers({"status": "pass"})["training"] == {"losses": [], "held_out": {}, "grid": [], "suspects": []}


def test_the_least_plausible_pairs_of_all_languages_come_first_and_are_cut() -> None:
    suspects = [
        {"language": "tha_Thai", "id": f"{number:032x}", "anchor": "a" * 500, "positive": "ก", "margin": number / 10}
        for number in (7, 3, 30, *range(40, 70))
    ]
    shown = gate_numbers({"status": "pass", "suspects": suspects})["training"]["suspects"]
    assert [suspect["margin"] for suspect in shown[:3]] == [0.3, 0.7, 3.0]
    assert len(shown) == 20
    assert all(len(suspect["anchor"]) == 240 for suspect in shown)


def test_the_real_gate_is_understood() -> None:
    """Names of the keys are a contract with `curation.gate`; a change there must show here."""
    checks = (
        compare("data.leaks", "data", "share", 0.2, "<=", 0.01, language="heb_Hebr"),
        skipped("signal.x", "signal", "why"),
    )
    metrics = {
        "losses": [{"step": 1, "loss": 5.0}],
        "languages": {"heb_Hebr": {"accuracy": 0.5, "mrr": 0.6, "pairs": 20}},
        "grid": [{"depth": 0, "dim": 16, "rank": 16, "accuracy": 0.4, "mrr": 0.5}],
        "held_out": {"accuracy": 0.5, "shuffled": 0.1, "untrained": 0.2, "lexical": 0.3},
    }
    verdict = Verdict({"manifest_sha256": "0" * 64}, "", {}, 0, checks, metrics, ())
    numbers = gate_numbers(verdict.to_json())
    assert numbers["verdict"]["status"] == "fail"
    assert [check["language"] for check in numbers["verdict"]["first"]] == ["heb_Hebr"]
    assert numbers["accuracy"] == {"heb_Hebr": 0.5}
    assert numbers["training"] == {
        "losses": [{"step": 1, "loss": 5.0}],
        "held_out": metrics["held_out"],
        "grid": [{"depth": 0, "dim": 16, "rank": 16, "accuracy": 0.4}],
        "suspects": [],
    }
