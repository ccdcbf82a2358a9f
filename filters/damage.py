"""Scores of encoding damage: what conversions, transports and broken programs leave in a text.

Each function maps a `TextColumn` of n texts to float64 scores, shape (n,).
"""

from __future__ import annotations

import numpy as np

from filters.columns import (
    BAD,
    MARK,
    MARKUP_SIGN,
    CodePoints,
    Floats,
    Integers,
    TextColumn,
    matched_share,
    row_counts,
    share,
)

# UTF-8 that was read as Latin-1 or Windows-1252 shows the lead byte as one of `Â`-`ô` and each following byte
# (80-BF) as one of the characters below. Quotation marks, dashes and the like do follow capitals in clean text
# („JÄ“, «CAFÉ», IRMÃ…), so they count only beside a following character that has no business there.
_CLEAR = "\x80-\x9f¢£¤¥¦§¨©ª¬®¯°±²³´µ¶¸¹º¼½¾€ƒ†‡ˆ‰ŠŒŽ˜™š›œžŸ\u00ad"
_FOLLOWING = _CLEAR + "¡¿«»‹·‘’‚“”„•–—…"
# The groups are the letters before and behind, which are none of it.
MOJIBAKE_PATTERN = "|".join(
    (
        f"([a-z])[Â-ÖØ-Þ][{_FOLLOWING}]",  # no word goes on with a capital and a sign, or begins with them
        f"[Â-ÖØ-Þ][{_CLEAR}«]([a-z])",
        "[Â-ô][\x80-\x9f]",  # a control, where nothing has taken it away
        "\ufffd+",
        f"Ã[{_CLEAR}¡¿]",  # À-ÿ, the letters of Western Europe
        "Â[¢£¤¥¦§¨©ª¬®¯°±´µ¶º¼½¾¡¿]",  # the symbols of Latin-1, of which superscript digits may be footnotes
        "[ÄÅ][¡¢£¤¥¦§¨©ª¬®¯°´µ¶¸º¼½¾†‡ˆ‰ŠŒŽ˜™š›œžŸ]|Ä±",  # Central Europe; Å², Å³ and Å± are units
        f"[Â-ß][{_CLEAR}][Â-ß][{_FOLLOWING}]",  # two letters of Latin Extended, Greek, Cyrillic, Hebrew, Arabic ...
        f"[Â-ß][{_FOLLOWING}][Â-ß][{_CLEAR}]",
        f"[à-ï][{_CLEAR}][{_FOLLOWING}]",  # one letter of the other scripts of the first plane
        f"[à-ï][{_FOLLOWING}][{_CLEAR}]",
        "â€",  # typographic quotation marks and dashes, whose last byte may have been lost as a control
        "ï»¿",  # the byte-order mark
        "ðŸ",  # emoji
    )
)

_REPLACEMENT, _LAST_ASCII = np.uint32(0xFFFD), np.uint32(0x7F)
_FIRST_LEAD, _LAST_LEAD = np.uint32(ord("Â")), np.uint32(ord("ð"))
_SPACE = np.uint32(ord(" "))

# Entities that were escaped again, and halves of surrogate pairs, neither of which any decoder brings back.
ESCAPES_PATTERN = r"&amp;(?:amp;)*(?:[a-zA-Z][a-zA-Z0-9]+|#[0-9]+|#[xX][0-9a-fA-F]+);|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"


def mojibake_share(column: TextColumn) -> Floats:
    """Share of characters that are U+FFFD or a trace of UTF-8 read as Latin-1 or Windows-1252."""
    return matched_share(column, MOJIBAKE_PATTERN, _mojibake_hints(column.codes), kept=r"\1\2")


def bad_character_share(column: TextColumn) -> Floats:
    r"""Share of characters that no clean text has.

    These are unassigned and private ones, combining marks at the start of a text or after a blank, doubly escaped
    entities (`&amp;quot;`) and escapes of surrogates (`\ud83d`).
    """
    wrong = row_counts(np.flatnonzero(column.kinds == BAD), column.starts) + row_counts(
        _lone_marks(column), column.starts
    )
    escaped = matched_share(column, ESCAPES_PATTERN, np.flatnonzero(column.kinds == MARKUP_SIGN))
    return np.minimum(share(wrong, column.lengths) + escaped, 1.0)


def _lone_marks(column: TextColumn) -> Integers:
    """Return where combining marks stand at the start of a text or after a blank, ascending."""
    marks = np.flatnonzero(column.kinds == MARK)
    # Only after blanks proper: after a joiner a mark is where it belongs (Bengali ra-ya).
    after_blank = marks[column.codes[marks - 1] <= _SPACE]
    begins = column.starts[:-1][column.lengths > 0]
    return np.union1d(after_blank, begins[column.kinds[begins] == MARK])


def _mojibake_hints(codes: CodePoints) -> Integers:
    """Return where U+FFFD stands, or a possible lead byte before a character beyond ASCII; ascending."""
    leads = np.flatnonzero(codes[:-1] - _FIRST_LEAD <= _LAST_LEAD - _FIRST_LEAD)
    leads = leads[codes[leads + 1] > _LAST_ASCII]
    return np.union1d(leads, np.flatnonzero(codes == _REPLACEMENT))
