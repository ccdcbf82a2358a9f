"""What is taken out of a text before its language is identified: the parts that are in no language."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

# A thousand characters identify a language as well as a million do, and bound time and memory.
MAX_CHARS = 1000

_NOT_LANGUAGE = "|".join(
    [
        r"</?[A-Za-z][^<>]{0,300}>",  # HTML tags
        r"&(?:[A-Za-z]{2,8}|#[0-9]{1,6});",  # entities
        # URLs: of ASCII alone, for in Chinese, Japanese or Thai the sentence may go on without a blank.
        r"(?:https?://|ftp://|www\.)[!-;=?-~]+",
        r"[\w.+-]+@[\w-]+\.[\w.-]+",  # e-mail addresses
        r"`[^`\n]{1,100}`",  # quoted code
        r"%\([^()\s]{1,60}\)[#0+-]*[0-9]*(?:\.[0-9]+)?[a-zA-Z]",  # %(name)s
        r"%[0-9]*\$?[0-9]*(?:\.[0-9]+)?[sdifxr]\b",  # %s, %1$s, %.2f
        r"\$?\{\{?[^{}\n]{0,60}\}?\}",  # {0}, {name}, ${name}, {{ name }}
    ]
)
_BREAK = r"[\t-\r\x00\x{0085}\x{2028}\x{2029}]|  "
# Every match of the patterns has one of these signs, so that the slow search is for the few texts that have one.
_SIGN = f"[<&@`%{{]|://|www\\.|{_BREAK}"


def prepare(texts: pa.Array) -> pa.Array:
    """Return texts as one line each, without mark-up, addresses, quoted code and placeholders.

    Args:
        texts: Arrow strings, shape (n,); null counts as empty.

    Returns:
        Arrow strings without nulls, shape (n,), of at most `MAX_CHARS` characters.
    """
    given = pc.fill_null(texts, "")
    signed = pc.match_substring_regex(given, _SIGN)
    if pc.any(signed).as_py():
        words = pc.replace_substring_regex(given.filter(signed), _NOT_LANGUAGE, " ")
        lines = pc.replace_substring_regex(words, r"[\s\x00\x{0085}\x{2028}\x{2029}]+", " ")
        given = pc.replace_with_mask(given, signed, lines)
    return pc.utf8_slice_codeunits(given, 0, MAX_CHARS) if _longest(given) > MAX_CHARS else given


def _longest(texts: pa.Array) -> int:
    """Return the bytes of the longest text, which is no less than its characters."""
    return pc.max(pc.binary_length(texts)).as_py() or 0
