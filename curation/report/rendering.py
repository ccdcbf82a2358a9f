"""What all pages share: escaping, the look, the policy that lets nothing in, and the pictures of training."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from curation.report import charts
from curation.report.visible import visible

_MODELS = {
    "accuracy": "Trained on this release",
    "shuffled": "Trained on shuffled positives",
    "untrained": "Untrained",
    "lexical": "TF-IDF",
}
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def render(template: str, *, report: Mapping[str, Any], names: Mapping[str, str], **pictures: Any) -> str:
    """Return a page.

    Args:
        template: file name of the template.
        report: what it shows, as `visible_values` gives it; with the key `training` of `gate_numbers`.
        names: English name of each language that occurs, by its code.
        **pictures: further variables of the template.
    """
    environment = _environment()
    style, script = (Markup(environment.get_template(name).render()) for name in ("style.html", "script.html"))  # noqa: S704 - our own files
    return environment.get_template(template).render(
        report=report,
        names=names,
        style=style,
        script=script,
        policy=_policy(style, script),
        loss=charts.line(
            [(point["step"], point["loss"]) for point in report["training"]["losses"]], "Training loss by step"
        ),
        grid=_grid(report["training"]["grid"]),
        models=_MODELS,
        **pictures,
    )


def visible_values(value: Any) -> Any:
    """Return JSON values in which every text is as `visible` shows it."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {visible_values(key): visible_values(item) for key, item in value.items()}
    return [visible_values(item) for item in value] if isinstance(value, list | tuple) else value


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("curation.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "percent": _percent, "signed": _signed, "score": _score, "size": _size}
    environment.globals |= {"funnel": charts.funnel, "heat": charts.heat, "share_bar": charts.share_bar}
    return environment


def _policy(style: str, script: str) -> str:
    """Return a content security policy under which nothing but our own style and script can act, or reach anything."""
    ours = f"style-src '{_digest(style)}'; script-src '{_digest(script)}'"
    return f"default-src 'none'; {ours}; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _grid(cells: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the cells as one table a rank, a row a depth and a column a dimension, with steps of the heat scale."""
    dims, ranks, depths = (sorted({cell[axis] for cell in cells}) for axis in ("dim", "rank", "depth"))
    values = {(cell["rank"], cell["depth"], cell["dim"]): cell["accuracy"] for cell in cells}
    known = [value for value in values.values() if value is not None]
    bounds = min(known, default=0.0), max(known, default=0.0)
    steps = {place: charts.heat(value, *bounds) for place, value in values.items() if value is not None}
    return [
        {
            "rank": rank,
            "dims": dims,
            "rows": [
                (depth, [(values.get(at), steps.get(at)) for dim in dims if (at := (rank, depth, dim))])
                for depth in depths
            ],
        }
        for rank in ranks
    ]


def _number(value: object) -> str:
    """Return a count with separators, another number to four digits, and a dash for what is not known."""
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if isinstance(value, float) else str(value)


def _percent(part: float | None, whole: float = 1) -> str:
    return "–" if part is None or not whole else f"{part / whole:.1%}"


def _signed(share: float) -> str:
    return f"{share:+.1%}"


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _size(count: int) -> str:
    power = min(len(_UNITS) - 1, max(0, (count.bit_length() - 1) // 10))
    return f"{count / 1024**power:,.{0 if power == 0 else 1}f} {_UNITS[power]}"
