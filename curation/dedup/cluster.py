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
from curation.dedup.sketches import Float64s, Sketches
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
class _Distinct:
    """Documents of which no two are known to be equal.

    Attributes:
        sides: the texts of all n documents, equal ones included.
        rows: int64 (d,), the first of each set of equal ones, rising.
        which: int64 (n,), the place in `rows` of each document's equal.
        sketches: of the documents `rows`.
        filled: int64 (f,), the places in `rows` of those that are not empty.
    """

    sides: Sequence[pa.Array]
    rows: Int64s
    which: Int64s
    sketches: Sketches
    filled: Int64s


def find_near_duplicates(texts: Texts, *, threshold: float = 0.8, threads: int = 1) -> Int64s:
    """Find near duplicates among texts in any language.

    The clusters do not depend on the order of the texts; which member is kept does. Finds at least 0.998 of the pairs
    at the threshold and nearly all above it; all that it links has been compared exactly. Collections of up to 128
    distinct texts are compared pair by pair. Empty texts are duplicates of each other only.

    Takes 150 bytes a text, 8 a pair of similar texts (of which a text has at most 256), and 24 bytes a byte of the
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
    distinct = _distinct([text_column(texts)], threshold, threads)
    pairs = _pairs(distinct, threshold, threads)
    return distinct.rows[_labels(distinct, pairs, threshold, threads)[distinct.which]]


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
    distinct = _distinct(sides, threshold, threads)
    pairs = _pairs(distinct, threshold, threads)
    kept = _labels(distinct, pairs, threshold, threads)
    similarity = jaccard(sides, distinct.rows, distinct.rows[kept], threads=threads)
    via, via_similarity = _nearest_link(distinct, pairs, kept, similarity, threshold)
    rows, which = distinct.rows, distinct.which
    result = Clusters(rows[kept][which], similarity[which], rows[via][which], via_similarity[which])
    # A copy of a text that is linked through a third one is linked through the first of its copies.
    copies = np.flatnonzero((rows[which] != np.arange(len(which))) & (similarity[which] < threshold))
    result.via[copies], result.via_similarity[copies] = rows[which[copies]], 1.0
    return result


def _distinct(sides: Sequence[pa.Array], threshold: float, threads: int) -> _Distinct:
    if not LOWEST_THRESHOLD <= threshold <= 1.0:
        raise ValueError(f"the threshold must lie between {LOWEST_THRESHOLD} and 1, not {threshold}")
    sketches = sketch(sides, choose_bands(threshold), threads=threads)
    rows, which = equal_documents(sides, sketches.fingerprints, threads=threads)
    if len(rows) < len(which):
        sketches = sketches.take(rows)
    filled = np.flatnonzero(byte_lengths(sides)[rows])
    return _Distinct(sides, rows, which, sketches, filled)


def equal_documents(sides: Sequence[pa.Array], fingerprints: UInt64s, *, threads: int = 1) -> tuple[Int64s, Int64s]:
    """Group the documents whose sets of 5-grams are equal, by fingerprint and then by comparison.

    Args:
        sides: one or two Arrow arrays of text, each of shape (n,).
        fingerprints: uint64 (n,), those of their sketches.
        threads: cores to use.

    Returns:
        first: int64 (groups,), the first document of each group, rising.
        group: int64 (n,), the group of each document.
    """
    order = np.argsort(fingerprints, kind="stable")
    ordered = fingerprints[order]
    begins = np.concatenate([np.ones(min(len(order), 1), dtype=bool), ordered[1:] != ordered[:-1]])
    leader = np.empty(len(order), dtype=np.int64)
    leader[order] = order[begins][np.cumsum(begins) - 1]
    copies = np.flatnonzero(leader != np.arange(len(order)))
    chance = copies[jaccard(sides, leader[copies], copies, threads=threads) < 1.0]
    leader[chance] = chance
    first = np.flatnonzero(leader == np.arange(len(order)))
    return first, np.searchsorted(first, leader)


def _pairs(distinct: _Distinct, threshold: float, threads: int) -> UInt64s:
    """Return the pairs worth comparing, as packed places in `distinct.filled`."""
    filled = distinct.filled
    sketches = distinct.sketches if len(filled) == len(distinct.rows) else distinct.sketches.take(filled)
    return candidate_pairs(sketches, threshold, threads=threads)


def _labels(distinct: _Distinct, pairs: UInt64s, threshold: float, threads: int) -> Int64s:
    """Return the first member of each distinct document's component, int64 (d,)."""
    labels = np.arange(len(distinct.rows))
    # In an order without meaning, so that each round joins documents all over the place, and spares most of what the
    # later ones would have to compare in a large family.
    pairs = pairs[np.argsort(mix(pairs))]
    size = max(_LEAST_ROUND, len(distinct.rows))
    for begin in range(0, len(pairs), size):
        left, right = (distinct.filled[ends] for ends in unpack_pairs(np.sort(pairs[begin : begin + size])))
        apart = labels[left] != labels[right]
        left, right = left[apart], right[apart]
        similar = jaccard(distinct.sides, distinct.rows[left], distinct.rows[right], threads=threads) >= threshold
        labels = join(labels, left[similar], right[similar])
    return labels


def _nearest_link(
    distinct: _Distinct, pairs: UInt64s, kept: Int64s, similarity: Float64s, threshold: float
) -> tuple[Int64s, Float64s]:
    """Return for each distinct document the one through which it is linked, and their similarity."""
    via, via_similarity = kept.copy(), similarity.copy()
    left, right = (distinct.filled[ends] for ends in unpack_pairs(pairs))
    chained = (similarity[left] < threshold) | (similarity[right] < threshold)
    left, right = left[chained], right[chained]
    strength = jaccard(distinct.sides, distinct.rows[left], distinct.rows[right])
    here, there = np.concatenate([left, right]), np.concatenate([right, left])
    strength = np.tile(strength, 2)
    # The last writer wins: the nearest neighbour, of equals the first.
    order = np.lexsort((-there, strength))
    order = order[(similarity[here[order]] < threshold) & (strength[order] >= threshold)]
    via[here[order]], via_similarity[here[order]] = there[order], strength[order]
    return via, via_similarity
