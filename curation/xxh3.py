"""XXH3 (64 bits) of many strings of one length at once, in numpy: the values are those of the library `xxhash`.

Ids are all of one length, and so are names of components; a call of the library for each takes five times as long.
Written from the specification: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md, XXH3.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

UInt8s = npt.NDArray[np.uint8]
UInt64s = npt.NDArray[np.uint64]

# Lengths in bytes that are computed here.
SHORTEST, LONGEST = 9, 128

_PRIME_1 = np.uint64(0x9E3779B185EBCA87)
_PRIME_MX_1 = np.uint64(0x165667919E3779F9)
_LOW, _32, _37 = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(37)
_SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
)
# Strings hashed together, so that what is computed meanwhile stays in the cache.
_BLOCK = 1 << 14


def hash_rows(rows: UInt8s, seed: int = 0) -> UInt64s:
    """Return the hash of each row, uint64 (n,).

    Args:
        rows: uint8 (n, length), with `SHORTEST` to `LONGEST` bytes a row.
        seed: 64 bits.

    Raises:
        ValueError: for rows of another length.
    """
    count, length = rows.shape
    if not SHORTEST <= length <= LONGEST:
        raise ValueError(f"rows of {SHORTEST} to {LONGEST} bytes are hashed, not of {length}")
    hashes = np.empty(count, dtype=np.uint64)
    work = _hash_short if length <= 16 else _hash_long
    with np.errstate(over="ignore"):
        for begin in range(0, count, _BLOCK):
            hashes[begin : begin + _BLOCK] = work(rows[begin : begin + _BLOCK], np.uint64(seed))
    return hashes


def _hash_short(rows: UInt8s, seed: np.uint64) -> UInt64s:
    """Hash rows of 9 to 16 bytes."""
    length = rows.shape[1]
    low = _word(rows, 0) ^ ((_secret(24) ^ _secret(32)) + seed)
    high = _word(rows, length - 8) ^ ((_secret(40) ^ _secret(48)) - seed)
    return _avalanche(np.uint64(length) + low.byteswap() + high + _folded_product(low, high))


def _hash_long(rows: UInt8s, seed: np.uint64) -> UInt64s:
    """Hash rows of 17 to 128 bytes: 16 bytes at a time, from both ends inwards."""
    length = rows.shape[1]
    total = np.full(len(rows), np.uint64(length) * _PRIME_1)
    for step in range((length - 1) // 32 + 1):
        total += _mixed(rows, 16 * step, 32 * step, seed)
        total += _mixed(rows, length - 16 * (step + 1), 32 * step + 16, seed)
    return _avalanche(total)


def _mixed(rows: UInt8s, at: int, secret: int, seed: np.uint64) -> UInt64s:
    left = _word(rows, at) ^ (_secret(secret) + seed)
    return _folded_product(left, _word(rows, at + 8) ^ (_secret(secret + 8) - seed))


def _word(rows: UInt8s, at: int) -> UInt64s:
    words: UInt64s = np.ascontiguousarray(rows[:, at : at + 8]).view("<u8")[:, 0].astype(np.uint64, copy=False)
    return words


def _secret(at: int) -> np.uint64:
    return np.uint64(int.from_bytes(_SECRET[at : at + 8], "little"))


def _folded_product(left: UInt64s, right: UInt64s) -> UInt64s:
    """Return the exclusive or of both halves of the 128-bit products."""
    left_high, right_high = left >> _32, right >> _32
    left_low, right_low = left & _LOW, right & _LOW
    lowest, crossed, other = left_low * right_low, left_high * right_low, left_low * right_high
    carried = (lowest >> _32) + (crossed & _LOW) + other
    folded: UInt64s = (left_high * right_high + (crossed >> _32) + (carried >> _32)) ^ (left * right)
    return folded


def _avalanche(values: UInt64s) -> UInt64s:
    values ^= values >> _37
    values *= _PRIME_MX_1
    values ^= values >> _32
    return values
