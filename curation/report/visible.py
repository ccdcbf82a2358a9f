"""Showing text that strangers wrote: whatever would act instead of being read becomes a symbol."""

from __future__ import annotations

import unicodedata

# Joiners shape letters (Persian, Malayalam, emoji), and the signs of these blocks are printed: they stay.
_PRINTED_FORMATS = frozenset("\u200c\u200d") | frozenset(map(chr, (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891)))
_HIDDEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})
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
    if unicodedata.category(char) not in _HIDDEN or char in _PRINTED_FORMATS:
        return char
    if char == "\n":
        return "↵"
    if char < " ":
        return chr(_PICTURES + ord(char))
    return "␡" if char == _DELETE else f"⟨U+{ord(char):04X}⟩"
