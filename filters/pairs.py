"""Scores of a pair: what only both sides together can tell.

Each function maps `PairColumns` of n records to float64 scores, shape (n,), NaN where there is nothing to judge.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import regex

from curation.text import fold
from filters.columns import (
    DIGIT,
    PLACEHOLDER_SIGN,
    Floats,
    Integers,
    PairColumns,
    TextColumn,
    fold_codes,
    rows_at,
    share,
)
from filters.sortkeys import HASH_BITS, HASH_MULTIPLIER, SortKeys, row_numbers, run_lengths, sort_keys

# Short texts differ in length by chance ("Go!" and its six-word translation): this many bytes are added to both.
SMOOTHING_BYTES = 20

# Texts less similar than this are not equal, whatever their characters fold to.
_ALIKE = 0.5

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


def length_ratio(columns: PairColumns) -> Floats:
    """Ratio of the longer to the shorter side in UTF-8 bytes, both with `SMOOTHING_BYTES` added."""
    query, positive = _bytes(columns.query), _bytes(columns.positive)
    longer, shorter = np.maximum(query, positive), np.minimum(query, positive)
    ratio: Floats = (longer + SMOOTHING_BYTES) / (shorter + SMOOTHING_BYTES)
    return ratio


def copy_similarity(columns: PairColumns) -> Floats:
    """Similarity of query and positive: Dice coefficient of their multisets of folded character bigrams.

    The first character of a text makes a bigram with its start, so that one-character texts compare too. Texts
    that differ only in case, width or compatibility form have 1; characters whose folded form is longer than one
    character (ligatures, ellipses) are otherwise compared as they are.
    """
    keys = np.concatenate([_bigram_keys(columns.query, side=0), _bigram_keys(columns.positive, side=1)])
    keys.sort()
    lengths = columns.query.lengths + columns.positive.lengths
    similarity = share(2 * _common(keys, len(lengths)), lengths)
    alike = pa.array(np.flatnonzero(similarity > _ALIKE))
    equal = pc.equal(*(fold(side.texts.take(alike)) for side in (columns.query, columns.positive)))
    similarity[alike.to_numpy()[equal.to_numpy(zero_copy_only=False)]] = 1.0
    return similarity


def placeholder_agreement(columns: PairColumns) -> Floats:
    """Jaccard similarity of the sets of placeholders; NaN where neither side has any.

    The positive may leave out one numeric placeholder (`%d`, `%(count)d`), as plural forms do: "one file".
    """
    signs = [rows_at(side.kinds == PLACEHOLDER_SIGN, side.starts) for side in (columns.query, columns.positive)]
    return _score_rows(columns, np.union1d(*signs), _compare_placeholders)


def number_agreement(columns: PairColumns) -> Floats:
    """Dice coefficient of the sets of numbers of two digits or more; NaN unless both sides have some.

    Digits of every script count as their ASCII digits, and grouped thousands as one number. Where one side has
    none, it may have them in words ("twenty-five", 二十五), which says nothing about the pair.
    """
    rows = np.intersect1d(_has_long_number(columns.query), _has_long_number(columns.positive))
    return _score_rows(columns, rows, _compare_numbers)


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
    digits = column.kinds == DIGIT
    digits[1:] &= digits[:-1]
    return rows_at(digits, column.starts)


def _bytes(column: TextColumn) -> Floats:
    lengths: Floats = pc.binary_length(column.texts).to_numpy(zero_copy_only=False).astype(np.float64)
    return lengths


def _bigram_keys(column: TextColumn, *, side: int) -> SortKeys:
    """Return a key (row, hash of the character and the one before it, side) for each code point."""
    codes = fold_codes(column.codes)
    before = np.zeros_like(codes)
    before[1:] = codes[:-1]
    before[column.starts[:-1][column.lengths > 0]] = 0
    before *= HASH_MULTIPLIER
    before += codes
    keys = sort_keys(row_numbers(column.lengths), before, hash_bits=HASH_BITS - 1)
    keys <<= np.uint32(1)
    keys |= np.uint32(side)
    return keys


def _common(keys: SortKeys, row_count: int) -> Integers:
    """Count, for each row, the bigrams that both sides have, from sorted keys."""
    runs, counts = run_lengths(keys)
    both = np.flatnonzero((runs[1:] == runs[:-1] + 1) & (runs[1:] & 1 == 1))
    common = np.minimum(counts[both], counts[both + 1])
    return np.bincount(runs[both] >> HASH_BITS, weights=common, minlength=row_count).astype(np.int64)
