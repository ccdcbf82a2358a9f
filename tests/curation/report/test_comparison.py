from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from parsed_page import Page
from synthetic_runs import put_verdict

from curation.release import Release
from curation.report import build_report
from curation.report.comparison import compare_with
from curation.report.page import render_page

SETTINGS = {"training_sha256": "ab", "seeds": 1, "held_out_ids": ["1", "2"]}


def verdict(accuracy: float, **languages: float) -> dict[str, Any]:
    by_language = {code: {"accuracy": value} for code, value in languages.items()}
    figures = {"held_out": {"accuracy": accuracy}, "languages": by_language, "settings": SETTINGS}
    return {"status": "pass", "checks": [], "metrics": figures}


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory, make_run: Any, sentences: Any) -> Release:
    """A release without Thai, with Zulu, and with fewer rows of each language."""
    others = {code: texts for code, texts in sentences.items() if code != "tha_Thai"}
    others["zul_Latn"] = ["Irekhodi ayinakususwa.", "Izinguquko zilondoloziwe.", "Faka iphasiwedi futhi."]
    made: Release = make_run(tmp_path_factory.mktemp("earlier"), others, each=4).release
    return made


def test_a_release_has_not_changed_since_itself(run: Any) -> None:
    found = compare_with(run.release, run.release)
    assert all(row["before"] == row["after"] for row in found["figures"])
    assert (found["languages"], found["rules"]) == ([], [])
    assert found["unchanged"] == len(run.release.languages)
    assert found["baseline"] == {**run.release.identity, "is_parent": False}


def test_languages_that_came_or_went_come_first(run: Any, earlier: Release) -> None:
    found = compare_with(run.release, earlier)
    totals = {row["name"]: (row["before"], row["after"]) for row in found["figures"]}
    count = len(run.release.languages)
    assert totals["released"] == (4 * count, 8 * count)
    assert totals["languages"] == (count, count)
    assert "accuracy" not in totals
    rows = [(row["code"], row["before"], row["after"]) for row in found["languages"]]
    assert rows[:2] == [("tha_Thai", 0, 8), ("zul_Latn", 4, 0)]
    assert {row[1:] for row in rows[2:]} == {(4, 8)}
    assert [row[0] for row in rows[2:]] == sorted(row[0] for row in rows[2:])
    assert len(rows) + found["unchanged"] == count + 1


def test_rules_are_compared_by_their_share_of_what_reached_them(run: Any, tmp_path: Path) -> None:
    stats = run.release.stats
    entering = {row["stage"]: row["in"] for row in stats["funnel"]}
    first, second, *_ = stats["reasons"]
    first["rows"] //= 2
    second["reason"] = "another_rule"
    (tmp_path / "stats.json").write_text(json.dumps(stats), encoding="utf-8")
    found = compare_with(run.release, replace(run.release, path=tmp_path))["rules"]
    shares = {rule["reason"]: (rule["before"], rule["after"]) for rule in found}
    whole = {reason["reason"]: reason["rows"] / entering[reason["stage"]] for reason in run.release.stats["reasons"]}
    (gone,) = set(whole) - {reason["reason"] for reason in stats["reasons"]}
    share = round(first["rows"] / entering[first["stage"]], 6)
    assert shares == {
        first["reason"]: (share, round(whole[first["reason"]], 6)),
        "another_rule": (round(whole[gone], 6), 0.0),
        gone: (0.0, round(whole[gone], 6)),
    }
    changes = [abs(rule["after"] - rule["before"]) for rule in found]
    assert changes == sorted(changes, reverse=True)


@pytest.fixture
def pair(earlier: Release, run: Any) -> Iterator[Callable[..., dict[str, Any]]]:
    """Compare the two releases, once these verdicts are theirs."""

    def compare(before: dict[str, Any] | None, after: dict[str, Any] | None) -> dict[str, Any]:
        return compare_with(put_verdict(run.release.path, after), put_verdict(earlier.path, before))

    yield compare
    put_verdict(run.release.path, None)
    put_verdict(earlier.path, None)


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (verdict(0.5, heb_Hebr=0.4), verdict(0.6, heb_Hebr=0.45), ""),
        (None, verdict(0.6), "no verdict with figures"),
        (verdict(0.5), None, "this release has no verdict"),
        ({"status": "pass"}, verdict(0.6), "no verdict with figures"),
    ],
)
def test_accuracies_stand_beside_each_other_with_what_they_are_worth(
    pair: Callable[..., dict[str, Any]], before: Any, after: Any, why: str
) -> None:
    found = pair(before, after)
    assert why in found["verdict"]["why_not"]
    assert bool(why) == bool(found["verdict"]["why_not"])
    statuses = [said["status"] if said else None for said in (before, after)]
    assert [found["verdict"]["before"], found["verdict"]["after"]] == statuses
    accuracies = {row["code"]: (row["accuracy_before"], row["accuracy_after"]) for row in found["languages"]}
    assert accuracies["heb_Hebr"] == ((0.4, 0.45) if not why else (None, None))
    assert accuracies["jpn_Jpan"] == (None, None)


def test_the_page_has_it_and_names_the_languages_that_are_gone(run: Any, earlier: Release) -> None:
    report = build_report(run.release, ledger=run.ledger, baseline=earlier)
    assert report["comparison"] == compare_with(run.release, earlier)
    page = Page(render_page(report))
    assert "Compared with messages 0.1.0" in page.text
    assert "Zulu zul_Latn40gone" in page.text
    without = Page(render_page(build_report(run.release, ledger=run.ledger)))
    assert "Compared with" not in without.text


def test_a_strangers_release_cannot_write_the_page(run: Any, earlier: Release, hostile: str) -> None:
    stranger = replace(earlier, manifest={**earlier.manifest, "name": hostile, "version": hostile})
    text = render_page(build_report(run.release, baseline=stranger))
    assert "<img" not in text
    assert "\u202e" not in text
    assert text.count("<script>") == 1
