import json
import re
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from parsed_page import Page

from curation.report import build_report, write_report
from curation.report.page import render_page
from curation.report.quota import quota_numbers
from curation.report.visible import visible

CHECKS = [
    {"id": "data.schema", "kind": "data", "status": "pass", "severity": "block", "value": 9, "threshold": 9, "op": "="},
    {"id": "data.label_noise", "kind": "data", "status": "fail", "severity": "block", "language": "heb_Hebr",
     "metric": "share", "value": 0.31, "threshold": 0.05, "op": "<=", "detail": "</td><script>alert(2)</script>"},
    {"id": "signal.gain", "kind": "signal", "status": "skipped", "severity": "warn"},
]  # fmt: skip
METRICS = {
    "losses": [{"step": step, "loss": loss} for step, loss in ((1, 5.5), (100, 3.25), (200, 2.5))],
    "grid": [
        {"depth": d, "dim": n, "rank": r, "accuracy": 0.1 * d + n / 100}
        for d in (0, 1)
        for n in (16, 32)
        for r in (8, 16)
    ],
    "held_out": {"accuracy": 0.52, "shuffled": 0.1, "untrained": 0.2, "lexical": 0.22},
    "languages": {"heb_Hebr": {"accuracy": 0.41}},
}
SUSPECTS = [
    {"language": "heb_Hebr", "id": "0" * 32, "anchor": "Changes saved.", "positive": "\u202eהשינויים", "margin": -0.4}
]
VERDICTS = [None] + [
    {"status": status, "checks": CHECKS, "metrics": METRICS, "suspects": SUSPECTS}
    for status in ("pass", "fail", "error")
]


@pytest.fixture(params=VERDICTS, ids=["none", "pass", "fail", "error"])
def page(request: pytest.FixtureRequest, run: Any, judged: Any) -> Page:
    return Page(render_page(build_report(judged(request.param), ledger=run.ledger)))


def test_nothing_comes_from_outside(page: Page) -> None:
    for tag, attributes, _ in page.elements:
        assert tag not in {"img", "link", "iframe", "object", "embed", "base", "form", "use", "image", "audio", "video"}
        assert "src" not in attributes
        assert all(not name.startswith("on") and name != "style" for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")
    assert [len(list(page.all(tag))) for tag in ("script", "style")] == [1, 1]


def test_the_policy_names_exactly_our_style_and_script(run: Any) -> None:
    text = render_page(build_report(run.release))
    (policy,) = (a["content"] for a in Page(text).all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert policy.count("'sha256-") == 2
    assert "unsafe" not in policy
    assert not re.search(r"url\(|@import|fetch\(|https?:", text)


def test_every_id_is_unique_and_every_reference_has_its_target(page: Page) -> None:
    ids = Counter(a["id"] for _, a, _ in page.elements if "id" in a)
    assert set(ids.values()) == {1}
    wanted = {a["href"][1:] for a in page.all("a") if a.get("href")}
    wanted |= {str(a["aria-labelledby"]) for _, a, _ in page.elements if "aria-labelledby" in a}
    wanted |= {str(a["for"]) for a in page.all("label")}
    assert wanted
    assert wanted <= set(ids)


def test_every_table_has_a_caption_and_headers_with_a_scope(page: Page) -> None:
    assert len(page.tables) > 20
    assert all(table["caption"] == 1 and table["thead"] == 1 and table["tbody"] == 1 for table in page.tables)
    assert all(a.get("scope") in {"col", "row"} for a in page.all("th"))
    assert len({a.get("aria-label") for a in page.all("div") if a.get("role") == "region"}) == sum(
        a.get("role") == "region" for a in page.all("div")
    )


def test_it_can_be_read_by_keyboard_and_screen_reader(page: Page) -> None:
    assert next(page.all("html"))["lang"] == "en"
    headings = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(headings))
    pictures = [a for tag, a, parents in page.elements if tag == "svg" and "svg" not in parents]
    assert pictures
    assert all(a.get("role") == "img" for a in pictures)
    assert sum(tag == "title" and parents[-1] == "svg" for tag, _, parents in page.elements) == len(pictures)
    # What scrolls must be reachable without a mouse.
    assert all(
        a.get("tabindex") == "0" and a.get("aria-label")
        for a in page.all("div")
        if "scroll" in (a.get("class") or "").split()
    )
    assert {tag for tag, _, _ in page.elements} >= {"main", "nav", "header", "footer", "section"}


def test_the_columns_of_languages_sort_by_their_own_kind(run: Any) -> None:
    page = Page(render_page(build_report(run.release)))
    headers = [a for a in page.all("th") if "aria-sort" in a]
    assert [a["aria-sort"] for a in headers].count("descending") == 1
    found = {str(a["data-search"]).split()[-1] for a in page.all("tr") if "data-search" in a}
    assert found == set(run.release.languages)
    cells = [a for a in page.all("td") if "data-value" in a]
    assert cells
    assert all(re.fullmatch(r"|\d+(\.\d+)?(e-\d+)?", a["data-value"] or "") for a in cells)


def test_texts_of_strangers_are_text_with_their_own_direction(run: Any, hostile: str, sentences: Any) -> None:
    text = render_page(build_report(run.release, ledger=run.ledger))
    page = Page(text)
    assert hostile not in text
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b]", text)
    assert visible(hostile) in "".join(page.words)
    inside = {word for tag, _, parents in page.elements for word in parents if tag == "bdi"}
    assert "td" in inside
    assert all(a.get("dir", "auto") == "auto" for a in page.all("bdi"))
    assert all(sentences[code][0] in text for code in ("arb_Arab", "heb_Hebr", "cmn_Hans"))


def test_alarms_stand_at_the_top_with_their_samples(run: Any, hostile: str) -> None:
    report = build_report(run.release, ledger=run.ledger)
    samples = [sample for rule in report["rules"] for sample in rule["samples"]][:20]
    alarm = {"stage": "filter", "reason": "error", "sources": ["messages"], "language": "khm_Khmr", "rows": 1200}
    alarm |= {"removed": 1044, "share": 0.87, "max_drop_share": 0.5, "samples": samples}
    alarms = [alarm, alarm | {"language": "", "sources": ["a", "b"], "samples": []}]
    text = render_page(report | {"alarms": alarms})
    page = Page(text)
    assert [a["class"] for a in page.all("section") if "class" in a] == ["verdict none", "verdict error"]
    words = "error (filter) took 87.0%, 1,044 of 1,200 rows, of"
    assert f"{words} khm_Khmr from messages; at most 50.0% is allowed" in page.text
    assert f"{words} all languages from a, b; at most" in page.text
    assert hostile not in text
    labels = Counter(a["aria-label"] for a in page.all("div") if a.get("role") == "region")
    assert set(labels.values()) == {1}
    assert labels["Samples of alarm 1: error in filter"]


def test_losses_stand_by_language_and_stage(run: Any) -> None:
    report = build_report(run.release)
    for row in report["languages"]:
        assert row["funnel"][0]["in"] == row["read"]
        assert row["funnel"][-1]["out"] == row["released"]
        assert {f"{s['stage']}/{reason}": rows for s in row["funnel"] for reason, rows in s["lost"].items()} == row[
            "lost"
        ]
    page = Page(render_page(report))
    (place,) = [n for n, (_, a, _) in enumerate(page.elements) if "funnels" in (a.get("class") or "")]
    rows = sum(tag == "tr" and "tbody" in parents for tag, _, parents in page.elements[place:])
    assert rows >= len(report["languages"])


@pytest.mark.parametrize(
    ("verdict", "css", "words"),
    [
        (VERDICTS[0], "none", "Verdict: Not gated"),
        (VERDICTS[1], "pass", "Verdict: Pass"),
        (
            VERDICTS[2],
            "fail",
            "data.label_noise, Hebrew heb_Hebr: share 0.31, must be ≤ 0.05: </td><script>alert(2)</script>",
        ),
        (VERDICTS[3], "error", "nobody knows whether this release is sound"),
    ],
)
def test_the_banner_says_it_in_words_and_colour(run: Any, judged: Any, verdict: Any, css: str, words: str) -> None:
    page = Page(render_page(build_report(judged(verdict))))
    assert next(page.all("section"))["class"] == f"verdict {css}"
    assert words in page.text


@pytest.mark.parametrize(
    "verdict",
    [{"status": "pass"}, {"status": "fail", "metrics": {}}, {"status": "error", "checks": [], "metrics": None}],
)
def test_a_verdict_that_says_little_makes_a_page(run: Any, judged: Any, verdict: Any) -> None:
    assert "No model was trained on this release." in Page(render_page(build_report(judged(verdict)))).text


def test_both_files_are_written_and_say_the_same(run: Any, tmp_path: Path) -> None:
    html, numbers = tmp_path / "report.html", tmp_path / "report.json"
    write_report(run.release, ledger=run.ledger, html=html, json=numbers)
    report = json.loads(numbers.read_text(encoding="utf-8"))
    assert report == build_report(run.release, ledger=run.ledger)
    assert html.read_text(encoding="utf-8") == render_page(report)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json"]


def test_without_a_place_for_numbers_there_is_the_page_alone(run: Any, tmp_path: Path) -> None:
    write_report(run.release, ledger=None, html=tmp_path / "page.html", json=None)
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_a_language_that_lost_nothing_has_its_row(run: Any) -> None:
    report = build_report(run.release, ledger=run.ledger)
    first, *others = report["languages"]
    text = render_page({**report, "languages": [{**first, "lost": {}}, *others]})
    assert first["code"] in text


def _grown(report: dict[str, Any], count: int) -> dict[str, Any]:
    """Return a report with so many languages, each with three checks."""
    rows = [{**report["languages"][n % 15], "code": f"l{n:02d}_Latn", "name": f"Language {n}"} for n in range(count)]
    checks = [
        {**report["checks"][0], "id": f"data.{k}", "language": row["code"], "status": "pass"}
        for row in rows
        for k in "abc"
    ]
    return {**report, "languages": rows, "checks": checks}


def test_three_hundred_languages_stay_small_and_quick(run: Any, judged: Any) -> None:
    report = build_report(judged(VERDICTS[2]), ledger=run.ledger)
    seconds = {}
    for count in (300, 1200):
        start = time.process_time()
        text = render_page(_grown(report, count))
        seconds[count] = time.process_time() - start
        if count == 300:
            assert len(text.encode()) < 2_000_000
    # Four times the languages take about four times as long; sixteen times would be quadratic.
    assert seconds[1200] < 10 * max(seconds[300], 0.05)


def test_the_connected_groups_are_shown_where_there_are_any(run: Any) -> None:
    report = build_report(run.release)
    assert 'id="splits"' not in render_page(report)
    splits = {"records": 7_000, "components": 4_321, "connected": 3_210, "largest": 765, "largest_held_out": 100}
    page = Page(render_page(report | {"splits": splits | {"held_in_train": {"records": 987, "components": 2}}}))
    assert "Connected groups4,321 of 7,000 records" in page.text
    assert "987 in 2 groups of more than 100" in page.text


def test_quotas_licences_and_what_is_new_stand_in_the_page(run: Any) -> None:
    report = build_report(run.release, ledger=run.ledger)
    report |= {"changelog": ["## 1.1.0", "", "5 added, <b>bold</b>"]}
    cells = [{"language": "tha_Thai", "task": "bitext", "source": "messages", "asked": 90, "available": 60}]
    cells[0] |= {"given": 70, "repeated": 10, "short": 20, "limit": "source_share"}
    report["quota"] = quota_numbers(cells, {"method": "unimax", "budget": 70})
    report["licence"] = {"release": None, "how": "computed", "undescribed": ["LicenseRef-x"], "recipes": ["messages"]}
    report["licence"]["left_out"] = [{"source": "films", "licence": "CC-BY-NC-4.0", "why": "it forbids it"}]
    page = render_page(report)
    assert "## 1.1.0\n\n5 added, &lt;b&gt;bold" in page
    for words in ("A budget of 70 training rows, shared out by unimax", "source share", "there is no licence for the"):
        assert words in page
    for words in ("LicenseRef-x", "Left out: films (CC-BY-NC-4.0)", "there are hashes only"):
        assert words in page


def test_repetitions_are_no_rows_that_were_read(run: Any) -> None:
    report = build_report(run.release, ledger=run.ledger)
    read = report["totals"]["read"]
    report["totals"] |= {"released": read + 100, "repeated": 100 + read // 2, "recipe": 0}
    page = render_page(report)
    assert "Of these repetitions" in page
    assert f"{(read - read // 2) / read:.1%}" in page
