"""Columns as numbers that can be compared: a key for each row, and a 64-bit digest of each value.

Two releases hold the same record in different places, so their values are compared by digest: 8 bytes a value, whatever
its type, and never a text of one release beside that of the other. Digests are never stored.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.hashing import hash64

UInt64s = npt.NDArray[np.uint64]

ID_BYTES = 16
_KEY_BYTES = ID_BYTES + 8
_NULL = np.uint64(0x9E3779B97F4A7C15)


def id_bytes(ids: pa.Array) -> npt.NDArray[np.uint8]:
    """Return ids as uint8 (n, 16): what the 32 hexadecimal digits say, or a hash of an id that is written otherwise."""
    ids = pc.fill_null(ids, "")
    usual = pc.match_substring_regex(ids, "^[0-9a-f]{32}$").to_pylist()
    texts = ids.to_pylist()
    if all(usual):
        data = bytes.fromhex("".join(texts))
    else:
        data = b"".join(_id_bytes(text, plain=plain) for text, plain in zip(texts, usual, strict=True))
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, ID_BYTES)


def _id_bytes(text: str, *, plain: bool) -> bytes:
    return bytes.fromhex(text) if plain else hashlib.blake2b(text.encode(), digest_size=ID_BYTES).digest()


def fixed(values: npt.NDArray[np.uint8]) -> pa.Array:
    """Return uint8 (n, width) as a fixed-size binary array."""
    count, width = values.shape
    buffer = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.binary(width), count, [None, buffer])


def numbered(ids: npt.NDArray[np.uint8], copies: npt.NDArray[np.int32]) -> pa.Array:
    """Return a key for each row: id, copy, and how many rows before it have the same two.

    Args:
        ids: uint8 (n, 16).
        copies: int32 (n,).

    Returns:
        Fixed-size binary (n,), no two alike.
    """
    names = np.concatenate([ids, copies.astype("<i4").view(np.uint8).reshape(-1, 4)], axis=1)
    before = _earlier(fixed(names))
    return fixed(np.concatenate([names, before.astype("<i4").view(np.uint8).reshape(-1, 4)], axis=1))


def ids_of(keys: pa.Array) -> npt.NDArray[np.uint8]:
    """Return the ids of keys as uint8 (n, 16)."""
    return _matrix(keys)[:, :ID_BYTES]


def renumbered(keys: pa.Array) -> pa.Array:
    """Return keys that were numbered in several tables, numbered as if those were one."""
    parts = _matrix(keys)
    copies = np.ascontiguousarray(parts[:, ID_BYTES : ID_BYTES + 4]).view("<i4").ravel()
    return numbered(parts[:, :ID_BYTES], copies)


def places(keys: pa.Array, among: pa.Array) -> npt.NDArray[np.int64]:
    """Return the place of each key in `among`, shape (n,); -1 where it is not there."""
    found = pc.fill_null(pc.index_in(keys, value_set=among), -1)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int64)


def digests(column: pa.Array) -> UInt64s:
    """Return a 64-bit digest of each value, shape (n,): equal for equal values, and for others as good as never.

    Strings are hashed with XXH3. Lists and structures are summed up from their parts, each mixed with its place.
    """
    kind = column.type
    if pa.types.is_struct(kind):
        values = _structures(column)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        values = _lists(column)
    elif pa.types.is_boolean(kind):
        values = _mixed(pc.fill_null(column, False).to_numpy(zero_copy_only=False).astype(np.uint64))
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        values = _numbers(column)
    else:
        values = _texts(column)
    return np.where(column.is_null().to_numpy(zero_copy_only=False), _NULL, values)


def _numbers(column: pa.Array) -> UInt64s:
    values = pc.fill_null(column, pa.scalar(0).cast(column.type)).to_numpy(zero_copy_only=False)
    # As bits: 0.0 and -0.0 are written differently, and a NaN is as it was.
    bits = values.view(f"u{values.dtype.itemsize}").astype(np.uint64)
    return _mixed(bits)


def _texts(column: pa.Array) -> UInt64s:
    encoded = column.cast(pa.large_string()).dictionary_encode()
    if not len(encoded.dictionary):
        return np.zeros(len(column), dtype=np.uint64)
    values = hash64(encoded.dictionary.to_pylist())
    taken: UInt64s = values[pc.fill_null(encoded.indices, 0).to_numpy()]
    return taken


def _structures(column: pa.StructArray) -> UInt64s:
    values = np.zeros(len(column), dtype=np.uint64)
    for place, child in enumerate(column.flatten()):
        values += _mixed(digests(child) + np.full(1, place + 1, np.uint64) * _NULL)
    return values


def _lists(column: pa.ListArray) -> UInt64s:
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy().astype(np.int64)
    ends = np.cumsum(lengths)
    within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)
    parts = _mixed(digests(column.flatten()) + (within.astype(np.uint64) + np.uint64(1)) * _NULL)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(parts, dtype=np.uint64)])
    values: UInt64s = _mixed(lengths.astype(np.uint64)) + sums[ends] - sums[ends - lengths]
    return values


def _mixed(values: UInt64s) -> UInt64s:
    """Return the values with their bits spread: the finaliser of SplitMix64 (Steele, Lea and Flood, 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    spread: UInt64s = values ^ (values >> np.uint64(31))
    return spread


def _earlier(names: pa.Array) -> npt.NDArray[np.int64]:
    """Return how many rows before each one have the same name."""
    encoded = names.dictionary_encode()
    if len(encoded.dictionary) == len(names):
        return np.zeros(len(names), dtype=np.int64)
    codes = encoded.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], codes[order])
    before = np.empty(len(names), dtype=np.int64)
    before[order] = np.arange(len(names)) - starts
    return before


def _matrix(array: pa.Array) -> npt.NDArray[np.uint8]:
    width = array.type.byte_width
    data = np.frombuffer(array.buffers()[1], dtype=np.uint8) if len(array) else np.empty(0, np.uint8)
    return data[array.offset * width : (array.offset + len(array)) * width].reshape(-1, width)
