"""Which documents to compare: those that share a band, and of crowds only the nearest.

A band's bucket of up to `SMALL` documents is compared in full. A larger one is a crowd of texts that share most of
their content: all pairs would be too many, and are not needed, because a family of duplicates hangs together through
any of them. A crowd is sorted `ORDERS` times by other stretches of the sketch, which brings similar documents
together, and each document is paired with the nearest of the `REACH` that follow it. So a document brings at most
`max(SMALL - 1, ORDERS)` pairs a band, however large the buckets are; and where all documents of a crowd are duplicates
of each other, each is linked to a later one, hence all to the last.

A bucket's pairs are a function of the sketches in it and of nothing else, so that it does not matter where, when and
in which company it is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from curation.dedup.bands import EXHAUSTIVE_MISS, choose_bands, least_agreement
from curation.dedup.kernels import in_threads, kernels
from curation.dedup.sketches import Sketches, UInt8s
from curation.ngrams import Int64s, UInt64s

SMALL = 16
ORDERS = 4
REACH = 4
# Collections up to this size are compared pair by pair, without bands: as fast, and without their small misses.
EXHAUSTIVE = 128

_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
# Of the eight stretches of a sketch, so many decide an order; what ties in them is as good as equal.
_STRETCHES = 4


def candidate_pairs(sketches: Sketches, documents: Int64s, threshold: float, *, threads: int = 1) -> UInt64s:
    """Return the pairs of documents that are worth an exact comparison.

    Args:
        sketches: of n < 2^32 documents, made with `choose_bands(threshold)`.
        documents: int64 (d,), those to compare, rising: distinct ones that are not empty.
        threshold: Jaccard similarity that is sought.
        threads: cores to use; the result does not depend on it.

    Returns:
        uint64 (pairs,), rising, without repeats: smaller document << 32 | larger document.
    """
    if len(documents) <= EXHAUSTIVE:
        left, right = (documents[ends] for ends in np.triu_indices(len(documents), 1))
        worth = kernels().agreement(sketches.values, left, right) >= least_agreement(threshold, EXHAUSTIVE_MISS)
        return pack_pairs(left[worth], right[worth])
    least = least_agreement(threshold)
    numbers = documents.astype(np.uint64)

    def of_band(band: int, _: int) -> UInt64s:
        entries = np.sort(sketches.keys[band][documents].astype(np.uint64) << _HALF | numbers)
        return bucket_pairs(entries, sketches, band, least)

    pairs = np.sort(np.concatenate(in_threads(of_band, choose_bands(threshold).count, 1, threads)))
    new = np.ones(len(pairs), dtype=bool)
    new[1:] = pairs[1:] != pairs[:-1]
    return pairs[new]


def bucket_pairs(entries: UInt64s, sketches: Sketches, band: int, least: int) -> UInt64s:
    """Return the pairs of one band.

    Args:
        entries: uint64 (m,), sorted: bucket << 32 | document.
        sketches: of all documents.
        band: number of the band; decides where the orders of crowds begin.
        least: how many sketch values must agree.

    Returns:
        uint64 (pairs,), in no particular order.
    """
    shared = np.zeros(len(entries) + 1, dtype=bool)
    shared[1:-1] = entries[1:] ^ entries[:-1] <= _LOW
    entries = entries[shared[1:] | shared[:-1]]
    pairs = kernels().pairs_in_buckets(entries, sketches.values, least, SMALL)
    bucket = entries >> _HALF
    bounds = np.flatnonzero(np.concatenate([[True], bucket[1:] != bucket[:-1], [True]]))
    sizes = np.diff(bounds)
    if sizes.max(initial=0) <= SMALL:
        return pairs
    crowded = np.repeat(sizes > SMALL, sizes)
    members = (entries[crowded] & _LOW).astype(np.int64)
    return np.concatenate([pairs, _crowd_pairs(bucket[crowded], members, sketches, band, least)])


def pack_pairs(left: Int64s, right: Int64s) -> UInt64s:
    """Return pairs of documents as one number each, uint64 (m,): the smaller << 32 | the larger."""
    low, high = np.minimum(left, right).astype(np.uint64), np.maximum(left, right).astype(np.uint64)
    return low << _HALF | high


def unpack_pairs(pairs: UInt64s) -> tuple[Int64s, Int64s]:
    """Return the documents of packed pairs, int64 (m,) each."""
    return (pairs >> _HALF).astype(np.int64), (pairs & _LOW).astype(np.int64)


def _crowd_pairs(bucket: UInt64s, members: Int64s, sketches: Sketches, band: int, least: int) -> UInt64s:
    words = sketches.values[members].view(">u8")
    ties = sketches.fingerprints[members]
    found = []
    for turn in range(ORDERS):
        first = band + turn * words.shape[1] // ORDERS
        stretches = [words[:, (first + step) % words.shape[1]] for step in range(_STRETCHES)]
        order = np.lexsort((ties, *stretches[::-1], bucket))
        ordered = members[order]
        here, there = nearest_following(bucket[order], partial(_agreeing, sketches.values, ordered), least)
        found.append(pack_pairs(ordered[here], ordered[there]))
    return np.concatenate(found)


def _agreeing(values: UInt8s, ordered: Int64s, here: Int64s, there: Int64s) -> UInt8s:
    return kernels().agreement(values, ordered[here], ordered[there])


def nearest_following(
    bucket: UInt64s, agreeing: Callable[[Int64s, Int64s], npt.NDArray[np.integer]], least: int
) -> tuple[Int64s, Int64s]:
    """Pair each place of an order with the most alike of the `REACH` that follow it in its bucket, of equals the first.

    Args:
        bucket: uint64 (m,), rising.
        agreeing: says how much the documents at pairs of places have in common.
        least: how much at least.

    Returns:
        The places that have a partner, and the partners, int64 (p,) each.
    """
    best = np.full(len(bucket), least - 1, dtype=np.int16)
    partner = np.full(len(bucket), -1, dtype=np.int64)
    for distance in range(1, REACH + 1):
        at = np.flatnonzero(bucket[distance:] == bucket[:-distance])
        counts = agreeing(at, at + distance)
        better = counts > best[at]
        best[at[better]], partner[at[better]] = counts[better], at[better] + distance
    paired = np.flatnonzero(partner >= 0)
    return paired, partner[paired]
