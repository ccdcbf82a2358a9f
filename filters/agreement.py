"""Agreement of the sides of a pair in what a translation keeps: placeholders, numbers, addresses.

Each function maps `PairColumns` of n records to float64 scores, shape (n,), NaN where there is nothing to judge.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import regex

from filters.columns import ADDRESS_SIGN, BRACE, DIGIT, PERCENT, Floats, Integers, PairColumns, TextColumn, rows_at

# Printf conversions (a width only with a leading zero: Turkish writes "%50si"), then the three kinds of braces.
_PLACEHOLDER = regex.compile(
    r"%(?<![\p{N}%]%)(?:\(\w+\))?(?:\d+\$)?[-+#]?(?:0\d+)?(?:\.\d+)?l{0,2}[sdiufgxrc]"
    r"|\{\{[^{}]+\}\}|\$?\{[\p{L}_0-9][\w.\[\]]*(?:![rsa])?(?::[^{}]*)?\}"
)
_FORM = regex.compile(r"\s+|(?<=%)\d+\$")
_NUMERIC = regex.compile(r"%(?:\(\w+\))?[^\p{L}(]*l{0,2}[diu]")

_LONG_NUMBER = regex.compile(r"\p{Nd}{2,}")
# Thousands in groups of three, by any sign that some language writes between them.
_GROUPED = regex.compile(r"(?<!\p{Nd})\p{Nd}{1,3}(?:[ .,'’٬]\p{Nd}{3})+(?!\p{Nd})")
_GROUP_SIGN = regex.compile(r"[ .,'’٬]")

# At most so many characters of a name are looked at, so that no text costs more than its length.
_MAIL = regex.compile(r"[\w.%+-]{1,64}+@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_HOST = regex.compile(r"://(?:www\.)?([\w.-]{1,253}[\w])")


def placeholder_agreement(columns: PairColumns) -> Floats:
    """Jaccard similarity of the sets of placeholders; NaN where neither side has any.

    The positive may leave out one numeric placeholder (`%d`, `%(count)d`), as plural forms do: "one file".
    """
    signs = [
        rows_at(np.flatnonzero((side.kinds == BRACE) | (side.kinds == PERCENT)), side.starts) for side in columns.sides
    ]
    return _score_rows(columns, np.union1d(*signs), _compare_placeholders)


def number_agreement(columns: PairColumns) -> Floats:
    """Dice coefficient of the sets of numbers of two digits or more; NaN unless both sides have some.

    Digits of every script count as their ASCII digits, and grouped thousands as one number. Where one side has
    none, it may have them in words ("twenty-five", 二十五), which says nothing about the pair.
    """
    rows = np.intersect1d(_has_long_number(columns.query), _has_long_number(columns.positive))
    return _score_rows(columns, rows, _compare_numbers)


def address_agreement(columns: PairColumns) -> Floats:
    """Dice coefficient of the sets of sites and e-mail addresses; NaN where neither side has any.

    A site is the end of a URL's host: a translation may lead to `fr.example.org` or `/fr/`.
    """
    signs = [rows_at(np.flatnonzero(side.kinds == ADDRESS_SIGN), side.starts) for side in columns.sides]
    return _score_rows(columns, np.union1d(*signs), _compare_addresses)


def placeholders(text: str) -> frozenset[str]:
    """Return the placeholders of a text, without inner blanks and argument positions (`%1$s` is `%s`)."""
    return _without_form(frozenset(_PLACEHOLDER.findall(text)))


def long_numbers(text: str) -> frozenset[str]:
    """Return the numbers of two digits or more of a text, in ASCII digits, thousands without separators."""
    joined = _GROUPED.sub(lambda match: _GROUP_SIGN.sub("", match[0]), text)
    return frozenset(_ascii_digits(found) for found in _LONG_NUMBER.findall(joined))


def _compare_placeholders(query: str, positive: str) -> float:
    needed, found = frozenset(_PLACEHOLDER.findall(query)), frozenset(_PLACEHOLDER.findall(positive))
    if needed == found:
        return 1.0 if needed else np.nan
    needed, found = _without_form(needed), _without_form(found)
    missing = needed - found
    if found <= needed and len(missing) == 1 and all(map(_NUMERIC.fullmatch, missing)):
        return 1.0
    return len(needed & found) / len(needed | found)


def _without_form(found: frozenset[str]) -> frozenset[str]:
    return frozenset(_FORM.sub("", each) for each in found)


def _compare_numbers(query: str, positive: str) -> float:
    left, right = long_numbers(query), long_numbers(positive)
    if not left or not right:
        return np.nan
    return 2 * len(left & right) / (len(left) + len(right))


def _ascii_digits(number: str) -> str:
    return number if number.isascii() else "".join(str(int(digit)) for digit in number)


def _score_rows(columns: PairColumns, rows: Integers, compare: Callable[[str, str], float]) -> Floats:
    # Sets of strings have no array form. Few pairs show a sign of any, so a loop over those alone is cheap.
    chosen = pa.array(rows)
    queries, positives = (side.texts.take(chosen).to_pylist() for side in (columns.query, columns.positive))
    scores = np.full(len(columns.tasks), np.nan)
    scores[rows] = [compare(query, positive) for query, positive in zip(queries, positives, strict=True)]
    return scores


def _has_long_number(column: TextColumn) -> Integers:
    digits = np.flatnonzero(column.kinds == DIGIT)
    return rows_at(digits[1:][np.diff(digits) == 1], column.starts)


def addresses(text: str) -> frozenset[str]:
    """Return the sites and e-mail addresses of a text, in lower case."""
    lowered = text.lower()
    mails = {match[0].rstrip(".") for match in _MAIL.finditer(lowered)}
    return frozenset(mails | {".".join(host.split(".")[-2:]) for host in _HOST.findall(lowered)})


def _compare_addresses(query: str, positive: str) -> float:
    left, right = addresses(query), addresses(positive)
    return 2 * len(left & right) / (len(left) + len(right)) if left or right else np.nan
