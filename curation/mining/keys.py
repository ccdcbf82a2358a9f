"""The 128-bit keys of texts, and where each key is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.errors import CurationError
from curation.mining.ragged import Rows
from curation.text import as_arrow

KEY_BYTES = 16
KEY = np.dtype("S16")
"""Compared as memory is, in one step; trailing zeros are part of the key, for all keys are of one length."""
Keys = npt.NDArray[np.bytes_]
Halves = npt.NDArray[np.uint64]


def text_keys(texts: Sequence[str] | pa.Array | pa.ChunkedArray) -> Keys:
    """Return the key of each text, shape (n,): BLAKE2b of its UTF-8, so that no stranger can make two collide.

    Texts in Arrow are hashed where they lie, without a Python string for each.

    Raises:
        CurationError: if a text is null.
    """
    array = as_arrow(texts)
    if array.null_count:
        row = array.is_null().index(pa.scalar(True)).as_py()
        raise CurationError("a text to embed is null", where=f"texts, row {row} (and {array.null_count - 1} more)")
    return join_keys(hashlib.blake2b(piece, digest_size=KEY_BYTES).digest() for piece in _utf8(array))


def join_keys(keys: Iterable[bytes]) -> Keys:
    """Return keys of 16 bytes each as an array, shape (n,)."""
    return np.frombuffer(b"".join(keys), dtype=KEY)


def key_array(keys: Keys) -> pa.Array:
    """Return keys as Arrow has them, shape (n,)."""
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(KEY_BYTES), len(keys), [None, pa.py_buffer(keys.tobytes())])


def keys_of(column: pa.Array | pa.ChunkedArray) -> Keys:
    """Return the keys of `key_array`, from a column of tables that may be slices of larger ones."""
    chunks: Sequence[pa.Array] = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    parts = []
    for chunk in chunks:
        start = chunk.offset * KEY_BYTES
        parts.append(memoryview(chunk.buffers()[1])[start : start + len(chunk) * KEY_BYTES] if len(chunk) else b"")
    return join_keys(bytes(part) for part in parts)


def _utf8(texts: pa.Array) -> Iterable[memoryview]:
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    _, offset_buffer, data_buffer = texts.buffers()
    if not len(texts):
        return ()
    data = memoryview(data_buffer if data_buffer is not None else b"")
    offsets = np.frombuffer(offset_buffer, dtype=width)[texts.offset : texts.offset + len(texts) + 1].tolist()
    return (data[start:stop] for start, stop in pairwise(offsets))


@dataclass(frozen=True, slots=True)
class Lookup:
    """Where each key is: 24 bytes a key.

    Attributes:
        high: first halves of the distinct keys, ascending, uint64, shape (n,).
        low: second halves, ascending where the first are equal, uint64, shape (n,).
        rows: row of each key, int64, shape (n,).
    """

    high: Halves
    low: Halves
    rows: Rows

    @classmethod
    def of(cls, keys: Keys) -> Lookup:
        """Return the lookup of the keys of rows 0, 1, ..., where the first row of equal keys counts."""
        distinct, rows = np.unique(keys, return_index=True)
        return cls(*_halves(distinct), rows.astype(np.int64))

    def find(self, keys: Keys) -> Rows:
        """Return the row of each key, int64, shape of `keys`; -1 where there is none."""
        if not len(self.rows):
            return np.full(len(keys), -1, dtype=np.int64)
        # Numbers are found several times faster than strings. Keys that share a first half are as good as never met.
        high, low = _halves(keys)
        last = len(self.rows) - 1
        places = np.minimum(np.searchsorted(self.high, high), last)
        while (beside := (self.high[places] == high) & (self.low[places] < low) & (places < last)).any():
            places += beside
        return np.where((self.high[places] == high) & (self.low[places] == low), self.rows[places], -1)


def _halves(keys: Keys) -> tuple[Halves, Halves]:
    """Return keys as pairs of numbers that sort as the keys do."""
    pairs = keys.view(">u8").reshape(-1, 2)
    return pairs[:, 0].astype(np.uint64), pairs[:, 1].astype(np.uint64)
