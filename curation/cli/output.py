"""What the commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from typing import Any

import click

from curation.cli import events


def result(value: Any, text: str, *, as_json: bool) -> None:
    """Print a command's result, for a program or for a person."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) if as_json else text)


def say(text: str) -> None:
    """Tell whoever runs the command something that is not the result."""
    if events.wanted():
        events.emit("note", text=text)
    else:
        click.echo(text, err=True)


def plain(text: str) -> str:
    """Return a text from data with control and direction characters made visible, on one line."""
    return "".join(f"\\u{ord(char):04x}" if unicodedata.category(char) in ("Cc", "Cf") else char for char in text)


def columns(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a small table: the first column to the left, numbers to the right."""
    cells = [list(header)] + [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    widths = [max(len(row[index]) for row in cells) for index in range(len(header))]
    lines = [
        "  ".join(cell.ljust(width) if not index else cell.rjust(width) for index, (cell, width) in enumerate(pairs))
        for row in cells
        if (pairs := list(zip(row, widths, strict=True)))
    ]
    return "\n".join(line.rstrip() for line in lines)
