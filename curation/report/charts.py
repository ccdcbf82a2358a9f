"""Pictures as inline SVG: pure functions from numbers to markup.

A chart has no fixed width: places across are percentages, heights are pixels, so that letters keep their size on
every screen. Colours are classes of the page's style. Every chart is one image to a screen reader, with a title that
says what it shows; the numbers stand in a table beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

DECISIONS = ("dropped", "merged", "quarantined")

_ROW, _BAR = 50, 16
_LEAST = 0.3
"""Width in percent below which a part of a bar would not be seen."""


@dataclass(frozen=True, slots=True)
class Series:
    """The counts of one histogram.

    Attributes:
        css: class of the bars.
        counts: one for each bin.
    """

    css: str
    counts: Sequence[int]


def funnel(rows: Sequence[Mapping[str, Any]]) -> Markup:
    """Draw what goes into each stage and what leaves it.

    Args:
        rows: stage, in, out, dropped, merged and quarantined of each stage, in order.
    """
    most = max((row["in"] for row in rows), default=0)
    if not most:
        return Markup("")
    bars = _join(_stage(row, index * _ROW, 100 / most) for index, row in enumerate(rows))
    title = f"Rows of each stage: {rows[0]['in']:,} read, {rows[-1]['out']:,} released"
    return _svg("funnel", title, bars, height=len(rows) * _ROW)


def _stage(row: Mapping[str, Any], top: int, percent: float) -> Markup:
    lost = [(name, row[name]) for name in DECISIONS if row[name]]
    words = ", ".join(f"{count:,} {name}" for name, count in lost)
    left_out = Markup('<tspan class="words">{} → </tspan>').format(words) if words else ""
    label = Markup('<text x="0" y="{}" class="label">{}</text>').format(top + 14, row["stage"].replace("_", " "))
    figure = Markup('<text x="100%" y="{}" text-anchor="end" class="figure">{}{:,}</text>')
    parts, left = [_rect(0, top + 20, row["out"] * percent, _BAR, "kept")], row["out"] * percent
    for name, count in lost:
        width = max(count * percent, _LEAST)
        parts.append(_rect(min(left, 100 - width), top + 20, width, _BAR, name))
        left += width
    return label + figure.format(top + 14, left_out, row["out"]) + _join(parts)


def share_bar(part: float, whole: float, title: str, css: str = "kept") -> Markup:
    """Draw a part of a whole, in the colour of a class."""
    share = 100 * part / whole if whole else 0
    bars = _rect(0, 0, 100, 8, "rest") + _rect(0, 0, share, 8, css)
    return _svg("share", title, bars, height=8)


def sparkline(series: Sequence[Series], title: str, *, bins: range) -> Markup:
    """Draw small distributions over one another, each as high as its own greatest bin.

    Args:
        series: distributions over the same bins.
        title: what a screen reader says.
        bins: those that are drawn: the same for all sparklines that are to be compared.
    """
    drawn = [_area(one, bins) for one in series if any(one.counts)]
    if not drawn:
        return Markup("")
    body = _nested(_join(drawn), f"0 0 {len(bins)} 20", y=0, height=20)
    return _svg("spark", title, body, height=20)


def _area(one: Series, bins: range) -> Markup:
    most = max(one.counts)
    steps = "".join(f"V{20 - 20 * one.counts[place] / most:.3g}h1" for place in bins)
    return Markup('<path class="{}" d="M0 20{}V20z"/>').format(one.css, steps)


def histogram(series: Sequence[Series], edges: Sequence[float], title: str) -> Markup:
    """Draw distributions over the same bins side by side in one frame, each as shares of its own rows.

    Args:
        series: the distributions.
        edges: lower edge of each bin and the upper edge of the last.
        title: what a screen reader says.
    """
    shares = [[count / (sum(one.counts) or 1) for count in one.counts] for one in series]
    bins = occupied(one.counts for one in series)
    if not bins:
        return Markup("")
    most = max(max(row) for row in shares)
    width = 100 / len(bins)
    bars = [
        _bin((index + number / len(series)) * width, width / len(series), row[place] / most, one.css)
        for number, (one, row) in enumerate(zip(series, shares, strict=True))
        for index, place in enumerate(bins)
        if row[place]
    ]
    frame = _nested(_join(bars), None, y=22, height=120)
    ticks = _join(_tick(index * width, 160, edges[bins[0] + index]) for index in _tick_places(len(bins)))
    top = Markup('<text x="0" y="14" class="tick">{:.0%} of rows</text>').format(most)
    base = Markup('<line x1="0" x2="100%" y1="142.5" y2="142.5" class="axis"/>')
    return _svg("histogram", title, top + frame + base + ticks, height=166)


def occupied(all_counts: Iterable[Sequence[int]]) -> range:
    """Return the bins from the first to the last that holds anything in any distribution."""
    filled = [place for counts in all_counts for place, count in enumerate(counts) if count]
    return range(min(filled), max(filled) + 1) if filled else range(0)


def _bin(left: float, width: float, share: float, css: str) -> Markup:
    return _rect(left + width * 0.06, 120 * (1 - share), width * 0.88, 120 * share, css)


def _tick_places(bins: int) -> range:
    return range(0, bins + 1, max(1, math.ceil(bins / 6)))


def line(points: Sequence[tuple[float, float]], title: str) -> Markup:
    """Draw one curve over steps, its values from zero up.

    Args:
        points: (step, value) by rising step, all finite.
        title: what a screen reader says.
    """
    if len(points) < 2:
        return Markup("")
    first, last = points[0][0], points[-1][0]
    most = _ceiling(max(value for _, value in points))
    places = [(100 * (step - first) / (last - first), 160 * (1 - value / most)) for step, value in points]
    path = "M" + "L".join(f"{x:.4g} {y:.4g}" for x, y in places)
    curve = Markup('<path class="curve" vector-effect="non-scaling-stroke" d="{}"/>').format(path)
    body = _nested(curve, "0 0 100 160", y=22, height=160)
    grid = _join(_level(22 + 160 * (1 - share), most * share) for share in (0, 0.25, 0.5, 0.75, 1))
    steps = _join(_tick(share * 100, 200, round(first + share * (last - first))) for share in (0, 0.25, 0.5, 0.75, 1))
    return _svg("line", title, grid + body + steps, height=206)


def _ceiling(value: float) -> float:
    """Return the next round number at or above a positive value: 1, 2, 3, 4, 6 or 8 times a power of ten."""
    if value <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 3, 4, 6, 8, 10) if factor * power >= value)


def _level(y: float, value: float) -> Markup:
    rule = Markup('<line x1="0" x2="100%" y1="{0}" y2="{0}" class="axis"/>').format(math.floor(y) + 0.5)
    return rule + Markup('<text x="0" y="{}" class="tick">{:.3g}</text>').format(math.floor(y) - 4, value)


def _tick(percent: float, y: int, value: float) -> Markup:
    anchor = "start" if percent < 1 else "end" if percent > 99 else "middle"
    text = f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
    return Markup('<text x="{:.4g}%" y="{}" text-anchor="{}" class="tick">{}</text>').format(percent, y, anchor, text)


def heat(value: float, least: float, greatest: float) -> int:
    """Return the step of the heat scale for a value between the least and the greatest, 1 to 8."""
    return 1 + round(7 * (value - least) / (greatest - least)) if greatest > least else 8


def _rect(left: float, top: float, width: float, height: float, css: str) -> Markup:
    rect = Markup('<rect class="{}" x="{:.5g}%" y="{:.4g}" width="{:.5g}%" height="{:.4g}"/>')
    return rect.format(css, left, top, width, height)


def _nested(body: Markup, box: str | None, *, y: float, height: float) -> Markup:
    shape = Markup(' viewBox="{}" preserveAspectRatio="none"').format(box) if box else Markup("")
    frame = Markup('<svg x="0" y="{}" width="100%" height="{}"{}>{}</svg>')
    return frame.format(y, height, shape, body)


def _svg(css: str, title: str, body: Markup, *, height: int) -> Markup:
    frame = Markup('<svg class="chart {}" role="img" width="100%" height="{}"><title>{}</title>{}</svg>')
    return frame.format(css, height, title, body)


def _join(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)
