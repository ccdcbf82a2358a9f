"""Documents as sets of hashed character 5-grams, their sketches, and their exact similarity.

A document is one text, or a pair of texts. The 5-grams of a pair's two sides are kept apart, so that the Jaccard
similarity of the whole lies between those of the sides (it is their mediant): a pair of documents that are similar on
both sides is similar as a whole, and its sketches find it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.dedup.bands import SKETCH_SIZE, Bands
from curation.dedup.columns import blocks, byte_lengths
from curation.ngrams import Int64s, UInt64s, codepoints, mix, offsets_of, window_hashes

NGRAM = 5

UInt8s = npt.NDArray[np.uint8]
UInt32s = npt.NDArray[np.uint32]
Float64s = npt.NDArray[np.float64]

# UTF-8 bytes of text handled at a time. The hashes of a sketch's block stay in the cache.
_SKETCH_BLOCK = 1 << 18
_CHECK_BLOCK = 1 << 19
_CONSTANTS = mix(np.arange(1, 2 * SKETCH_SIZE + 1, dtype=np.uint64)).astype(np.uint32)
_FACTORS = _CONSTANTS[:SKETCH_SIZE] | np.uint32(1)
_SHIFTS = _CONSTANTS[SKETCH_SIZE:]


@dataclass(frozen=True, slots=True)
class Sketches:
    """What is remembered of n documents.

    Attributes:
        values: uint8 (n, SKETCH_SIZE), the low byte of each min-hash value. Two different values agree in it once in
            256 times, so that an estimate is at most that much too high and never too low.
        keys: uint64 (bands, n), a hash of the whole values of each band.
        fingerprints: uint64 (n,), a hash of the multiset of 5-grams; a function of the content alone.
    """

    values: UInt8s
    keys: UInt64s
    fingerprints: UInt64s

    def take(self, order: Int64s) -> Sketches:
        """Return the sketches of the documents `order`."""
        return Sketches(self.values[order], self.keys[:, order], self.fingerprints[order])


def sketch(sides: Sequence[pa.Array], bands: Bands) -> Sketches:
    """Sketch documents, none of which may be empty on all sides.

    Each of the `SKETCH_SIZE` values is the least of h(x) = a x + b mod 2^32 over the 5-grams x of the document, with
    its own a and b (A. Broder, On the resemblance and containment of documents, 1997). Takes a block of text beside
    the result.

    Args:
        sides: one or two Arrow arrays of folded text, each of shape (n,).
        bands: the cut of the sketch.
    """
    count = len(sides[0])
    result = Sketches(
        np.empty((count, SKETCH_SIZE), dtype=np.uint8),
        np.empty((bands.count, count), dtype=np.uint64),
        np.empty(count, dtype=np.uint64),
    )
    for begin, end in blocks(byte_lengths(sides), _SKETCH_BLOCK):
        hashes, offsets = _hashes([side[begin:end] for side in sides])
        minima = _minima(hashes.astype(np.uint32), offsets[:-1])
        result.values[begin:end] = minima.T.astype(np.uint8)
        result.keys[:, begin:end] = _band_keys(minima, bands)
        result.fingerprints[begin:end] = np.add.reduceat(hashes, offsets[:-1])
    return result


def agreement(values: UInt8s, left: Int64s, right: Int64s) -> UInt8s:
    """Return how many of the sketch values of each pair of documents agree, uint8 (m,)."""
    counts = np.empty(len(left), dtype=np.uint8)
    for begin in range(0, len(left), 1 << 15):
        part = slice(begin, begin + (1 << 15))
        equal = (values[left[part]] == values[right[part]]).view(np.uint64)
        counts[part] = np.bitwise_count(equal).sum(axis=1, dtype=np.uint8)
    return counts


def jaccard(sides: Sequence[pa.Array], left: Int64s, right: Int64s) -> Float64s:
    """Return the exact Jaccard similarity of pairs of documents; of two sides, the less similar one counts.

    The sets are those of hashes of 5-grams, of at least 44 bits. Two empty sides are equal.

    Args:
        sides: one or two Arrow arrays of folded text, each of shape (n,).
        left: int64 (m,), one document of each pair.
        right: int64 (m,), the other.

    Returns:
        float64 (m,), the number nearest to |A and B| / |A or B|.
    """
    lengths = byte_lengths(sides)
    similarity = np.empty(len(left), dtype=np.float64)
    for begin, end in blocks(lengths[left] + lengths[right] + 1, _CHECK_BLOCK):
        documents, places = np.unique(np.concatenate([left[begin:end], right[begin:end]]), return_inverse=True)
        ends = places[: end - begin], places[end - begin :]
        wanted = pa.array(documents)
        similarity[begin:end] = np.min([_jaccard_of_block(side.take(wanted), *ends) for side in sides], axis=0)
    return similarity


def _hashes(sides: Sequence[pa.Array]) -> tuple[UInt64s, Int64s]:
    parts = [window_hashes(codepoints(side), NGRAM) for side in sides]
    if len(parts) == 1:
        return parts[0]
    (first, first_offsets), (second, second_offsets) = parts
    hashes = np.empty(len(first) + len(second), dtype=np.uint64)
    hashes[_ragged(first_offsets[:-1] + second_offsets[:-1], np.diff(first_offsets))] = first
    hashes[_ragged(first_offsets[1:] + second_offsets[:-1], np.diff(second_offsets))] = mix(~second)
    return hashes, first_offsets + second_offsets


def _minima(hashes: UInt32s, starts: Int64s) -> UInt32s:
    """Return the min-hash values, uint32 (SKETCH_SIZE, n)."""
    minima = np.empty((SKETCH_SIZE, len(starts)), dtype=np.uint32)
    permuted = np.empty_like(hashes)
    for row, factor, shift in zip(minima, _FACTORS, _SHIFTS, strict=True):
        np.multiply(hashes, factor, out=permuted)
        permuted += shift
        np.minimum.reduceat(permuted, starts, out=row)
    return minima


def _band_keys(minima: UInt32s, bands: Bands) -> UInt64s:
    values = minima[: bands.count * bands.rows].reshape(bands.count, bands.rows, -1)
    keys = np.zeros((bands.count, values.shape[2]), dtype=np.uint64)
    for row in range(bands.rows):
        keys = mix(keys ^ values[:, row])
    return keys


def _jaccard_of_block(texts: pa.Array, left: Int64s, right: Int64s) -> Float64s:
    # The upper bits of a key say whose the element is (text, or pair), the lower ones are the hash: one flat sort
    # then does for all sets what would take a hash table each.
    bits = (2 * len(left)).bit_length()
    shift, mask = np.uint64(64 - bits), np.uint64(2 ** (64 - bits) - 1)
    hashes, offsets = window_hashes(codepoints(texts), NGRAM)
    elements = _distinct((_owners(np.diff(offsets)) << shift) | (hashes & mask))
    sizes = np.bincount((elements >> shift).astype(np.int64), minlength=len(texts))
    members = np.concatenate([left, right])
    gathered = elements[_ragged(offsets_of(sizes)[members], sizes[members])] & mask
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


def _ragged(starts: Int64s, counts: Int64s) -> Int64s:
    """Return the positions of all runs that begin at `starts` and have `counts` items."""
    offsets = offsets_of(counts)
    return np.repeat(starts - offsets[:-1], counts) + np.arange(offsets[-1])
