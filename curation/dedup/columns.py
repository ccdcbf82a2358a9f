"""Columns of folded text: taking them in, cutting them into blocks, finding equal rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.ngrams import Int64s, offsets_of
from curation.text import as_arrow

Texts: TypeAlias = Sequence[str] | pa.Array | pa.ChunkedArray


class InvalidTextError(ValueError):
    """An Arrow buffer that should hold UTF-8 does not.

    Attributes:
        row: number of the text.
    """

    def __init__(self, row: int) -> None:
        super().__init__(f"text {row} is not valid UTF-8")
        self.row = row

    def __reduce__(self) -> tuple[object, ...]:
        return (InvalidTextError, (self.row,))


def text_column(texts: Texts) -> pa.Array:
    """Return the texts as Arrow `large_string`, shape (n,), without copying those that are in Arrow's buffers.

    Raises:
        TypeError: if `texts` is one string, or holds something else than strings.
        ValueError: if a text is null or holds a lone surrogate; names its index.
    """
    if isinstance(texts, str):
        raise TypeError("texts must be a sequence of strings, not one string")
    try:
        column = as_arrow(texts)
    except UnicodeEncodeError as error:
        index = next(i for i, text in enumerate(texts) if not _encodable(text))
        raise ValueError(f"text {index} holds a lone surrogate, which is not a character: {error}") from error
    if column.null_count:
        raise ValueError(f"text {pc.index(column.is_null(), True).as_py()} is null")
    return column.cast(pa.large_string())


def folded(texts: Texts) -> pa.Array:
    """Return the texts as they are compared (NFKC, lower case): Arrow `large_string`, shape (n,); see `text_column`."""
    # The kernels are built on this module.
    from curation.dedup.kernels import fold_texts

    return fold_texts(text_column(texts))


def equal_rows(columns: Sequence[pa.Array | pa.ChunkedArray]) -> tuple[Int64s, Int64s]:
    """Group the rows that are equal in every column, by the values themselves and not by a hash of them.

    Args:
        columns: Arrow arrays without nulls, each of shape (n,); at least one.

    Returns:
        first: int64 (groups,), the first row of each group, rising.
        group: int64 (n,), the group of each row.
    """
    codes, _ = reduce(_combine, (_codes(column) for column in columns))
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.sort(first).astype(np.int64), rank[inverse]


def blocks(sizes: npt.NDArray[np.integer], limit: int) -> Iterator[tuple[int, int]]:
    """Cut n items into consecutive blocks whose sizes sum to at most `limit`, or that are one item."""
    ends = offsets_of(sizes)
    begin = 0
    while begin < len(sizes):
        fitting = int(np.searchsorted(ends, ends[begin] + limit, side="right")) - 1
        end = max(fitting, begin + 1)
        yield begin, end
        begin = end


def byte_lengths(sides: Sequence[pa.Array]) -> Int64s:
    """Return the UTF-8 bytes of each document, all sides together: int64 (n,)."""
    total = np.zeros(len(sides[0]), dtype=np.int64)
    for side in sides:
        total += pc.binary_length(side).to_numpy(zero_copy_only=False)
    return total


def refuse_invalid(column: pa.Array) -> None:
    """Raise `InvalidTextError` for the first text of a column that is not UTF-8."""
    for row, text in enumerate(column.cast(pa.large_binary())):
        try:
            str(text.as_buffer(), "utf-8")
        except UnicodeDecodeError:
            raise InvalidTextError(row) from None


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _codes(column: pa.Array | pa.ChunkedArray) -> tuple[Int64s, int]:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    encoded = pc.dictionary_encode(column)
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), len(encoded.dictionary)


def _combine(left: tuple[Int64s, int], right: tuple[Int64s, int]) -> tuple[Int64s, int]:
    _, codes = np.unique(left[0] * max(right[1], 1) + right[0], return_inverse=True)
    return codes.astype(np.int64), int(codes.max(initial=-1)) + 1
