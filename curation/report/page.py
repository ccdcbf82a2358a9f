"""The report as one HTML file that needs nothing else: no network, no other file, and no script to be read."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from curation.files import write_json, write_text
from curation.release import Release
from curation.report import charts
from curation.report.build import build_report
from curation.report.visible import visible

_MODELS = {
    "accuracy": "Trained on this release",
    "shuffled": "Trained on shuffled positives",
    "untrained": "Untrained",
    "lexical": "TF-IDF",
}
_SCORES = (("positive_score", "positive"), ("negative_score", "negative"))
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def write_report(release: Release, *, ledger: Path | None, html: Path, json: Path | None) -> None:
    """Write the report of a release, atomically.

    Args:
        release: the release.
        ledger: folder of the run's ledgers, if it is at hand; samples of what was dropped come from it.
        html: where the page goes.
        json: where the same numbers go, if they are wanted.

    Raises:
        CurationError: if a shard or a ledger cannot be read.
    """
    report = build_report(release, ledger=ledger)
    write_text(html, render_page(report))
    if json is not None:
        write_json(json, report)


def render_page(report: Mapping[str, Any]) -> str:
    """Return the page of a report that `build_report` has made. All its text is taken to be hostile."""
    shown = _visible_values(report)
    environment = _environment()
    style, script = (Markup(environment.get_template(name).render()) for name in ("style.html", "script.html"))  # noqa: S704 - our own files
    return environment.get_template("report.html").render(
        report=shown,
        style=style,
        script=script,
        policy=_policy(style, script),
        histograms=_histograms(shown["distributions"]),
        sparks=_sparklines(shown),
        loss=charts.line(
            [(point["step"], point["loss"]) for point in shown["training"]["losses"]], "Training loss by step"
        ),
        grid=_grid(shown["training"]["grid"]),
        models=_MODELS,
        losers=_losers(shown["languages"]),
        names={row["code"]: row["name"] for row in shown["languages"]},
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("curation.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "percent": _percent, "score": _score, "size": _size}
    environment.globals |= {"funnel": charts.funnel, "heat": charts.heat, "share_bar": charts.share_bar}
    return environment


def _policy(style: str, script: str) -> str:
    """Return a content security policy under which nothing but our own style and script can act, or reach anything."""
    ours = f"style-src '{_digest(style)}'; script-src '{_digest(script)}'"
    return f"default-src 'none'; {ours}; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _visible_values(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {_visible_values(key): _visible_values(item) for key, item in value.items()}
    return [_visible_values(item) for item in value] if isinstance(value, list | tuple) else value


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
    scores = charts.occupied(totals[name]["counts"] for name, _ in _SCORES if name in totals)
    return {row["code"]: _sparks(row["distributions"], lengths, scores) for row in report["languages"]}


def _sparks(found: Mapping[str, Any], lengths: range, scores: range) -> dict[str, Markup]:
    series = {name: charts.Series(css, found[name]["counts"]) for name, css in _SCORES if name in found}
    sparks = {}
    if "length" in found:
        title = f"Length of text: half below {found['length']['median']:,.0f} characters"
        sparks["length"] = charts.sparkline([charts.Series("kept", found["length"]["counts"])], title, bins=lengths)
    if series:
        medians = ", ".join(f"{name.partition('_')[0]}s {found[name]['median']:.2f}" for name in series)
        sparks["scores"] = charts.sparkline(list(series.values()), f"Median similarity: {medians}", bins=scores)
    return sparks


def _losers(languages: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the stages at which any language lost rows, in order."""
    lost = [{step["stage"]: step["in"] - step["out"] for step in row["funnel"]} for row in languages]
    return [stage for stage in (lost[0] if lost else ()) if any(of_language[stage] for of_language in lost)]


def _grid(cells: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the cells as one table a depth, a row a rank and a column a dimension, with steps of the heat scale."""
    dims, ranks, depths = (sorted({cell[axis] for cell in cells}) for axis in ("dim", "rank", "depth"))
    values = {(cell["depth"], cell["rank"], cell["dim"]): cell["accuracy"] for cell in cells}
    bounds = min(values.values(), default=0.0), max(values.values(), default=0.0)
    steps = {place: charts.heat(value, *bounds) for place, value in values.items()}
    return [
        {
            "depth": depth,
            "dims": dims,
            "rows": [
                (rank, [(values.get(at), steps.get(at)) for dim in dims if (at := (depth, rank, dim))])
                for rank in ranks
            ],
        }
        for depth in depths
    ]


def _number(value: object) -> str:
    """Return a count with separators, another number to four digits, and a dash for what is not known."""
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if isinstance(value, float) else str(value)


def _percent(part: float | None, whole: float = 1) -> str:
    return "–" if part is None or not whole else f"{part / whole:.1%}"


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _size(count: int) -> str:
    power = min(len(_UNITS) - 1, max(0, (count.bit_length() - 1) // 10))
    return f"{count / 1024**power:,.{0 if power == 0 else 1}f} {_UNITS[power]}"
