"""The gate's page: everything of the verdict, nothing from outside, hostile text as text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from parsed_page import Page

from curation.gate.verdict import Check, Verdict, compare, skipped
from curation.release import Release, layout
from curation.release.verify import verify_release
from curation.report import write_gate_outputs
from curation.report.gate_page import render_gate_page
from curation.report.visible import visible

CODES = ("heb_Hebr", "arb_Arab", "hin_Deva", "tha_Thai", "jpn_Jpan", "kat_Geor", "amh_Ethi", "cmn_Hans", "tam_Taml")


def suspects(sentences: dict[str, list[str]], hostile: str) -> list[dict[str, Any]]:
    found = [
        {"language": code, "id": f"{n:032x}", "anchor": sentences[code][0], "positive": sentences[code][1]}
        for code in CODES
        for n in range(25)
    ]
    found[0] |= {"anchor": hostile}
    return [row | {"margin": -n / 100} for n, row in enumerate(found)]


def verdict(sentences: dict[str, list[str]], hostile: str) -> dict[str, Any]:
    checks = (
        compare("data.labels", "data", "share", 0.31, "<=", 0.05, language="heb_Hebr", detail=hostile),
        compare("data.labels", "data", "share", 0.01, "<=", 0.05, language="tha_Thai"),
        compare("mechanism.grid", "mechanism", "cells", 12, "==", 12),
        compare("signal.gain_over_lexical", "signal", "gain", -0.1, ">", 0, severity="warn"),
        skipped("signal.baseline", "signal", "no baseline"),
        Check("signal.training", "signal", "error", detail="ArithmeticError"),
    )
    grid = [
        {"depth": depth, "dim": dim, "rank": rank, "accuracy": 0.1 * depth + dim / 100 + rank / 1000, "mrr": 0.5}
        for depth in (0, 1, 2)
        for dim in (16, 32)
        for rank in (8, 64)
    ]
    metrics = {
        "losses": [{"step": step, "loss": 6 - step / 50} for step in (1, 100, 200)],
        "languages": {code: {"accuracy": 0.5, "mrr": 0.6, "pairs": 40} for code in CODES},
        "grid": grid,
        "held_out": {"accuracy": 0.5, "shuffled": 0.1, "untrained": 0.2, "lexical": 0.3},
    }
    release = {"name": "messages", "version": "1.0.0", "manifest_sha256": "ab" * 32}
    made = Verdict(release, "cd" * 32, {"torch": "2.13.0"}, 3, checks, metrics, tuple(suspects(sentences, hostile)))
    return made.to_json()


@pytest.fixture
def said(sentences: dict[str, list[str]], hostile: str) -> dict[str, Any]:
    return verdict(sentences, hostile)


def test_nothing_comes_from_outside_and_only_ours_may_act(said: dict[str, Any]) -> None:
    text = render_gate_page(said)
    page = Page(text)
    for tag, attributes, _ in page.elements:
        assert tag not in {"img", "link", "iframe", "object", "embed", "base", "form", "use", "image"}
        assert not {"src", "style"} & set(attributes)
        assert all(not name.startswith("on") for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")
    (policy,) = (a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert str(policy).startswith("default-src 'none'; ")
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"url\(|@import|fetch\(|https?:", text)


def test_ids_references_tables_and_regions_are_sound(said: dict[str, Any]) -> None:
    page = Page(render_gate_page(said))
    ids = Counter(a["id"] for _, a, _ in page.elements if "id" in a)
    assert set(ids.values()) == {1}
    wanted = {str(a["href"])[1:] for a in page.all("a")} | {str(a["for"]) for a in page.all("label")}
    assert wanted <= set(ids)
    assert all(table["caption"] == 1 and table["thead"] == 1 for table in page.tables)
    labels = Counter(a.get("aria-label") for a in page.all("div") if a.get("role") == "region")
    assert set(labels.values()) == {1}
    headings = [tag for tag, _, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == "h1"


def test_hostile_text_is_text_and_every_script_is_rendered_in_its_direction(
    said: dict[str, Any], sentences: dict[str, list[str]], hostile: str
) -> None:
    text = render_gate_page(said, title=hostile)
    page = Page(text)
    assert hostile not in text
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b]", text)
    assert page.text.count(visible(hostile)) >= 3
    assert all(a.get("dir", "auto") == "auto" for a in page.all("bdi"))
    for code in CODES:
        assert sentences[code][1] in page.text


def test_the_checks_stand_by_kind_with_what_must_be_read_first(said: dict[str, Any]) -> None:
    page = Page(render_gate_page(said))
    regions = [a["aria-label"] for a in page.all("div") if a.get("role") == "region"]
    assert [label for label in regions if label and "passed" in label] == [
        "Data: not passed",
        "Data: passed",
        "Mechanism: passed",
        "Signal: not passed",
    ]
    assert "False alarms" not in page.text
    assert "Verdict: Error" in page.text
    assert "data.labels, Hebrew heb_Hebr: share 0.31, must be ≤ 0.05" in page.text


def test_measured_false_alarms_are_shown(said: dict[str, Any]) -> None:
    said["checks"][0]["false_alarms"] = "1 of 40 clean runs"
    text = Page(render_gate_page(said)).text
    assert "1 of 40 clean runs" in text
    assert "False alarms" in text


def test_twenty_suspects_a_language(said: dict[str, Any]) -> None:
    text = render_gate_page(said)
    for code in CODES:
        (count,) = re.findall(rf'<span class="code muted">{code}</span>: (\d+)</summary>', text)
        assert count == "20"


def test_the_grid_is_a_table_of_depth_and_dimension_for_each_rank(said: dict[str, Any]) -> None:
    text = render_gate_page(said)
    assert [a["aria-label"] for a in Page(text).all("div") if "rank" in (a.get("aria-label") or "")] == [
        "Accuracy at rank 8",
        "Accuracy at rank 64",
    ]
    # The least of all cells and the greatest, over all tables.
    assert '<td class="h1">16.8%</td>' in text
    assert '<td class="h8">58.4%</td>' in text


def test_languages_with_failures_come_first_and_intervals_are_shown_if_known(said: dict[str, Any]) -> None:
    page = Page(render_gate_page(said))
    rows = [a["data-search"] for a in page.all("tr") if "data-search" in a]
    assert rows[0] == "Hebrew heb_Hebr"
    assert len(rows) == len(CODES)
    assert "Range" not in page.text
    said["metrics"]["languages"]["tha_Thai"] |= {"low": 0.4, "high": 0.61}
    assert "40.0% to 61.0%" in Page(render_gate_page(said)).text


@pytest.mark.parametrize(
    "said_little",
    [
        {},
        {"status": "pass", "checks": [], "metrics": None, "suspects": None},
        {
            "schema": "gate-verdict/9",
            "status": "pass",
            "checks": [{"id": "x", "status": "pass", "new": [1]}],
            "more": {},
        },
        {"status": "fail", "metrics": {"grid": [{"depth": 0, "dim": 8, "rank": 8, "accuracy": None}]}},
        {"status": "fail", "suspects": [{"margin": 0.1}, {"language": "zzz_Zzzz", "margin": None}]},
    ],
)
def test_missing_and_unknown_fields_do_no_harm(said_little: dict[str, Any]) -> None:
    text = Page(render_gate_page(said_little)).text
    assert ("Verdict: Pass" in text) == (said_little.get("status") == "pass")


def test_both_files_lie_beside_the_verdict_and_do_not_touch_the_release(
    judged: Callable[..., Release], said: dict[str, Any], run: Any
) -> None:
    release = judged(said | {"release": {"name": "messages", "manifest_sha256": run.release.digest}})
    write_gate_outputs(release)
    first = {name: (release.path / name).read_bytes() for name in (layout.GATE_REPORT, layout.JUNIT)}
    write_gate_outputs(release)
    assert first == {name: (release.path / name).read_bytes() for name in first}
    assert {path.name for path in (release.path / "gate").iterdir()} == {"verdict.json", "report.html", "junit.xml"}
    assert not [finding for finding in verify_release(release.path)[1] if finding.path.startswith("gate/")]
    assert ElementTree.fromstring(first[layout.JUNIT]).attrib["tests"] == "6"
    for name in first:
        (release.path / name).unlink()
