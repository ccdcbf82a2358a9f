"""Hashes that decide things: ids, partitions, priorities. All are functions of content alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from curation.xxh3 import LONGEST, SHORTEST, hash_rows

Keys: TypeAlias = Iterable[str] | pa.Array | pa.ChunkedArray


def content_id(*parts: str) -> str:
    """Return the 128-bit id of a sequence of strings as 32 hexadecimal digits.

    Each part is hashed with its length, so that no two different sequences are the same bytes. BLAKE2b rather
    than a faster hash: ids come from texts that strangers write, who must not be able to make two collide.
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


def content_ids(*parts: pa.Array | str) -> pa.Array:
    """Return the `content_id` of the parts of each row.

    Args:
        parts: Arrow strings without nulls, shape (n,) each, at least one; or a string that is the same for all rows.

    Returns:
        Arrow strings, shape (n,).
    """
    return _hexadecimal(_digests(parts), 16)


def digests(columns: Sequence[pa.Array]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Return the bytes of `content_ids` as two numbers, shapes (n,): for identity among many.

    Args:
        columns: Arrow strings without nulls, shape (n,) each; at least one.
    """
    pairs = np.frombuffer(_digests(columns), dtype="<u8").reshape(-1, 2)
    return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])


def _digests(parts: Sequence[pa.Array | str]) -> bytes:
    pieces: list[pa.Array | pa.Scalar] = []
    for part in parts:
        data = pa.scalar(part.encode()) if isinstance(part, str) else part.cast(pa.binary())
        pieces += [_lengths(data), data]
    messages = pc.binary_join_element_wise(*pieces, pa.scalar(b""))
    bounds = _offsets(messages).tolist()
    view, hashed = memoryview(messages.buffers()[2] or b""), hashlib.blake2b
    return b"".join([hashed(view[start:end], digest_size=16).digest() for start, end in pairwise(bounds)])


def _lengths(data: pa.Array | pa.Scalar) -> pa.Array | pa.Scalar:
    """Return the bytes of each value as a little-endian number of eight bytes."""
    if isinstance(data, pa.Scalar):
        return pa.scalar(len(data.as_py()).to_bytes(8, "little"))
    lengths = np.diff(_offsets(data)).astype("<i8")
    return pa.Array.from_buffers(pa.binary(8), len(data), [None, pa.py_buffer(lengths)]).cast(pa.binary())


def _offsets(data: pa.Array) -> npt.NDArray[np.int32]:
    buffer = data.buffers()[1]
    return np.frombuffer(buffer, dtype=np.int32)[data.offset : data.offset + len(data) + 1]


def _hexadecimal(data: bytes, size: int) -> pa.Array:
    """Return Arrow strings of the hexadecimal digits of each `size` bytes of `data`."""
    digits = np.frombuffer(data.hex().encode("ascii"), dtype=np.uint8)
    offsets = np.arange(0, len(digits) + 1, 2 * size, dtype=np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(digits)]
    return pa.Array.from_buffers(pa.string(), len(offsets) - 1, buffers)


def hash64(keys: Keys, *, seed: int = 0) -> npt.NDArray[np.uint64]:
    """Return a 64-bit hash of each key, shape (n,): for partitions and sampling, never for identity.

    Args:
        keys: strings. Those of one length in an Arrow column, as ids are, take a fifth of the time.
        seed: 64 bits.
    """
    if not isinstance(keys, pa.Array | pa.ChunkedArray):
        digest = xxhash.xxh3_64_intdigest
        return np.fromiter((digest(key, seed) for key in keys), dtype=np.uint64)
    chunks = keys.chunks if isinstance(keys, pa.ChunkedArray) else [keys]
    return np.concatenate([np.empty(0, dtype=np.uint64), *(_hash_column(chunk, seed) for chunk in chunks)])


def priority(ids: Keys, purpose: str, seed: int) -> npt.NDArray[np.uint64]:
    """Return the sampling priority of each id for one purpose, shape (n,).

    The k smallest form a uniform sample that is the same for every order, partition and engine, and that changes
    by as little as possible when records are added (bottom-k sampling).
    """
    return hash64(ids, seed=xxhash.xxh3_64_intdigest(purpose, seed))


def _hash_column(keys: pa.Array, seed: int) -> npt.NDArray[np.uint64]:
    rows = _rows_of_one_length(keys)
    return hash64(keys.to_pylist(), seed=seed) if rows is None else hash_rows(rows, seed)


def _rows_of_one_length(keys: pa.Array) -> npt.NDArray[np.uint8] | None:
    """Return the bytes of strings as a table, uint8 (n, length), or None where they differ in length."""
    if not len(keys) or keys.null_count or not (pa.types.is_string(keys.type) or pa.types.is_large_string(keys.type)):
        return None
    width = np.int32 if pa.types.is_string(keys.type) else np.int64
    _, offsets, data = keys.buffers()
    bounds = np.frombuffer(offsets, dtype=width)[keys.offset : keys.offset + len(keys) + 1]
    length = int(bounds[1] - bounds[0])
    if not SHORTEST <= length <= LONGEST or (np.diff(bounds) != length).any():
        return None
    return np.frombuffer(data, dtype=np.uint8)[bounds[0] : bounds[-1]].reshape(-1, length)
