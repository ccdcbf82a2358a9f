"""A column of text as the filters see it: Arrow strings beside one flat array of code points.

Shares of characters, n-grams and the like are sums over code points, so they run as array arithmetic over
all rows at once, and yet a score depends on its row alone, whatever the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import regex

from curation.text import fold

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
CodePoints = npt.NDArray[np.uint32]
Kinds = npt.NDArray[np.uint8]

BLANK, VISIBLE, LETTER, DIGIT, MARKUP_SIGN, PLACEHOLDER_SIGN = range(6)

_UNICODE_SIZE = 0x110000
# Joiners and other format characters are no more visible than blanks.
_KINDS = {
    BLANK: r"[\p{Z}\p{Cc}\p{Cf}]+",
    LETTER: r"[\p{L}\p{M}]+",
    DIGIT: r"\p{Nd}+",
    MARKUP_SIGN: "[<&]",
    PLACEHOLDER_SIGN: "[%{]",
}
# Beyond this plane no character has a compatibility form or a case.
_FOLDED_SIZE = 0x30000
_SURROGATES = range(0xD800, 0xE000)
# Codes that end in `_Zzzz` without naming a programming language.
_NOT_A_LANGUAGE = pa.array(["und_Zzzz", "zxx_Zzzz", "mul_Zzzz", "mis_Zzzz"])


@dataclass(frozen=True, slots=True)
class TextColumn:
    """One side of the records of a slice.

    Attributes:
        texts: Arrow strings, shape (n,).
        codes: code points of all texts, one after the other, shape (m,).
        kinds: what each code point is: `BLANK`, `LETTER`, `DIGIT`, ..., otherwise `VISIBLE`; shape (m,).
        starts: where each text starts in `codes`, and the end of the last, shape (n + 1,).
        is_code: whether a text is program code, shape (n,).
    """

    texts: pa.Array
    codes: CodePoints
    kinds: Kinds
    starts: Integers
    is_code: Bools

    @property
    def lengths(self) -> Integers:
        """Characters of each text, shape (n,)."""
        return np.diff(self.starts)


@dataclass(frozen=True, slots=True)
class PairColumns:
    """What a filter scores: both sides of n records, and what the records are for.

    Attributes:
        query: the queries.
        positive: the positives.
        tasks: task type of each record, Arrow strings, shape (n,).
    """

    query: TextColumn
    positive: TextColumn
    tasks: pa.Array


def pair_columns(records: pa.Table) -> PairColumns:
    """Open `records` (`RECORD_SCHEMA` and any further columns) for scoring."""
    return PairColumns(
        query=text_column(records.column("query"), records.column("query_language")),
        positive=text_column(records.column("positive"), records.column("positive_language")),
        tasks=records.column("task").combine_chunks(),
    )


def text_column(texts: pa.ChunkedArray, languages: pa.ChunkedArray) -> TextColumn:
    """Decode one column of text; `languages` tells which rows are program code."""
    joined = texts.combine_chunks()
    lengths = pc.utf8_length(joined).to_numpy(zero_copy_only=False)
    starts = np.zeros(len(joined) + 1, dtype=np.int64)
    np.cumsum(lengths, out=starts[1:])
    codes = _code_points(joined)
    return TextColumn(joined, codes, _kind_table()[codes], starts, _is_code(languages.combine_chunks()))


def row_sums(values: npt.NDArray[np.bool_] | Integers, starts: Integers) -> Integers:
    """Sum `values`, shape (m,), over each row [starts[i], starts[i + 1]); shape (n,). Rows may be empty."""
    totals = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=totals[1:])
    return np.diff(totals[starts])


def rows_at(found: Bools, starts: Integers) -> Integers:
    """Return the rows that hold a code point where `found`, shape (m,), is true: ascending, without repeats."""
    return np.unique(np.searchsorted(starts, np.flatnonzero(found), side="right") - 1)


def share(part: npt.NDArray[np.number], whole: npt.NDArray[np.number]) -> Floats:
    """Return part / whole, and 0 where the whole is 0; shape (n,)."""
    shares: Floats = np.divide(part, whole, out=np.zeros(len(whole), dtype=np.float64), where=whole > 0)
    return shares


@cache
def _kind_table() -> Kinds:
    everything = "".join(map(chr, range(_UNICODE_SIZE)))
    table = np.full(_UNICODE_SIZE, VISIBLE, dtype=np.uint8)
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
    table[points[single.to_numpy(zero_copy_only=False)]] = _code_points(folded.filter(single))
    return table


def fold_codes(codes: CodePoints) -> CodePoints:
    """Fold each code point (see `folded_characters`), shape (m,)."""
    table = folded_characters()
    if codes.max(initial=0) < _FOLDED_SIZE:
        return table[codes]
    return np.where(codes < _FOLDED_SIZE, table[np.minimum(codes, _FOLDED_SIZE - 1)], codes)


def _code_points(texts: pa.Array) -> CodePoints:
    if len(texts) == 0:
        return np.zeros(0, dtype=np.uint32)
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    _, offsets, data = texts.buffers()
    bounds = np.frombuffer(offsets, dtype=width)[[texts.offset, texts.offset + len(texts)]]
    if bounds[0] == bounds[1]:
        return np.zeros(0, dtype=np.uint32)
    text = str(memoryview(data)[bounds[0] : bounds[1]], "utf-8")
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)


def _is_code(languages: pa.Array) -> Bools:
    code = pc.and_not(pc.ends_with(languages, "_Zzzz"), pc.is_in(languages, value_set=_NOT_A_LANGUAGE))
    result: Bools = code.to_numpy(zero_copy_only=False)
    return result
