"""Posting lists of evaluation passages: which of them may share most of their n-grams with a given text.

They are a prefix filter (S. Chaudhuri, V. Ganti, R. Kaushik, A primitive operator for similarity joins in data
cleaning, 2006): of a passage with m n-grams, `least` of which must be found, only the rarest m - least + c are listed.
At least c of these are found in whatever holds `least` of all.

Where a template is repeated with other numbers or names, even the rarest are common, and every list is long. Passages
that would have to be listed under common n-grams are therefore put into classes with exactly the same common ones. Of
each class, the passage with the fewest n-grams is listed as any other, the rest only under what is rare in them.
Nothing is lost by that: a text that holds enough of such a passage holds one of its rare n-grams, or else nothing of
it but common ones, which are all in the representative too, and are there a larger share.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curation.decontamination.ngrams import ngram_sets, positions, take
from curation.dedup.columns import blocks
from curation.ngrams import Codepoints, Int64s, UInt64s, mix, offsets_of

Bools = npt.NDArray[np.bool_]

COMMON = 256
"""An n-gram that stands in more passages than this is common."""

_BLOCK = 1 << 20  # code points of passages handled at a time
_COUNTERS = 1 << 24  # n-grams share a counter if they agree in 24 bits: that only makes one look less rare
_MAX_FLAGS = 1 << 27


@dataclass(frozen=True, slots=True)
class Postings:
    """Which passages are listed under which n-grams.

    Attributes:
        ngrams: uint64 (k,), rising.
        offsets: int64 (k + 1,), n-gram i has the passages `passages[offsets[i]:offsets[i + 1]]`.
        passages: int32 (total,).
        flags: bool (power of two,), whether any n-gram begins with these bits: few that others hold do.
    """

    ngrams: UInt64s
    offsets: Int64s
    passages: npt.NDArray[np.int32]
    flags: Bools

    def find(self, hashes: UInt64s) -> tuple[Int64s, Int64s]:
        """Return which of the hashes, shape (h,), have a list, and that of which n-gram: int64 (f,) each."""
        maybe = np.flatnonzero(self.flags[_leading(hashes, len(self.flags))])
        places = positions(self.ngrams, hashes[maybe])
        return maybe[places >= 0], places[places >= 0]


@dataclass(frozen=True, slots=True)
class Census:
    """The n-grams of all passages, counted.

    Attributes:
        sizes: int64 (p,), distinct n-grams of each passage.
        counters: int64, in how many passages the n-grams of each counter stand.
    """

    sizes: Int64s
    counters: Int64s

    def frequency(self, hashes: UInt64s) -> Int64s:
        """Return in how many passages each n-gram stands, at most."""
        return self.counters[_leading(hashes, len(self.counters))]


def count_ngrams(passages: Codepoints) -> Census:
    """Count the n-grams of p passages. Takes 128 MiB and a block."""
    sizes = np.zeros(len(passages), dtype=np.int64)
    counters = np.zeros(_COUNTERS, dtype=np.int64)
    for rows in _row_blocks(passages, np.arange(len(passages))):
        hashes, offsets = ngram_sets(take(passages, rows))
        sizes[rows] = np.diff(offsets)
        np.add.at(counters, _leading(hashes, _COUNTERS), 1)
    return Census(sizes, counters)


def list_passages(passages: Codepoints, listed: Int64s, kinds: Int64s, census: Census) -> tuple[Postings, Bools]:
    """List passages under their rarest n-grams.

    Args:
        passages: p passages.
        listed: int64 (p,), under how many n-grams each is to be listed; 0 leaves it out.
        kinds: int64 (p,), only passages of the same kind stand for each other.
        census: the counts.

    Returns:
        The lists, and bool (p,): which passages are found by any one of the n-grams that they are listed under.
    """
    rare, signatures = _common_parts(passages, census)
    crowded = listed > rare
    stands = _representatives(np.flatnonzero(crowded), [signatures, kinds.astype(np.uint64)], census.sizes)
    limit = np.where(crowded & ~stands, rare, listed)
    hashes, owners = [np.zeros(0, dtype=np.uint64)], [np.zeros(0, dtype=np.int32)]
    for rows in _row_blocks(passages, np.flatnonzero(limit)):
        found, offsets = ngram_sets(take(passages, rows))
        owner = np.repeat(np.arange(len(rows)), np.diff(offsets))
        order = np.lexsort((found, census.frequency(found), owner))
        chosen = order[np.arange(len(found)) - offsets[owner] < limit[rows][owner]]
        hashes.append(found[chosen])
        owners.append(rows[owner[chosen]].astype(np.int32))
    return _postings(np.concatenate(hashes), np.concatenate(owners)), crowded & ~stands


def _common_parts(passages: Codepoints, census: Census) -> tuple[Int64s, UInt64s]:
    """Return how many rare n-grams each passage has, and a hash of the set of its common ones."""
    rare = np.zeros(len(passages), dtype=np.int64)
    signatures = np.zeros(len(passages), dtype=np.uint64)
    for rows in _row_blocks(passages, np.arange(len(passages))):
        hashes, offsets = ngram_sets(take(passages, rows))
        common = census.frequency(hashes) > COMMON
        totals = np.zeros(len(hashes) + 1, dtype=np.uint64)
        np.cumsum(np.where(common, mix(hashes), np.uint64(0)), out=totals[1:])
        signatures[rows] = np.diff(totals[offsets])
        rare[rows] = np.diff(offsets) - np.diff(offsets_of(common.astype(np.int64))[offsets])
    return rare, signatures


def _representatives(members: Int64s, keys: list[UInt64s], sizes: Int64s) -> Bools:
    """Return which passages, bool (p,), are the ones with the fewest n-grams, then the first, of their class."""
    order = members[np.lexsort((members, sizes[members], *(key[members] for key in keys)))]
    first = np.ones(len(order), dtype=bool)
    first[1:] = np.any([key[order][1:] != key[order][:-1] for key in keys], axis=0)
    stands = np.zeros(len(sizes), dtype=bool)
    stands[order[first]] = True
    return stands


def _postings(hashes: UInt64s, owners: npt.NDArray[np.int32]) -> Postings:
    ngrams, counts = np.unique(hashes, return_counts=True)
    flags = np.zeros(min(1 << (16 * len(ngrams) + 1).bit_length(), _MAX_FLAGS), dtype=bool)
    flags[_leading(ngrams, len(flags))] = True
    return Postings(ngrams, offsets_of(counts), owners[np.argsort(hashes, kind="stable")], flags)


def _row_blocks(passages: Codepoints, rows: Int64s) -> Iterator[Int64s]:
    for begin, end in blocks(passages.lengths[rows], _BLOCK):
        yield rows[begin:end]


def _leading(hashes: UInt64s, count: int) -> Int64s:
    """Return the leading bits of hashes as numbers below `count`, a power of two."""
    return (hashes >> np.uint64(65 - count.bit_length())).astype(np.int64)
