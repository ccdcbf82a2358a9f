import re
from typing import Any
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from curation.report import charts
from curation.report.charts import Series


def parse(markup: Markup) -> ElementTree.Element:
    return ElementTree.fromstring(markup)


def stage(name: str, rows_in: int, **lost: int) -> dict[str, Any]:
    row: dict[str, Any] = {"stage": name, "in": rows_in, **dict.fromkeys(charts.DECISIONS, 0), **lost}
    return row | {"out": rows_in - sum(lost.values())}


def widths(root: ElementTree.Element, css: str) -> list[float]:
    return [float(rect.attrib["width"].rstrip("%")) for rect in root.iter("rect") if rect.attrib["class"] == css]


FUNNEL = [stage("read", 1000), stage("near_dedup", 1000, merged=250), stage("filter", 750, dropped=200, quarantined=50)]


def test_funnel_draws_each_part_to_scale() -> None:
    root = parse(charts.funnel(FUNNEL))
    assert widths(root, "kept") == [100, 75, 50]
    assert [widths(root, name) for name in charts.DECISIONS] == [[20], [25], [5]]
    assert root.findtext("title") == "Rows of each stage: 1,000 read, 500 released"


def test_funnel_shows_the_smallest_loss_and_stays_inside() -> None:
    root = parse(charts.funnel([stage("filter", 10_000_000, quarantined=1)]))
    (rect,) = [rect for rect in root.iter("rect") if rect.attrib["class"] == "quarantined"]
    left, width = (float(rect.attrib[name].rstrip("%")) for name in ("x", "width"))
    assert width > 0.1
    assert left + width == pytest.approx(100)


@pytest.mark.parametrize(
    "empty",
    [
        charts.funnel([]),
        charts.funnel([stage("read", 0)]),
        charts.line([], "loss"),
        charts.line([(0, 1.0)], "loss"),
        charts.histogram([Series("kept", [0, 0])], [0, 1, 2], "nothing"),
        charts.sparkline([Series("kept", [0, 0])], "nothing", bins=range(2)),
    ],
)
def test_nothing_is_drawn_of_nothing(empty: Markup) -> None:
    assert empty == ""


def test_line_begins_and_ends_at_the_edges_and_counts_from_zero() -> None:
    root = parse(charts.line([(10, 4.0), (20, 3.0), (30, 1.0)], "Loss"))
    (path,) = root.iter("path")
    assert path.attrib["d"] == "M0 0L50 40L100 120"
    assert {text.text for text in root.iter("text")} >= {"0", "1", "4", "10", "20", "30"}


@pytest.mark.parametrize(
    ("value", "ceiling"), [(0.0, 1), (0.07, 0.08), (1.0, 1), (1.1, 2), (2.6, 3), (5.8, 6), (8.5, 10), (120.0, 200)]
)
def test_the_axis_ends_at_a_round_number(value: float, ceiling: float) -> None:
    root = parse(charts.line([(0, value), (1, 0.0)], "Loss"))
    assert f"{ceiling:.3g}" in {text.text for text in root.iter("text")}


def test_histogram_heights_are_shares_of_each_series() -> None:
    root = parse(
        charts.histogram([Series("positive", [0, 1, 3]), Series("negative", [0, 50, 50])], [0, 1, 2, 3], "Both")
    )
    heights = {
        css: [float(r.attrib["height"]) for r in root.iter("rect") if r.attrib["class"] == css]
        for css in ("positive", "negative")
    }
    assert heights["positive"] == pytest.approx([40, 120])
    assert heights["negative"] == pytest.approx([80, 80])


def test_sparklines_over_the_same_bins_can_be_compared() -> None:
    narrow = parse(charts.sparkline([Series("kept", [0, 5, 0, 0])], "a", bins=range(1, 4)))
    wide = parse(charts.sparkline([Series("kept", [0, 1, 2, 4])], "b", bins=range(1, 4)))
    assert [
        svg.attrib["viewBox"] for root in (narrow, wide) for svg in root.iter("svg") if "viewBox" in svg.attrib
    ] == ["0 0 3 20"] * 2
    assert next(wide.iter("path")).attrib["d"] == "M0 20V15h1V10h1V0h1V20z"


@pytest.mark.parametrize(
    ("counts", "bins"), [([[0, 0, 1], [0, 2, 0]], range(1, 3)), ([[0, 0]], range(0)), ([], range(0))]
)
def test_occupied_bins(counts: list[list[int]], bins: range) -> None:
    assert charts.occupied(counts) == bins


@pytest.mark.parametrize(
    ("value", "least", "greatest", "step"),
    [(0.0, 0.0, 1.0, 1), (0.5, 0.5, 0.54, 1), (0.52, 0.5, 0.54, 5), (1.0, 0.0, 1.0, 8), (0.3, 0.3, 0.3, 8)],
)
def test_heat(value: float, least: float, greatest: float, step: int) -> None:
    assert charts.heat(value, least, greatest) == step


@pytest.mark.parametrize(
    "chart",
    [
        charts.funnel(FUNNEL),
        charts.share_bar(1, 3, "kept 33%"),
        charts.line([(0, 1.0), (1, 0.5)], "Loss"),
        charts.histogram([Series("kept", [1, 2])], [0, 1, 2], "Lengths"),
        charts.sparkline([Series("kept", [1, 2])], "Lengths", bins=range(2)),
    ],
)
def test_every_chart_is_one_image_with_a_title(chart: Markup) -> None:
    root = parse(chart)
    assert root.attrib["role"] == "img"
    assert root.findtext("title")
    assert not re.search(r"NaN|inf", chart)


def test_hostile_names_are_text() -> None:
    chart = charts.funnel([stage("</svg><script>alert(1)</script>", 5)])
    assert "<script" not in chart
    assert "</svg><script>alert(1)</script>" in "".join(parse(chart).itertext())
