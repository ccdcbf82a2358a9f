"""Showing text that strangers wrote: whatever would act instead of being read becomes a symbol."""

from __future__ import annotations

from curation.text import is_unseen

_DELETE = "\x7f"
_PICTURES = 0x2400


def clip(text: str, limit: int) -> str:
    """Return at most `limit` characters of a text, an ellipsis for the rest."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def visible(text: str) -> str:
    """Return a text in which every control and direction character is a symbol that can be seen.

    ASCII controls become their pictures (`␀`, `␛`), a line feed `↵`, and all others their code point (`⟨U+202E⟩`).
    Joiners stay: scripts need them.
    """
    return text if text.isascii() and text.isprintable() else "".join(map(_symbol, text))


def _symbol(char: str) -> str:
    if not is_unseen(char):
        return char
    if char == "\n":
        return "↵"
    if char < " ":
        return chr(_PICTURES + ord(char))
    return "␡" if char == _DELETE else f"⟨U+{ord(char):04X}⟩"
