"""The index of evaluation texts: which of them may share most of their n-grams with a given text.

It is a prefix filter (S. Chaudhuri, V. Ganti, R. Kaushik, A primitive operator for similarity joins in data cleaning,
2006): of a text with m n-grams, `least` of which must be found, only the rarest m - least + c are indexed. At least c
of these are found in whatever holds `least` of all. Nothing is lost, and an n-gram that stands in every text is
indexed for none that has rarer ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curation.config.model import Decontaminate
from curation.decontamination.letters import letters
from curation.decontamination.ngrams import ngram_sets, positions, ragged, take
from curation.decontamination.texts import EvaluationTexts
from curation.dedup.columns import blocks
from curation.ngrams import Codepoints, Int64s, UInt64s, codepoints, offsets_of, span_hashes

MIN_NGRAMS = 5
"""A passage with fewer distinct n-grams says nothing, however long it is (`hahaha...`); exact equality remains."""

Bools = npt.NDArray[np.bool_]

_BLOCK = 1 << 20  # code points of passages handled at a time
_COUNTERS = 1 << 24  # n-grams share a counter if they agree in 24 bits: that only makes one look less rare
_MAX_FLAGS = 1 << 27


@dataclass(frozen=True, slots=True)
class Postings:
    """Which passages hold which of the indexed n-grams.

    Attributes:
        ngrams: uint64 (k,), rising.
        offsets: int64 (k + 1,), n-gram i stands in the passages `passages[offsets[i]:offsets[i + 1]]`.
        passages: int32 (total,).
        flags: bool (power of two,), whether any n-gram begins with these bits: nearly all that others hold do not.
    """

    ngrams: UInt64s
    offsets: Int64s
    passages: npt.NDArray[np.int32]
    flags: Bools

    def find(self, hashes: UInt64s) -> tuple[Int64s, Int64s]:
        """Return which of the hashes, shape (h,), are indexed, and as which n-gram: int64 (f,) each."""
        maybe = np.flatnonzero(self.flags[_leading(hashes, len(self.flags))])
        places = positions(self.ngrams, hashes[maybe])
        return maybe[places >= 0], places[places >= 0]


@dataclass(frozen=True, slots=True)
class Index:
    """The texts of the evaluation, ready to be looked for.

    Attributes:
        texts: the texts and where they come from, t of them.
        letters: int64 (t,), their lengths.
        hashes: uint64 (t,), of whole texts, rising; `hashed` int64 (t,) says of which.
        passages: what the long ones are cut into, p in all.
        text: int64 (p,), the text of each passage.
        sizes: int64 (p,), its distinct n-grams.
        near: bool (p,), whether it can have near duplicates: whole texts of some length only.
        contained: bool (p,), whether it can be contained in something.
        needed: int64 (p,), indexed n-grams that whatever is worth a closer look must hold.
        postings: of all passages that are one or the other.
    """

    texts: EvaluationTexts
    letters: Int64s
    hashes: UInt64s
    hashed: Int64s
    passages: Codepoints
    text: Int64s
    sizes: Int64s
    near: Bools
    contained: Bools
    needed: Int64s
    postings: Postings


def build_index(texts: EvaluationTexts, options: Decontaminate) -> Index:
    """Index evaluation texts.

    Takes 4 bytes a code point and about 12 for each indexed n-gram (a third of all); beside that while it runs 64 MiB
    and a block.
    """
    points = codepoints(texts.texts)
    whole = span_hashes(points, points.offsets[:-1], points.offsets[1:])
    hashed = np.argsort(whole, kind="stable")
    passages, owner = _cut(points, options.passage_chars)
    length = letters(passages)
    alone = np.bincount(owner, minlength=len(points))[owner] == 1
    sizes, counters = _count(passages)
    telling = sizes >= MIN_NGRAMS
    near = telling & alone & (length >= options.near_min_letters) & (options.near_threshold is not None)
    contained = telling & (length >= options.containment_min_letters) & (options.containment_threshold is not None)
    least = _least(sizes, near, contained, options)
    needed = np.minimum(1 + sizes // 10, least)
    indexed = np.where(near | contained, sizes - least + needed, 0)
    return Index(
        texts=texts,
        letters=letters(points),
        hashes=whole[hashed],
        hashed=hashed,
        passages=passages,
        text=owner,
        sizes=sizes,
        near=near,
        contained=contained,
        needed=needed,
        postings=_post(passages, indexed, counters),
    )


def _cut(points: Codepoints, size: int) -> tuple[Codepoints, Int64s]:
    """Cut texts into passages of `size` code points; the rest of a text belongs to its last one.

    Returns:
        The passages, and the text of each, int64 (p,).
    """
    counts = np.maximum(points.lengths // size, 1)
    owner = np.repeat(np.arange(len(points)), counts)
    starts = ragged(np.zeros(len(points), dtype=np.int64), counts) * size + points.offsets[owner]
    return Codepoints(points.codes, np.append(starts, len(points.codes))), owner


def _count(passages: Codepoints) -> tuple[Int64s, Int64s]:
    """Return the number of distinct n-grams of each passage, and how many passages hold the n-grams of each counter."""
    sizes = np.zeros(len(passages), dtype=np.int64)
    counters = np.zeros(_COUNTERS, dtype=np.int64)
    for rows in _row_blocks(passages):
        hashes, offsets = ngram_sets(take(passages, rows))
        sizes[rows] = np.diff(offsets)
        counters += np.bincount(_leading(hashes, _COUNTERS), minlength=_COUNTERS)
    return sizes, counters


def _least(sizes: Int64s, near: Bools, contained: Bools, options: Decontaminate) -> Int64s:
    """Return how many n-grams of each passage are found in whatever either rule finds.

    Of sets A and B with Jaccard similarity s, at least s of A is in B, for B adds to the union what it has more.
    """
    share = np.ones(len(sizes))
    for applies, threshold in ((near, options.near_threshold), (contained, options.containment_threshold)):
        share = np.where(applies, np.minimum(share, threshold or 1.0), share)
    # A hair lower, lest rounding ask for one too many; what is found is checked anyway.
    return np.maximum(np.ceil(share * sizes - 1e-6).astype(np.int64), 1)


def _post(passages: Codepoints, indexed: Int64s, counters: Int64s) -> Postings:
    """Index the `indexed` rarest n-grams of each passage."""
    hashes, owners = [np.zeros(0, dtype=np.uint64)], [np.zeros(0, dtype=np.int32)]
    for rows in _row_blocks(passages):
        found, offsets = ngram_sets(take(passages, rows))
        owner = np.repeat(np.arange(len(rows)), np.diff(offsets))
        order = np.lexsort((found, counters[_leading(found, _COUNTERS)], owner))
        rank = np.arange(len(found)) - offsets[owner]  # the same for a text's n-grams in whatever order
        chosen = order[rank < indexed[rows][owner]]
        hashes.append(found[chosen])
        owners.append(rows[owner[chosen]].astype(np.int32))
    every, owner_of = np.concatenate(hashes), np.concatenate(owners)
    order = np.argsort(every, kind="stable")
    ngrams, counts = np.unique(every, return_counts=True)
    flags = np.zeros(min(1 << (16 * len(ngrams) + 1).bit_length(), _MAX_FLAGS), dtype=bool)
    flags[_leading(ngrams, len(flags))] = True
    return Postings(ngrams, offsets_of(counts), owner_of[order], flags)


def _row_blocks(passages: Codepoints) -> Iterator[Int64s]:
    for begin, end in blocks(passages.lengths, _BLOCK):
        yield np.arange(begin, end)


def _leading(hashes: UInt64s, count: int) -> Int64s:
    """Return the leading bits of hashes as numbers below `count`, a power of two."""
    return (hashes >> np.uint64(65 - count.bit_length())).astype(np.int64)
