"""Hashes that decide things: ids, partitions, priorities. All are functions of content alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash


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


def digests(columns: Sequence[pa.Array]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Return the 128-bit digest of each row of some columns of text as two numbers, shapes (n,): for identity.

    Like `content_id`, of which it is another form: rows are equal where their digests are.

    Args:
        columns: Arrow strings without nulls, shape (n,) each; at least one.
    """
    blake, values = hashlib.blake2b, [column.cast(pa.large_binary()).to_pylist() for column in columns]
    count = len(values[0])
    heads = np.stack([pc.binary_length(column.cast(pa.large_binary())).to_numpy() for column in columns], axis=1)
    # The lengths first: then no two different rows are the same bytes.
    lengths = np.ascontiguousarray(heads.astype("<i8")).tobytes()
    width = 8 * len(columns)
    found = b"".join(
        blake(lengths[row * width : (row + 1) * width] + b"".join(texts), digest_size=16).digest()
        for row, texts in enumerate(zip(*values, strict=True))
    )
    pairs = np.frombuffer(found, dtype="<u8").reshape(count, 2)
    return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])


def hash64(keys: Iterable[str], *, seed: int = 0) -> npt.NDArray[np.uint64]:
    """Return a 64-bit hash of each key, shape (n,): for partitions and sampling, never for identity."""
    digest = xxhash.xxh3_64_intdigest
    return np.fromiter((digest(key, seed) for key in keys), dtype=np.uint64)


def priority(ids: Iterable[str], purpose: str, seed: int) -> npt.NDArray[np.uint64]:
    """Return the sampling priority of each id for one purpose, shape (n,).

    The k smallest form a uniform sample that is the same for every order, partition and engine, and that changes
    by as little as possible when records are added (bottom-k sampling).
    """
    return hash64(ids, seed=xxhash.xxh3_64_intdigest(purpose, seed))
