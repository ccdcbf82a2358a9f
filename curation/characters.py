"""A column of text as one flat array of code points, and the script of each: sums over arrays are fast and exact."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from language_configs.scripts import ranges

# The number of what belongs to no script in particular.
COMMON = 0
UNICODE_SIZE = 0x110000

CodePoints = npt.NDArray[np.uint32]
Integers = npt.NDArray[np.int64]


def code_points(texts: pa.Array) -> tuple[CodePoints, Integers]:
    """Open Arrow strings without nulls, shape (n,).

    Returns:
        All code points one after the other, shape (m,), and where each text starts among them and the last one ends,
        shape (n + 1,).
    """
    starts = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum(pc.utf8_length(texts).to_numpy(zero_copy_only=False), out=starts[1:])
    if starts[-1] == 0:
        return np.zeros(0, dtype=np.uint32), starts
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    _, offsets, data = texts.buffers()
    first, last = np.frombuffer(offsets, dtype=width)[[texts.offset, texts.offset + len(texts)]]
    text = str(memoryview(data)[first:last], "utf-8")
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32), starts


def row_sums(flags: npt.NDArray[np.bool_], starts: Integers) -> Integers:
    """Count the set `flags`, shape (m,), of each row [starts[i], starts[i + 1]); shape (n,). Rows may be empty."""
    counts = np.zeros(len(starts) - 1, dtype=np.int64)
    # Of an empty row `reduceat` would return the value that follows.
    filled = np.flatnonzero(starts[1:] > starts[:-1])
    if len(filled):
        counts[filled] = np.add.reduceat(flags[: starts[-1]].view(np.uint8), starts[filled], dtype=np.int32)
    return counts


@cache
def script_numbers() -> Mapping[str, int]:
    """Return a number from 1 for each Unicode script, in their order; 0 is for what belongs to none (`COMMON`)."""
    return MappingProxyType({script: number for number, script in enumerate(ranges(), start=1)})


@cache
def script_table() -> npt.NDArray[np.uint8]:
    """Return the number of the script of every code point, shape (0x110000,)."""
    table = np.zeros(UNICODE_SIZE, dtype=np.uint8)
    for number, spans in enumerate(ranges().values(), start=1):
        for first, last in spans:
            table[first : last + 1] = number
    table.setflags(write=False)
    return table
