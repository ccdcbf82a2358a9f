"""Scores of repetition, of phrases and of lines; in short text, repetition is style.

Each function maps a `TextColumn` of n texts to float64 scores, shape (n,), NaN where the text is exempt.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from filters.columns import BLANK, CodePoints, Floats, Integers, TextColumn, row_counts, share
from filters.sortkeys import HASH_BITS, HASH_MULTIPLIER, SortKeys, row_numbers, run_lengths, sort_keys

# A phrase has at least this many non-blank characters: two words of an alphabet, a clause in Han script.
PHRASE_CHARS = 6
# Below this many non-blank characters ("No, no, no, no!") repetition is style.
MIN_REPETITION_CHARS = 36
# Two lines of a list may be equal, and of three ("Yes." "Are you?" "Yes.") as well.
MIN_LINES = 4

_LINE_BREAK = np.uint32(ord("\n"))


def repetition(column: TextColumn) -> Floats:
    """Share of a text that repeats one phrase; short text is exempt.

    Blanks are left out, so that the measure is the same for scripts with and without spaces. Among all runs of
    `PHRASE_CHARS` characters, those that occur at least half as often as the most frequent one make up the
    phrase; the score is the share of their second and later occurrences. A text said twice has about 0.5, three
    times 0.67; in clean text of any length, runs as frequent as the most frequent one are few.
    """
    visible = column.kinds != BLANK
    sizes = column.visible
    long_enough = sizes >= MIN_REPETITION_CHARS
    if not long_enough.any():
        return np.full(len(sizes), np.nan)
    chosen = visible & np.repeat(long_enough, column.lengths)
    keys = _phrase_keys(column.codes[chosen], np.where(long_enough, sizes, 0))
    repeats = _repeats_of_one_phrase(keys, len(sizes))
    return np.where(long_enough, share(repeats, sizes - PHRASE_CHARS + 1), np.nan)


def line_repetition(column: TextColumn) -> Floats:
    """Share of the characters that stand in lines equal to an earlier one; NaN below `MIN_LINES` lines."""
    scores = np.full(len(column.texts), np.nan)
    rows = np.flatnonzero(row_counts(np.flatnonzero(column.codes == _LINE_BREAK), column.starts) >= MIN_LINES - 1)
    scores[rows] = [_repeated_lines(text) for text in column.texts.take(pa.array(rows)).to_pylist()]
    return scores


def _repeated_lines(text: str) -> float:
    lines = [line.strip() for line in text.split("\n")]
    total = sum(map(len, lines))
    return 1 - sum(map(len, set(lines))) / total if total else 0.0


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
