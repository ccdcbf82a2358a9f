"""Scores of markup: what a conversion to plain text should have taken away, and addresses.

Each function maps a `TextColumn` of n texts to float64 scores, shape (n,).
"""

from __future__ import annotations

import numpy as np

from filters.columns import ADDRESS_SIGN, BRACE, MARKUP_SIGN, Floats, TextColumn, matched_share

# Elements of HTML by name: `<T>`, `<enum-cookbook>` and `x <y and z> w` are text.
_ELEMENTS = (
    "a|abbr|address|article|aside|audio|b|big|blockquote|body|br|button|canvas|caption|center|cite|code|col|dd|del"
    "|details|div|dl|dt|em|embed|fieldset|figcaption|figure|font|footer|form|frame|h[1-6]|head|header|hr|html|i"
    "|iframe|img|input|ins|kbd|label|legend|li|link|main|map|mark|meta|nav|noscript|object|ol|option|p|param|picture"
    "|pre|q|rp|rt|ruby|s|samp|script|section|select|small|source|span|strike|strong|style|sub|summary|sup|svg|table"
    "|tbody|td|template|textarea|tfoot|th|thead|time|title|tr|tt|u|ul|var|video|wbr"
)
_BBCODE = "url|img|quote|code|size|color|colour|font|list|center|left|right|spoiler|youtube|email|hr|table|tr|td"
_LATEX = (
    "begin|end|alpha|beta|gamma|delta|epsilon|lambda|sigma|theta|omega|infty|sum|int|prod|frac|sqrt|left|right|cdot|times"
    "|leq|geq|neq|approx|rightarrow|leftarrow|item|noindent|newline|hspace|vspace|quad|ldots|dots|mathbb|mathrm|mathbf"
)
# Up to the first end, but not past the next beginning: else each of many without an end would be read to the end of
# the text. `.{0,1000}?` in its place is linear, and a hundred times slower.
_COMMENT = r"<!--(?:[^<]|<+(?:!<+)*(?:[^<!]|![^<-]))*?(?:<+(?:!<+)*)?-->"
MARKUP_PATTERN = (
    rf"(?is){_COMMENT}|</?(?:{_ELEMENTS})(?:\s[^<>]*)?/?>|<!doctype[^<>]*>"
    r"|&(?:[a-z][a-z0-9]+|#[0-9]+|#x[0-9a-f]+);"
    rf"|\[/?(?:{_BBCODE})(?:=[^\[\]]*)?\]|\[/[bius]\]|\[\*\]"  # BBCode; `a[i]` is none
    r"|\[\[(?:[^\[\]|]*\|)?|\]\]|\{\{[^{}|]*\|[^{}]*\}\}"  # links and templates of a wiki
    r"|\]\([^()\s]+\)|\*\*|(?m:^#{1,6} )"  # links, bold and headings of Markdown
    rf"|\\[a-z]+\*?\{{[^{{}}]*\}}|\\(?:{_LATEX})\b"  # LaTeX
)
# URLs with a scheme, in any script; e-mail addresses in ASCII, as nearly all are.
URL_PATTERN = r"[a-zA-Z][a-zA-Z0-9+.-]+://[^\s<>\"]+"
EMAIL_PATTERN = r"[\w.%+-]+@[\w-]+(?:\.[\w-]+)+"


def markup_share(column: TextColumn) -> Floats:
    """Share of characters that are markup: of HTML, with its entities, BBCode, wikis, Markdown or LaTeX."""
    return matched_share(
        column, MARKUP_PATTERN, np.flatnonzero((column.kinds >= MARKUP_SIGN) & (column.kinds <= BRACE))
    )


def address_share(column: TextColumn) -> Floats:
    """Share of characters inside URLs and e-mail addresses."""
    return matched_share(column, f"{URL_PATTERN}|{EMAIL_PATTERN}", np.flatnonzero(column.kinds == ADDRESS_SIGN))
