"""Text normalisation that never harms a script.

Only what carries no meaning in any language is touched: canonical composition (NFC), control
characters, the byte-order mark, bidirectional marks, and the shape of white space. Combining marks,
joiners (ZWJ, ZWNJ), apostrophes, width and case are left alone: they are letters to someone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

NORMALISER_VERSION = 1

# Marks that only steer the direction of display: LRM, RLM, ALM, embeddings, overrides, isolates; and the BOM.
_INVISIBLE = r"[\x{200E}\x{200F}\x{061C}\x{202A}-\x{202E}\x{2066}-\x{2069}\x{FEFF}]"
_LINE_BREAK = r"[\n\r\v\f\x{0085}\x{2028}\x{2029}]"
_BLANK = r"[\t \x{00A0}\x{1680}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}]"
_CONTROL = r"[\x00-\x08\x0E-\x1F\x7F-\x{0084}\x{0086}-\x{009F}]"

# What tidy text has none of; most texts are tidy, and to see so takes one look instead of six. A line break between
# two words is tidy too, but few texts have one.
_UNTIDY_CODE = rf"{_INVISIBLE}|\r|{_CONTROL}|^\n|\s$"
_WIDE_BLANK = r"[\t\x{00A0}\x{1680}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}]"
_UNTIDY = rf"{_INVISIBLE}|{_CONTROL}|{_LINE_BREAK}|{_WIDE_BLANK}|  |^ | $"
# No character before U+0300 is changed by NFC, whatever stands beside it.
_COMPOSABLE = r"[^\x00-\x{02FF}]"

# Control, format (direction marks among them), surrogates, and the separators of lines and paragraphs.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Joiners shape letters (Persian, Sinhala, Malayalam, emoji), and the signs of these blocks are printed.
_PRINTED_FORMATS = frozenset("\u200c\u200d") | frozenset(map(chr, (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891)))


def is_unseen(char: str) -> bool:
    """Say whether a character acts instead of being read: controls, direction marks, separators of lines; no joiner."""
    return unicodedata.category(char) in _UNSEEN and char not in _PRINTED_FORMATS


def as_arrow(texts: Sequence[str] | pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return `texts` as one Arrow string array, without copying where it is one already.

    Raises:
        TypeError: if an item is neither a string nor null.
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if not isinstance(texts, pa.Array):
        texts = pa.array(texts, type=pa.large_string())
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
        raise TypeError(f"texts must be strings, not {texts.type}")
    return texts


def normalise(texts: pa.Array, *, keep_layout: bool = False) -> pa.Array:
    r"""Normalise a column of text.

    Args:
        texts: Arrow strings, shape (n,).
        keep_layout: keep white space as it is (program code), apart from line ends.

    Returns:
        Arrow strings, shape (n,): NFC; no control characters, direction marks or byte-order marks; runs of
        blanks are one space, runs with a line break one `\n`; no white space at either end.
    """
    texts = as_arrow(texts)
    untidy = pc.match_substring_regex(texts, _UNTIDY_CODE if keep_layout else _UNTIDY)
    clean = _put(texts, untidy, _tidy(texts.filter(untidy), keep_layout=keep_layout))
    # Composed last: removing a mark can bring two composable characters together.
    composable = pc.match_substring_regex(clean, _COMPOSABLE)
    return _put(clean, composable, _compose(clean.filter(composable)))


def fold(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return the key under which two texts count as the same: NFKC, lower case. Shape (n,)."""
    texts = as_arrow(texts)
    rest = pc.invert(pc.string_is_ascii(texts))
    return _put(pc.ascii_lower(texts), rest, _fold(texts.filter(rest)))


def _put(texts: pa.Array, chosen: pa.Array, values: pa.Array) -> pa.Array:
    """Return texts, shape (n,), with the `values` in place of those that are chosen."""
    if len(values) == len(texts):
        return values
    return pc.replace_with_mask(texts, chosen, values) if len(values) else texts


def _tidy(texts: pa.Array, *, keep_layout: bool) -> pa.Array:
    clean = pc.replace_substring_regex(texts, _INVISIBLE, "")
    clean = pc.replace_substring_regex(clean, "\r\n?", "\n")
    clean = pc.replace_substring_regex(clean, _CONTROL, " ")
    if keep_layout:
        return pc.replace_substring_regex(clean, r"^\n+|\s+$", "")
    clean = pc.replace_substring_regex(clean, f"{_BLANK}*{_LINE_BREAK}(?:{_BLANK}|{_LINE_BREAK})*", "\n")
    clean = pc.replace_substring_regex(clean, f"{_BLANK}+", " ")
    return pc.utf8_trim(clean, " \n")


def _fold(texts: pa.Array) -> pa.Array:
    return pa.array([unicodedata.normalize("NFKC", text).lower() for text in texts.to_pylist()], texts.type)


def _compose(texts: pa.Array) -> pa.Array:
    # Not by Arrow: its utf8_normalize (seen in 25.0) answers NFC and NFKC with decomposed text.
    return pa.array([unicodedata.normalize("NFC", text) for text in texts.to_pylist()], texts.type)
