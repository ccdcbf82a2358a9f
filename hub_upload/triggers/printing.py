"""Text from elsewhere, made fit to print: no secrets, no characters that act, of bounded length."""

from __future__ import annotations

from typing import Any

from curation.text import is_unseen
from hub_upload.secrets import without_tokens

_CHARS = 2_000


def printable(text: str, *, limit: int = _CHARS) -> str:
    """Return the end of a text for people, without tokens, with characters that act made visible; lines are kept.

    Args:
        text: from a log, a server or a file.
        limit: greatest number of characters of it that are taken.
    """
    # Tokens go before it is cut, lest half of one be left.
    lines = without_tokens(text)[-limit:].splitlines()
    return "\n".join("".join(_visible(char) for char in line) for line in lines)


def without_tokens_inside(value: Any) -> Any:
    """Return a JSON value without tokens in any of its texts."""
    if isinstance(value, str):
        return without_tokens(value)
    if isinstance(value, dict):
        return {key: without_tokens_inside(each) for key, each in value.items()}
    return [without_tokens_inside(each) for each in value] if isinstance(value, list) else value


def _visible(char: str) -> str:
    return f"\\u{ord(char):04x}" if is_unseen(char) and char != "\t" else char
