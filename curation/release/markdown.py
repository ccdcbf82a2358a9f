"""Text from outside in Markdown: shown as it is, on one line, whatever it holds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from curation.text import is_unseen

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!~$&])")


def escape(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line, without control or direction characters."""
    return _SPECIAL.sub(r"\\\1", without_controls(text))


def without_controls(text: str, *, keep: str = "") -> str:
    """Return a text with a space for each control or direction character that is not in `keep`. Joiners stay."""
    return "".join(" " if is_unseen(char) and char not in keep else char for char in text)


def number(value: object) -> str:
    """Return a number with separators of thousands, and anything else as text."""
    return f"{value:,}" if isinstance(value, int) else str(value)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells that are escaped already."""
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
