"""Hashes of character windows and spans over many texts at once.

The hash of a span of code points c_0 .. c_(m-1) is the polynomial

    sum over k of (c_k + 1) * B^k   mod 2^64

with an odd constant B, passed through a mixer that makes every bit depend on every other. Adding one keeps U+0000
apart from the end of the text. It is a function of the span's text alone: the same window hashes alike wherever it
stands. Chance collisions have odds of about 2^-64 a pair, but anyone can construct two equal hashes, and spans beyond
a thousand code points can be made to collide whatever B is: good for similarity and counting, never for identity
(`curation.hashing.content_id`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

UInt64s = npt.NDArray[np.uint64]
Int64s = npt.NDArray[np.int64]

# An arbitrary odd number that is 5 mod 8, so that its powers run through the longest cycle there is, 2^62.
BASE = 0x9E6C63D0676A9A9D
# The finaliser of MurmurHash3 (Austin Appleby, public domain).
MIX_FACTORS = (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53)
_INVERSE = pow(BASE, -1, 2**64)
# Positions handled at a time: half a megabyte of hashes, which stays in the second-level cache.
_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Codepoints:
    """Many texts as one array of code points.

    Attributes:
        codes: uint32 (total,), the code points of all texts, one text after the other.
        offsets: int64 (n + 1,), text i is `codes[offsets[i]:offsets[i + 1]]`.
    """

    codes: npt.NDArray[np.uint32]
    offsets: Int64s

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Int64s:
        """Number of code points of each text, int64 (n,)."""
        return np.diff(self.offsets)


def codepoints(texts: pa.Array) -> Codepoints:
    """Decode a column of text.

    Takes 4 bytes a code point for the result and, while it runs, up to 4 more.

    Args:
        texts: Arrow strings (`string` or `large_string`), shape (n,), possibly a slice of another array.

    Raises:
        ValueError: if a text is null.
        UnicodeDecodeError: if the buffers do not hold UTF-8.
    """
    if texts.null_count:
        raise ValueError(f"{texts.null_count} of {len(texts)} texts are null")
    texts = texts.cast(pa.large_string())
    lengths = pc.utf8_length(texts).to_numpy(zero_copy_only=False)
    codes = np.frombuffer(str(_utf8(texts), "utf-8").encode("utf-32-le"), dtype="<u4").astype(np.uint32, copy=False)
    return Codepoints(codes, offsets_of(lengths))


def offsets_of(lengths: npt.NDArray[np.integer]) -> Int64s:
    """Return where each of n runs of the given lengths begins, and where the last ends: int64 (n + 1,)."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def ragged(starts: Int64s, counts: Int64s) -> Int64s:
    """Return the positions of all runs that begin at `starts` and have `counts` items, one after the other."""
    offsets = offsets_of(counts)
    return np.repeat(starts - offsets[:-1], counts) + np.arange(offsets[-1])


def window_hashes(points: Codepoints, size: int) -> tuple[UInt64s, Int64s]:
    """Hash every window of `size` code points inside each text; none reaches across texts.

    A text that is shorter than `size` but not empty gives the one hash of the whole text; an empty text gives none.
    Takes 8 bytes a window for the result and, while it runs, 9 more a code point.

    Args:
        points: n texts.
        size: code points of a window, at least 1.

    Returns:
        hashes: uint64 (windows,), in the order of the texts and of their windows. `hashes` of a window equals
            `span_hashes` of the same span.
        offsets: int64 (n + 1,), the hashes of text i are `hashes[offsets[i]:offsets[i + 1]]`.

    Raises:
        ValueError: if `size` is below 1.
    """
    if size < 1:
        raise ValueError(f"a window has at least 1 code point, not {size}")
    lengths = points.lengths
    counts = np.where(lengths < size, np.minimum(lengths, 1), lengths - size + 1)
    offsets = offsets_of(counts)
    begins_window = np.repeat(np.tile([True, False], len(points)), np.column_stack([counts, lengths - counts]).ravel())
    hashes = _hash_everywhere(points.codes, size)[begins_window]
    short = np.flatnonzero((lengths > 0) & (lengths < size))
    hashes[offsets[short]] = _hash_whole(points, short, size)
    return hashes, offsets


def span_hashes(points: Codepoints, starts: Int64s, ends: Int64s) -> UInt64s:
    """Hash arbitrary spans of code points; equal texts have equal hashes, whatever stands around them.

    Takes 8 bytes a code point and 16 a span while it runs; the time does not depend on the spans' lengths.

    Args:
        points: the texts.
        starts: int64 (m,), positions in `points.codes` where the spans begin.
        ends: int64 (m,), positions where they end (exclusive).

    Returns:
        uint64 (m,). All empty spans have the same hash.

    Raises:
        ValueError: if a span ends before it begins or reaches outside of the array.
    """
    total = len(points.codes)
    if len(starts) and (starts.min() < 0 or ends.max() > total or (starts > ends).any()):
        raise ValueError(f"spans must lie in order within the {total} code points")
    prefix = np.zeros(total + 1, dtype=np.uint64)
    for begin, end in _blocks(total):
        scale = np.uint64(pow(BASE, begin, 2**64))
        prefix[begin + 1 : end + 1] = _values(points.codes[begin:end]) * (_powers(BASE, end - begin) * scale)
    np.cumsum(prefix, out=prefix)
    hashes = prefix[ends] - prefix[starts]
    low = _powers(_INVERSE, _BLOCK)
    high = _powers(pow(_INVERSE, _BLOCK, 2**64), total // _BLOCK + 1)
    hashes *= low[starts % _BLOCK] * high[starts // _BLOCK]
    return mix(hashes)


def mix(values: UInt64s) -> UInt64s:
    """Return a bijection of 64-bit numbers in which every bit depends on all bits."""
    mixed = values ^ (values >> np.uint64(33))
    for factor in MIX_FACTORS:
        mixed *= np.uint64(factor)
        mixed ^= mixed >> np.uint64(33)
    return mixed


def _utf8(texts: pa.Array) -> memoryview:
    _, offsets, data = texts.buffers()
    if data is None or len(texts) == 0:
        return memoryview(b"")
    bounds = np.frombuffer(offsets, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return memoryview(data)[bounds[0] : bounds[-1]]


def _blocks(total: int) -> Iterator[tuple[int, int]]:
    for begin in range(0, total, _BLOCK):
        yield begin, min(begin + _BLOCK, total)


def _values(codes: npt.NDArray[np.uint32]) -> UInt64s:
    return codes.astype(np.uint64) + np.uint64(1)


def _powers(base: int, count: int) -> UInt64s:
    powers = np.full(count, base, dtype=np.uint64)
    powers[:1] = 1
    return np.cumprod(powers, dtype=np.uint64)


def _polynomial(values: UInt64s, size: int) -> UInt64s:
    """Sum values[..., i + k] * B^k over k < size for every i, by Horner's rule."""
    count = values.shape[-1] - size + 1
    total = values[..., size - 1 :].copy()
    for k in range(size - 2, -1, -1):
        total *= np.uint64(BASE)
        total += values[..., k : k + count]
    return total


def _hash_everywhere(codes: npt.NDArray[np.uint32], size: int) -> UInt64s:
    """Hash the window that begins at each position, as if all texts were one; zeros follow the last."""
    hashes = np.empty(len(codes), dtype=np.uint64)
    for begin, end in _blocks(len(codes)):
        values = np.zeros(end - begin + size - 1, dtype=np.uint64)
        inside = codes[begin : end + size - 1]
        values[: len(inside)] = _values(inside)
        hashes[begin:end] = mix(_polynomial(values, size))
    return hashes


def _hash_whole(points: Codepoints, which: Int64s, size: int) -> UInt64s:
    """Hash each of the texts `which`, all shorter than `size`: a window whose values past the text are zero."""
    hashes = np.empty(len(which), dtype=np.uint64)
    steps = np.arange(size)
    for begin, end in _blocks(len(which)):
        texts = which[begin:end, None]
        positions = points.offsets[texts] + steps
        inside = positions < points.offsets[texts + 1]
        values = np.where(inside, _values(points.codes[np.where(inside, positions, 0)]), np.uint64(0))
        hashes[begin:end] = mix(_polynomial(values, size))[:, 0]
    return hashes
