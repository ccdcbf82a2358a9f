"""Clusters of near duplicates.

Two texts are near duplicates when the Jaccard similarity of their sets of character 5-grams, after NFKC and lower
case, reaches the threshold. Sketches propose, an exact comparison decides. A cluster is a connected component of
those links, so it may hold texts that are less similar than the threshold to the one that is kept; but every text in
it has a link of its own to another member (`Clusters.via`), and no text joins one for sharing a bucket.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curation.dedup.bands import LOWEST_THRESHOLD, choose_bands
from curation.dedup.candidates import candidate_pairs, unpack_pairs
from curation.dedup.columns import Texts, byte_lengths, text_column
from curation.dedup.components import join
from curation.dedup.kernels import jaccard, sketch
from curation.dedup.sketches import Float64s
from curation.ngrams import Int64s, UInt64s, mix

# Pairs that are compared before it is looked which of the others are joined by now.
_LEAST_ROUND = 1 << 14


@dataclass(frozen=True, slots=True)
class Clusters:
    """The clusters of n documents.

    Attributes:
        kept: int64 (n,), the kept member of each document's cluster: the one with the smallest index.
        similarity: float64 (n,), Jaccard similarity of each document with its kept member; below the threshold where
            others link the two.
        via: int64 (n,), the document through which each is in its cluster: the kept one where that is similar enough,
            otherwise the nearest verified neighbour; a kept document is its own.
        via_similarity: float64 (n,), Jaccard similarity with it, always at or above the threshold.
    """

    kept: Int64s
    similarity: Float64s
    via: Int64s
    via_similarity: Float64s


@dataclass(frozen=True, slots=True)
class _Proposed:
    """What the sketches say about n documents.

    Attributes:
        sides: their texts.
        leader: int64 (n,), the first of the documents that are equal to each.
        pairs: uint64 (m,), packed pairs of leaders that are worth an exact comparison.
    """

    sides: Sequence[pa.Array]
    leader: Int64s
    pairs: UInt64s


def find_near_duplicates(texts: Texts, *, threshold: float = 0.8, threads: int = 1) -> Int64s:
    """Find near duplicates among texts in any language.

    The clusters do not depend on the order of the texts; which member is kept does. Finds at least 0.998 of the pairs
    at the threshold and nearly all above it; all that it links has been compared exactly. Collections of up to 128
    distinct texts are compared pair by pair. Empty texts are duplicates of each other only.

    Takes 150 bytes a text, 8 a pair of similar texts (of which a text has at most 256), and 60 bytes a byte of the
    longest text, beside the texts themselves.

    Args:
        texts: n strings, or an Arrow array of them, fewer than 2^32.
        threshold: Jaccard similarity of the sets of character 5-grams, from 0.1 to 1, at or above which two texts are
            duplicates. A shorter text is one n-gram.
        threads: cores to use; the result does not depend on it.

    Returns:
        int64 (n,), the index of the kept member of each text's cluster, which is its first; `kept[i] == i` for the
        texts to keep.

    Raises:
        TypeError: if `texts` is one string or holds something else than strings.
        ValueError: if a text is null, holds a lone surrogate or is not UTF-8, or the threshold is out of range.
    """
    return _join_similar(_propose([text_column(texts)], threshold, threads), threshold, threads)


def near_duplicate_clusters(
    texts: Texts, *, threshold: float = 0.8, other_side: Texts | None = None, threads: int = 1
) -> Clusters:
    """Find near duplicates, and say how similar they are and through which text they are linked.

    Args:
        texts: n strings, or an Arrow array of them.
        threshold: as in `find_near_duplicates`.
        other_side: n strings, the other side of each text. Two documents are then duplicates when both their sides
            are, and the similarity is that of the less similar side: many questions about one passage stay apart.
        threads: cores to use.

    Raises:
        TypeError: as in `find_near_duplicates`.
        ValueError: as in `find_near_duplicates`, and if the sides differ in length.
    """
    sides = [text_column(texts)] if other_side is None else [text_column(texts), text_column(other_side)]
    if len(sides[-1]) != len(sides[0]):
        raise ValueError(f"{len(sides[0])} texts have {len(sides[-1])} other sides")
    proposed = _propose(sides, threshold, threads)
    kept, leader = _join_similar(proposed, threshold, threads), proposed.leader
    rows = np.flatnonzero(leader == np.arange(len(leader)))
    similarity = np.empty(len(leader))
    similarity[rows] = jaccard(sides, rows, kept[rows], threads=threads)
    similarity = similarity[leader]
    via, via_similarity = _nearest_link(proposed, kept, similarity, threshold)
    # A copy of a text that is linked through a third one is linked through the first of its copies.
    copies = np.flatnonzero((leader != np.arange(len(leader))) & (similarity < threshold))
    via[copies], via_similarity[copies] = leader[copies], 1.0
    return Clusters(kept, similarity, via, via_similarity)


def _propose(sides: Sequence[pa.Array], threshold: float, threads: int) -> _Proposed:
    if not LOWEST_THRESHOLD <= threshold <= 1.0:
        raise ValueError(f"the threshold must lie between {LOWEST_THRESHOLD} and 1, not {threshold}")
    sketches = sketch(sides, choose_bands(threshold), threads=threads)
    leader = _equal_documents(sides, sketches.fingerprints, threads)
    documents = np.flatnonzero((leader == np.arange(len(leader))) & (byte_lengths(sides) > 0))
    return _Proposed(sides, leader, candidate_pairs(sketches, documents, threshold, threads=threads))


def _equal_documents(sides: Sequence[pa.Array], fingerprints: UInt64s, threads: int) -> Int64s:
    """Return the first of the documents with the same set of 5-grams as each, found by fingerprint and compared."""
    order = np.argsort(fingerprints)
    ordered = fingerprints[order]
    begins = np.concatenate([np.ones(min(len(order), 1), dtype=bool), ordered[1:] != ordered[:-1]])
    leader = np.empty(len(order), dtype=np.int64)
    if len(order):
        leader[order] = np.minimum.reduceat(order, np.flatnonzero(begins))[np.cumsum(begins) - 1]
    copies = np.flatnonzero(leader != np.arange(len(order)))
    chance = copies[jaccard(sides, leader[copies], copies, threads=threads) < 1.0]
    leader[chance] = chance
    return leader


def _join_similar(proposed: _Proposed, threshold: float, threads: int) -> Int64s:
    """Return the first document of each one's component, int64 (n,)."""
    labels = proposed.leader
    # In an order without meaning, so that each round joins documents all over the place, and spares most of what the
    # later ones would have to compare in a large family.
    pairs = proposed.pairs[np.argsort(mix(proposed.pairs))]
    size = max(_LEAST_ROUND, len(labels))
    for begin in range(0, len(pairs), size):
        left, right = unpack_pairs(np.sort(pairs[begin : begin + size]))
        apart = labels[left] != labels[right]
        left, right = left[apart], right[apart]
        similar = jaccard(proposed.sides, left, right, threads=threads) >= threshold
        labels = join(labels, left[similar], right[similar])
    return labels


def _nearest_link(proposed: _Proposed, kept: Int64s, similarity: Float64s, threshold: float) -> tuple[Int64s, Float64s]:
    """Return for each document the one through which it is linked, and their similarity."""
    via, via_similarity = kept.copy(), similarity.copy()
    left, right = unpack_pairs(proposed.pairs)
    chained = (similarity[left] < threshold) | (similarity[right] < threshold)
    left, right = left[chained], right[chained]
    strength = np.tile(jaccard(proposed.sides, left, right), 2)
    here, there = np.concatenate([left, right]), np.concatenate([right, left])
    # The last writer wins: the nearest neighbour, of equals the first.
    order = np.lexsort((-there, strength))
    order = order[(similarity[here[order]] < threshold) & (strength[order] >= threshold)]
    via[here[order]], via_similarity[here[order]] = there[order], strength[order]
    return via, via_similarity
