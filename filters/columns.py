"""A column of text as the filters see it: Arrow strings beside one flat array of code points.

Shares of characters, n-grams and the like are sums over code points, so they run as array arithmetic over
all rows at once, and yet a score depends on its row alone, whatever the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import regex

from curation.characters import UNICODE_SIZE, code_points, row_sums
from curation.text import fold
from filters.languages import LanguageFacts, language_facts

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
CodePoints = npt.NDArray[np.uint32]
Kinds = npt.NDArray[np.uint8]
Measured = TypeVar("Measured")

# In such an order that letters, words and hints are ranges of numbers.
BLANK, VISIBLE, BAD, ADDRESS_SIGN, MARKUP_SIGN, BRACE, PERCENT, DIGIT, LETTER, MARK = range(10)

# Joiners and other format characters are no more visible than blanks.
_KINDS = {
    BLANK: r"[\p{Z}\p{Cc}\p{Cf}]+",
    BAD: r"[\p{Co}\p{Cn}]+",
    ADDRESS_SIGN: "[@/]",
    MARKUP_SIGN: r"[<&\[\]\\*#]",
    BRACE: "{",
    PERCENT: "%",
    DIGIT: r"\p{Nd}+",
    LETTER: r"\p{L}+",
    MARK: r"\p{M}+",
}
# Beyond this plane no character has a compatibility form or a case.
_FOLDED_SIZE = 0x30000
_SURROGATES = range(0xD800, 0xE000)


@dataclass(frozen=True, slots=True)
class Words:
    """The words of all texts: runs of letters, marks and digits, which in unspaced scripts are clauses.

    Attributes:
        begins: where in the code points each begins, shape (w,).
        ends: where each ends, likewise.
        firsts: number of the first word of each text, and the count of all, shape (n + 1,).
    """

    begins: Integers
    ends: Integers
    firsts: Integers


@dataclass(frozen=True)
class _Remembering:
    """Something that is measured more than once in the same way, for different scores."""

    _memory: dict[object, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, measure: Callable[[Self], Measured]) -> Measured:
        """Return `measure(self)`, the same object each time: it must not be written to."""
        if measure not in self._memory:
            self._memory[measure] = measure(self)
        result: Measured = self._memory[measure]
        return result


@dataclass(frozen=True)
class TextColumn(_Remembering):
    """One side of the records of a slice.

    Attributes:
        texts: Arrow strings, shape (n,).
        codes: code points of all texts, one after the other, shape (m,).
        kinds: what each code point is: `BLANK`, `LETTER`, `DIGIT`, ..., otherwise `VISIBLE`; shape (m,).
        starts: where each text starts in `codes`, and the end of the last, shape (n + 1,).
        languages: the languages that occur.
        language_numbers: which of them each text is in, shape (n,).
    """

    texts: pa.Array
    codes: CodePoints
    kinds: Kinds
    starts: Integers
    languages: tuple[LanguageFacts, ...]
    language_numbers: Integers

    @property
    def lengths(self) -> Integers:
        """Characters of each text, shape (n,)."""
        return np.diff(self.starts)

    @property
    def visible(self) -> Integers:
        """Characters of each text that are not blank, shape (n,)."""
        return self.once(_visible)

    @property
    def letters(self) -> Integers:
        """Letters and marks of each text, shape (n,)."""
        return self.once(_letters)

    @property
    def digits(self) -> Integers:
        """Digits of each text, shape (n,)."""
        return self.once(_digits)

    @property
    def words(self) -> Words:
        """The words of all texts."""
        return self.once(_words)

    def of_languages(self, fact: Callable[[LanguageFacts], float]) -> Floats:
        """Return a fact about the language of each text, shape (n,)."""
        return np.array([fact(language) for language in self.languages], dtype=np.float64)[self.language_numbers]


@dataclass(frozen=True)
class PairColumns(_Remembering):
    """What a filter scores: both sides of n records, and what the records are for.

    Attributes:
        query: the queries.
        positive: the positives.
        tasks: task type of each record, Arrow strings, shape (n,).
    """

    query: TextColumn
    positive: TextColumn
    tasks: pa.Array

    @property
    def sides(self) -> tuple[TextColumn, TextColumn]:
        """Both sides."""
        return self.query, self.positive


def pair_columns(records: pa.Table) -> PairColumns:
    """Open `records` (`RECORD_SCHEMA` and any further columns) for scoring."""
    return PairColumns(
        query=text_column(records.column("query"), records.column("query_language")),
        positive=text_column(records.column("positive"), records.column("positive_language")),
        tasks=records.column("task").combine_chunks(),
    )


def text_column(texts: pa.ChunkedArray, languages: pa.ChunkedArray) -> TextColumn:
    """Decode one column of text, given the language of each."""
    joined = texts.combine_chunks()
    codes, starts = code_points(joined)
    encoded = languages.combine_chunks().dictionary_encode()
    return TextColumn(
        joined,
        codes,
        _kind_table().take(codes),
        starts,
        tuple(language_facts(code) for code in encoded.dictionary.to_pylist()),
        encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64),
    )


def take_rows(column: TextColumn, rows: Integers) -> TextColumn:
    """Return some rows of a column as a column of their own."""
    lengths = column.lengths[rows]
    starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
    chosen = np.repeat(column.starts[rows] - starts[:-1], lengths) + np.arange(starts[-1])
    return TextColumn(
        column.texts.take(pa.array(rows)),
        column.codes[chosen],
        column.kinds[chosen],
        starts,
        column.languages,
        column.language_numbers[rows],
    )


def row_counts(positions: Integers, starts: Integers) -> Integers:
    """Count the ascending `positions`, shape (p,), within each row; shape (n,). For what is rare, beside `row_sums`."""
    return np.diff(np.searchsorted(positions, starts))


def rows_at(positions: Integers, starts: Integers) -> Integers:
    """Return the rows that hold the ascending `positions` of code points: ascending, without repeats."""
    return np.unique(np.searchsorted(starts, positions, side="right") - 1)


def share(part: npt.NDArray[np.number], whole: npt.NDArray[np.number]) -> Floats:
    """Return part / whole, and 0 where the whole is 0; shape (n,)."""
    shares: Floats = np.divide(part, whole, out=np.zeros(len(whole), dtype=np.float64), where=whole > 0)
    return shares


def matched_share(column: TextColumn, pattern: str, hints: Integers, *, kept: str = "") -> Floats:
    r"""Return the share of characters inside matches of an RE2 pattern, shape (n,).

    Args:
        column: the texts.
        pattern: what is looked for.
        hints: where in the code points a match may begin, ascending: other texts are not looked at.
        kept: what of a match does not count, as a replacement of it: `\1` for its first group.
    """
    scores = np.zeros(len(column.texts), dtype=np.float64)
    rows = rows_at(hints, column.starts)
    if len(rows):
        rest = pc.replace_substring_regex(column.texts.take(pa.array(rows)), pattern, kept)
        left = pc.utf8_length(rest).to_numpy(zero_copy_only=False)
        scores[rows] = share(column.lengths[rows] - left, column.lengths[rows])
    return scores


def _visible(column: TextColumn) -> Integers:
    return row_sums(column.kinds != BLANK, column.starts)


def _letters(column: TextColumn) -> Integers:
    return row_sums(column.kinds >= LETTER, column.starts)


def _digits(column: TextColumn) -> Integers:
    return row_counts(np.flatnonzero(column.kinds == DIGIT), column.starts)


def _words(column: TextColumn) -> Words:
    inside = column.kinds >= DIGIT
    before, after = np.zeros_like(inside), np.zeros_like(inside)
    before[1:], after[:-1] = inside[:-1], inside[1:]
    bounds = column.starts[(column.starts > 0) & (column.starts < len(inside))]
    before[bounds], after[bounds - 1] = False, False
    begins, ends = np.flatnonzero(inside & ~before), np.flatnonzero(inside & ~after) + 1
    return Words(begins, ends, np.searchsorted(begins, column.starts))


@cache
def _kind_table() -> Kinds:
    everything = "".join(map(chr, range(UNICODE_SIZE)))
    table = np.full(UNICODE_SIZE, VISIBLE, dtype=np.uint8)
    for kind, pattern in _KINDS.items():
        for match in regex.finditer(pattern, everything):
            table[match.start() : match.end()] = kind
    return table


@cache
def folded_characters() -> CodePoints:
    """Return the folded form of every code point of the first three planes, shape (0x30000,).

    The fold is that of `curation.text.fold`, for characters that fold to one character; others stand for
    themselves.
    """
    table = np.arange(_FOLDED_SIZE, dtype=np.uint32)
    points = np.setdiff1d(table, np.array(_SURROGATES, dtype=np.uint32))
    folded = fold(pa.array([chr(point) for point in points.tolist()]))
    single = pc.equal(pc.utf8_length(folded), 1)
    table[points[single.to_numpy(zero_copy_only=False)]] = code_points(folded.filter(single))[0]
    return table


def fold_codes(codes: CodePoints) -> CodePoints:
    """Fold each code point (see `folded_characters`), shape (m,)."""
    table = folded_characters()
    if codes.max(initial=0) < _FOLDED_SIZE:
        return table[codes]
    return np.where(codes < _FOLDED_SIZE, table[np.minimum(codes, _FOLDED_SIZE - 1)], codes)
