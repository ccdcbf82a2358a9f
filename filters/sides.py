"""Scores of one text, by role: natural-language text or program code.

Each function maps a `TextColumn` of n texts to float64 scores, shape (n,), NaN where the text is exempt.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.columns import (
    BLANK,
    LETTER,
    MARKUP_SIGN,
    Bools,
    CodePoints,
    Floats,
    Integers,
    TextColumn,
    row_sums,
    rows_at,
    share,
)
from filters.sortkeys import HASH_BITS, HASH_MULTIPLIER, SortKeys, row_numbers, run_lengths, sort_keys

# A phrase has at least this many non-blank characters: two words of an alphabet, a clause in Han script.
PHRASE_CHARS = 6
# Below this many non-blank characters ("No, no, no, no!") repetition is style.
MIN_REPETITION_CHARS = 36

# UTF-8 that was read as Latin-1 or Windows-1252 shows the lead byte as one of `Â`-`ô` and each following byte
# (80-BF) as one of the characters below. Quotation marks, dashes and the like do follow capitals in clean text
# („JÄ“, «CAFÉ», IRMÃ…), so they count only beside a following character that has no business there.
_CLEAR = "\x80-\x9f¢£¤¥¦§¨©ª¬®¯°±²³´µ¶¸¹º¼½¾€ƒ†‡ˆ‰ŠŒŽ˜™š›œžŸ\u00ad"
_FOLLOWING = _CLEAR + "¡¿«»‹·‘’‚“”„•–—…"
MOJIBAKE_PATTERN = "|".join(
    (
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

# Elements of HTML by name: `<T>`, `<enum-cookbook>` and `x <y and z> w` are text.
_ELEMENTS = (
    "a|abbr|address|article|aside|audio|b|big|blockquote|body|br|button|canvas|caption|center|cite|code|col|dd|del"
    "|details|div|dl|dt|em|embed|fieldset|figcaption|figure|font|footer|form|frame|h[1-6]|head|header|hr|html|i"
    "|iframe|img|input|ins|kbd|label|legend|li|link|main|map|mark|meta|nav|noscript|object|ol|option|p|param|picture"
    "|pre|q|rp|rt|ruby|s|samp|script|section|select|small|source|span|strike|strong|style|sub|summary|sup|svg|table"
    "|tbody|td|template|textarea|tfoot|th|thead|time|title|tr|tt|u|ul|var|video|wbr"
)
MARKUP_PATTERN = (
    rf"(?is)<!--.*?-->|</?(?:{_ELEMENTS})(?:\s[^<>]*)?/?>|<!doctype[^<>]*>"
    r"|&(?:[a-z][a-z0-9]{1,31}|#[0-9]{1,7}|#x[0-9a-f]{1,6});"
)


def characters(column: TextColumn) -> Floats:
    """Length in characters."""
    return column.lengths.astype(np.float64)


def letter_share(column: TextColumn) -> Floats:
    """Share of letters and combining marks among the characters that are not blank; code is exempt."""
    letters = row_sums(column.kinds == LETTER, column.starts)
    visible = row_sums(column.kinds != BLANK, column.starts)
    return _exempt(share(letters, visible), column.is_code)


def mojibake_share(column: TextColumn) -> Floats:
    """Share of characters that are U+FFFD or a trace of UTF-8 read as Latin-1 or Windows-1252."""
    return _matched_share(column, MOJIBAKE_PATTERN, _mojibake_hints(column.codes))


def markup_share(column: TextColumn) -> Floats:
    """Share of characters inside HTML tags, comments and entities; code is exempt."""
    return _exempt(_matched_share(column, MARKUP_PATTERN, column.kinds == MARKUP_SIGN), column.is_code)


def repetition(column: TextColumn) -> Floats:
    """Share of a text that repeats one phrase; short text is exempt.

    Blanks are left out, so that the measure is the same for scripts with and without spaces. Among all runs of
    `PHRASE_CHARS` characters, those that occur at least half as often as the most frequent one make up the
    phrase; the score is the share of their second and later occurrences. A text said twice has about 0.5, three
    times 0.67; in clean text of any length, runs as frequent as the most frequent one are few.
    """
    visible = column.kinds != BLANK
    sizes = row_sums(visible, column.starts)
    long_enough = sizes >= MIN_REPETITION_CHARS
    if not long_enough.any():
        return np.full(len(sizes), np.nan)
    chosen = visible & np.repeat(long_enough, column.lengths)
    keys = _phrase_keys(column.codes[chosen], np.where(long_enough, sizes, 0))
    repeats = _repeats_of_one_phrase(keys, len(sizes))
    return np.where(long_enough, share(repeats, sizes - PHRASE_CHARS + 1), np.nan)


def _phrase_keys(codes: CodePoints, sizes: Integers) -> SortKeys:
    """Return a sorted key (row, hash) for each run of `PHRASE_CHARS` code points within a row of `sizes`."""
    count = len(codes) - PHRASE_CHARS + 1
    hashes = codes[:count].copy()
    for shift in range(1, PHRASE_CHARS):
        hashes *= HASH_MULTIPLIER
        hashes += codes[shift : shift + count]
    rows = row_numbers(sizes)
    keys = sort_keys(rows[:count], hashes, hash_bits=HASH_BITS)
    within: SortKeys = keys[rows[:count] == rows[PHRASE_CHARS - 1 :]]
    within.sort()
    return within


def _repeats_of_one_phrase(keys: SortKeys, row_count: int) -> Integers:
    """Count, for each row, the repeats of runs at least half as frequent as its most frequent run."""
    runs, counts = run_lengths(keys)
    repeated = counts > 1
    counts, rows = counts[repeated], runs[repeated] >> HASH_BITS
    most = np.zeros(row_count, dtype=np.int64)
    np.maximum.at(most, rows, counts)
    chosen = 2 * counts >= most[rows]
    return np.bincount(rows[chosen], weights=counts[chosen] - 1, minlength=row_count).astype(np.int64)


def _matched_share(column: TextColumn, pattern: str, hints: Bools) -> Floats:
    """Return the share of characters inside matches of `pattern`, given where in the texts one may begin."""
    scores = np.zeros(len(column.texts), dtype=np.float64)
    rows = rows_at(hints, column.starts)
    if len(rows):
        rest = pc.replace_substring_regex(column.texts.take(pa.array(rows)), pattern, "")
        left = pc.utf8_length(rest).to_numpy(zero_copy_only=False)
        scores[rows] = share(column.lengths[rows] - left, column.lengths[rows])
    return scores


def _mojibake_hints(codes: CodePoints) -> Bools:
    """Return where U+FFFD stands, or a possible lead byte before a character beyond ASCII; shape (m,)."""
    hints: Bools = codes == _REPLACEMENT
    hints[:-1] |= (codes[:-1] - _FIRST_LEAD <= _LAST_LEAD - _FIRST_LEAD) & (codes[1:] > _LAST_ASCII)
    return hints


def _exempt(scores: Floats, rows: Bools) -> Floats:
    return np.where(rows, np.nan, scores)
