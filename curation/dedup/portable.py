"""The kernels without a compiler: numpy, and Python's own Unicode. The reference for `curation.dedup.compiled`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from curation.dedup.bands import SKETCH_SIZE, Bands
from curation.dedup.columns import blocks, byte_lengths, refuse_invalid
from curation.dedup.sketches import FACTORS, KEY_FACTOR, NGRAM, Float64s, Sketches, UInt8s, UInt32s
from curation.ngrams import Int64s, UInt64s, codepoints, mix, offsets_of, ragged, span_hashes, window_hashes
from curation.text import fold

# UTF-8 bytes of text handled at a time. The hashes of a sketch's block stay in the cache.
_SKETCH_BLOCK = 1 << 18
_CHECK_BLOCK = 1 << 19
# Folding goes through Python strings, which take several times as much memory.
_FOLD_BLOCK = 1 << 20
_AGREEMENT_BLOCK = 1 << 15


def sketch(sides: Sequence[pa.Array], bands: Bands) -> Sketches:
    """Sketch documents.

    Args:
        sides: one or two Arrow arrays of text, each of shape (n,).
        bands: the cut of the sketch.

    Raises:
        InvalidTextError: if a text is not UTF-8.
    """
    with _naming_invalid(sides):
        return _sketch(sides, bands)


def _sketch(sides: Sequence[pa.Array], bands: Bands) -> Sketches:
    result = Sketches.blank(len(sides[0]), bands.count)
    for begin, end in blocks(byte_lengths(sides), _SKETCH_BLOCK):
        hashes, offsets = _hashes([side[begin:end] for side in sides])
        minima = _minima(hashes.astype(np.uint32), offsets)
        result.values[begin:end] = minima.T.astype(np.uint8)
        result.keys[:, begin:end] = _band_keys(minima, bands)
        result.fingerprints[begin:end] = _sums(hashes, offsets)
    return result


def fold_texts(column: pa.Array) -> pa.Array:
    """Fold texts; see `curation.dedup.kernels.fold_texts`."""
    with _naming_invalid([column]):
        parts = [fold(column[begin:end]) for begin, end in blocks(byte_lengths([column]), _FOLD_BLOCK)]
    return pa.concat_arrays(parts) if parts else column


def hash_folded(column: pa.Array) -> UInt64s:
    """Hash folded texts; see `curation.dedup.kernels.hash_folded`."""
    hashes = np.empty(len(column), dtype=np.uint64)
    with _naming_invalid([column]):
        for begin, end in blocks(byte_lengths([column]), _FOLD_BLOCK):
            points = codepoints(fold(column[begin:end]))
            hashes[begin:end] = span_hashes(points, points.offsets[:-1], points.offsets[1:])
    return hashes


def agreement(values: UInt8s, left: Int64s, right: Int64s) -> UInt8s:
    """Return how many of the sketch values of each pair of documents agree, uint8 (m,)."""
    counts = np.empty(len(left), dtype=np.uint8)
    for begin in range(0, len(left), _AGREEMENT_BLOCK):
        part = slice(begin, begin + _AGREEMENT_BLOCK)
        equal = (values[left[part]] == values[right[part]]).view(np.uint64)
        counts[part] = np.bitwise_count(equal).sum(axis=1, dtype=np.uint8)
    return counts


def pairs_in_buckets(entries: UInt64s, values: UInt8s, least: int, small: int) -> UInt64s:
    """Compare the sketches of the documents of each bucket of two to `small`; see the compiled function."""
    bucket = entries >> np.uint64(32)
    begins = np.concatenate([np.ones(min(len(bucket), 1), dtype=bool), bucket[1:] != bucket[:-1]])
    number = np.cumsum(begins) - 1
    sizes = np.bincount(number)[number] if len(number) else number
    inside = (sizes > 1) & (sizes <= small)
    members, number = (entries[inside] & np.uint64(0xFFFFFFFF)).astype(np.int64), number[inside]
    found = [np.empty(0, dtype=np.uint64)]
    for distance in range(1, small):
        same = number[distance:] == number[:-distance]
        left, right = members[:-distance][same], members[distance:][same]
        worth = agreement(values, left, right) >= least
        found.append((left[worth].astype(np.uint64) << np.uint64(32)) | right[worth].astype(np.uint64))
    return np.concatenate(found)


def jaccard(sides: Sequence[pa.Array], left: Int64s, right: Int64s) -> Float64s:
    """Return the exact Jaccard similarity of pairs of documents; see `curation.dedup.kernels.jaccard`."""
    lengths = byte_lengths(sides)
    similarity = np.empty(len(left), dtype=np.float64)
    for begin, end in blocks(lengths[left] + lengths[right] + 1, _CHECK_BLOCK):
        documents, places = np.unique(np.concatenate([left[begin:end], right[begin:end]]), return_inverse=True)
        ends = places[: end - begin], places[end - begin :]
        wanted = pa.array(documents)
        with _naming_invalid(sides):
            similarity[begin:end] = np.min([_jaccard_of_block(side.take(wanted), *ends) for side in sides], axis=0)
    return similarity


@contextlib.contextmanager
def _naming_invalid(sides: Sequence[pa.Array]) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError:
        for side in sides:
            refuse_invalid(side)
        raise


def _hashes(sides: Sequence[pa.Array]) -> tuple[UInt64s, Int64s]:
    parts = [window_hashes(codepoints(fold(side)), NGRAM) for side in sides]
    if len(parts) == 1:
        return parts[0]
    (first, first_offsets), (second, second_offsets) = parts
    hashes = np.empty(len(first) + len(second), dtype=np.uint64)
    hashes[ragged(first_offsets[:-1] + second_offsets[:-1], np.diff(first_offsets))] = first
    hashes[ragged(first_offsets[1:] + second_offsets[:-1], np.diff(second_offsets))] = mix(~second)
    return hashes, first_offsets + second_offsets


def _minima(hashes: UInt32s, offsets: Int64s) -> UInt32s:
    """Return the min-hash values, uint32 (SKETCH_SIZE, n); those of an empty document are the greatest number."""
    minima = np.full((SKETCH_SIZE, len(offsets) - 1), 2**32 - 1, dtype=np.uint32)
    filled = np.flatnonzero(np.diff(offsets))
    if len(filled):
        permuted = np.empty_like(hashes)
        for row, factor in zip(minima, FACTORS, strict=True):
            np.multiply(hashes, factor, out=permuted)
            row[filled] = np.minimum.reduceat(permuted, offsets[filled])
    return minima


def _sums(hashes: UInt64s, offsets: Int64s) -> UInt64s:
    ends = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(hashes, dtype=np.uint64)])
    sums: UInt64s = ends[offsets[1:]] - ends[offsets[:-1]]
    return sums


def _band_keys(minima: UInt32s, bands: Bands) -> UInt32s:
    values = minima[: bands.count * bands.rows].reshape(bands.rows, bands.count, -1)
    keys = np.zeros((bands.count, values.shape[2]), dtype=np.uint32)
    for row in values:
        keys = (keys ^ row) * KEY_FACTOR
        keys ^= keys >> np.uint32(15)
    return keys


def _jaccard_of_block(texts: pa.Array, left: Int64s, right: Int64s) -> Float64s:
    # The upper bits of a key say whose the element is (text, or pair), the lower ones are the hash: one flat sort
    # then does for all sets what would take a hash table each.
    bits = (2 * len(left)).bit_length()
    shift, mask = np.uint64(64 - bits), np.uint64(2 ** (64 - bits) - 1)
    hashes, offsets = window_hashes(codepoints(fold(texts)), NGRAM)
    elements = _distinct((_owners(np.diff(offsets)) << shift) | (hashes & mask))
    sizes = np.bincount((elements >> shift).astype(np.int64), minlength=len(texts))
    members = np.concatenate([left, right])
    gathered = elements[ragged(offsets_of(sizes)[members], sizes[members])] & mask
    pair = np.tile(np.arange(len(left), dtype=np.uint64), 2)
    # Both halves are sorted already: a stable sort finds these two runs and merges them, five times faster.
    tagged = np.sort((np.repeat(pair, sizes[members]) << shift) | gathered, kind="stable")
    shared = tagged[1:][tagged[1:] == tagged[:-1]]
    both = np.bincount((shared >> shift).astype(np.int64), minlength=len(left))
    either = sizes[left] + sizes[right] - both
    return np.where(either == 0, 1.0, both / np.maximum(either, 1))


def _owners(counts: Int64s) -> UInt64s:
    return np.repeat(np.arange(len(counts), dtype=np.uint64), counts)


def _distinct(keys: UInt64s) -> UInt64s:
    keys = np.sort(keys)
    new = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    return keys[new]
