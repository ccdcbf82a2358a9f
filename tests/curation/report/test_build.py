from pathlib import Path
from typing import Any

import pytest

from curation.files import to_json
from curation.report import build_report


def test_the_numbers_are_those_of_the_statistics(run: Any) -> None:
    report, stats = build_report(run.release, ledger=run.ledger), run.release.stats
    assert report["schema"] == "curation-report/1"
    assert report["totals"] == stats["totals"]
    assert report["funnel"] == stats["funnel"]
    rules = [{name: rule[name] for name in stats["reasons"][0]} for rule in report["rules"]]
    stages = [row["stage"] for row in stats["funnel"]]
    assert rules == sorted(stats["reasons"], key=lambda rule: (stages.index(rule["stage"]), -rule["rows"]))
    for row in report["languages"]:
        theirs = stats["languages"][row["code"]]
        assert {name: row[name] for name in theirs} == theirs
        assert sum(row["distributions"]["length"]["counts"]) == theirs["released"]
    released = stats["totals"]["released"]
    assert sum(report["distributions"]["length"]["counts"]) == released
    assert [(s["name"], s["licence"], s["lost"], s["released"]) for s in report["sources"]] == [
        ("messages", "CC0-1.0", released, released)
    ]


def test_languages_have_names_and_the_largest_comes_first(run: Any) -> None:
    languages = build_report(run.release)["languages"]
    names = {row["code"]: row["name"] for row in languages}
    assert (names["tha_Thai"], names["kat_Geor"], names["fra_Latn"]) == ("Thai", "Georgian", "French")
    order = [(-row["released"], -row["read"], row["code"]) for row in languages]
    assert order == sorted(order)


def test_a_merged_sample_stands_beside_the_record_it_was_merged_into(run: Any) -> None:
    rules = build_report(run.release, ledger=run.ledger)["rules"]
    merged = next(rule for rule in rules if rule["decision"] == "merged")
    for sample in merged["samples"]:
        assert sample["other"] == {name: sample[name] for name in ("query", "positive")}
    others = [sample for rule in rules if rule is not merged for sample in rule["samples"]]
    assert others
    assert all(sample["other"] is None for sample in others)


def test_equal_input_gives_equal_json(run: Any) -> None:
    first, second = (to_json(build_report(run.release, ledger=run.ledger)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("ledger", [None, Path("/nonexistent")])
def test_a_release_alone_is_enough(run: Any, ledger: Path | None) -> None:
    report = build_report(run.release, ledger=ledger)
    assert all(rule["samples"] == [] for rule in report["rules"])
    assert report["negatives"]


def test_held_out_accuracy_stands_with_its_language(run: Any, judged: Any) -> None:
    release = judged({"status": "pass", "metrics": {"languages": {"tam_Taml": {"accuracy": 0.625}}}})
    found = {row["code"]: row["accuracy"] for row in build_report(release)["languages"]}
    assert found["tam_Taml"] == 0.625
    assert found["hye_Armn"] is None
