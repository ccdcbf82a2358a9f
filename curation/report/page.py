"""The report as one HTML file that needs nothing else: no network, no other file, and no script to be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from curation.files import write_json, write_text
from curation.release import Release
from curation.report import charts
from curation.report.build import build_report, language_names
from curation.report.rendering import render, visible_values

_SCORES = (("positive_score", "positive"), ("negative_score", "negative"))


def write_report(
    release: Release, *, ledger: Path | None, html: Path, json: Path | None, baseline: Release | None = None
) -> None:
    """Write the report of a release, atomically.

    Args:
        release: the release.
        ledger: folder of the run's ledgers, if it is at hand; samples of what was dropped come from it.
        html: where the page goes.
        json: where the same numbers go, if they are wanted.
        baseline: an earlier release to compare with.

    Raises:
        CurationError: if a shard or a ledger cannot be read.
    """
    report = build_report(release, ledger=ledger, baseline=baseline)
    write_text(html, render_page(report))
    if json is not None:
        write_json(json, report)


def render_page(report: Mapping[str, Any]) -> str:
    """Return the page of a report that `build_report` has made. All its text is taken to be hostile."""
    shown = visible_values(report)
    return render(
        "report.html",
        report=shown,
        histograms=_histograms(shown["distributions"]),
        sparks=_sparklines(shown),
        teachers=_teachers(shown["mining"]),
        similarity=_similarity(shown["clusters"]["similarity"]),
        losers=_losers(shown["languages"]),
        names={row["code"]: row["name"] for row in shown["languages"]} | _gone(shown["comparison"]),
    )


def _gone(comparison: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the names of the languages that only the earlier release has."""
    return language_names(row["code"] for row in comparison["languages"] if not row["after"]) if comparison else {}


def _teachers(mining: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the languages that a teacher was asked about, with how well it knows them: the least known first."""
    rows = [
        {**row, "known": row["recall_10"] if row["sampled_recall"] is None else row["sampled_recall"]}
        for row in (mining or {}).get("teachers", ())
    ]
    return sorted((row for row in rows if row["known"] is not None), key=lambda row: (row["known"], row["language"]))


def _similarity(found: Mapping[str, Any] | None) -> Markup:
    """Draw how alike near duplicates were."""
    if found is None or not any(found["counts"]):
        return Markup("")
    title = "Similarity of near duplicates to the record that stayed"
    return charts.histogram([charts.Series("merged", found["counts"])], found["edges"], title)


def _histograms(distributions: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return name, series and picture of each histogram that there are numbers for."""
    asked = (
        ("length", "Length of the text, in characters", [("length", "all rows", "kept")]),
        ("lid_score", "Probability of the language, by its identification", [("lid_score", "all rows", "kept")]),
        (
            "scores",
            "Similarity, as the teacher scores it",
            [("positive_score", "positives", "positive"), ("negative_score", "negatives", "negative")],
        ),
        ("gap", "Similarity of the positive less that of the hardest negative", [("gap", "records", "kept")]),
    )
    return [
        _figure(name, title, present, distributions)
        for name, title, wanted in asked
        if (present := [item for item in wanted if item[0] in distributions and any(distributions[item[0]]["counts"])])
    ]


def _figure(
    name: str, title: str, series: Sequence[tuple[str, str, str]], distributions: Mapping[str, Any]
) -> dict[str, Any]:
    drawn = [charts.Series(css, distributions[measure]["counts"]) for measure, _, css in series]
    edges = distributions[series[0][0]]["edges"]
    return {
        "name": name,
        "title": title,
        "series": [{**distributions[measure], "label": label, "css": css} for measure, label, css in series],
        "picture": charts.histogram(drawn, edges, title),
        "bins": [(edges[place], edges[place + 1], place) for place in charts.occupied(one.counts for one in drawn)],
    }


def _sparklines(report: Mapping[str, Any]) -> dict[str, dict[str, Markup]]:
    """Return the sparklines of each language, by its code; all of a kind are drawn over the same bins."""
    totals = report["distributions"]
    lengths = charts.occupied([totals["length"]["counts"]] if "length" in totals else [])
    sure = charts.occupied([totals["lid_score"]["counts"]] if "lid_score" in totals else [])
    scores = charts.occupied(totals[name]["counts"] for name, _ in _SCORES if name in totals)
    return {row["code"]: _sparks(row["distributions"], lengths, sure, scores) for row in report["languages"]}


def _sparks(found: Mapping[str, Any], lengths: range, sure: range, scores: range) -> dict[str, Markup]:
    series = {name: charts.Series(css, found[name]["counts"]) for name, css in _SCORES if name in found}
    sparks = {}
    if "length" in found:
        title = f"Length of text: half below {found['length']['median']:,.0f} characters"
        sparks["length"] = charts.sparkline([charts.Series("kept", found["length"]["counts"])], title, bins=lengths)
    if "lid_score" in found:
        title = f"Probability of the language: half below {found['lid_score']['median']:.2f}"
        sparks["sure"] = charts.sparkline([charts.Series("kept", found["lid_score"]["counts"])], title, bins=sure)
    if series:
        medians = ", ".join(f"{name.partition('_')[0]}s {found[name]['median']:.2f}" for name in series)
        sparks["scores"] = charts.sparkline(list(series.values()), f"Median similarity: {medians}", bins=scores)
    return sparks


def _losers(languages: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the stages at which any language lost rows, in order."""
    lost = [{step["stage"]: step["in"] - step["out"] for step in row["funnel"]} for row in languages]
    return [stage for stage in (lost[0] if lost else ()) if any(of_language[stage] for of_language in lost)]
