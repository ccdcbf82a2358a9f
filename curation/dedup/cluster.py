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
import numpy.typing as npt
import pyarrow as pa

from curation.dedup.bands import LOWEST_THRESHOLD, choose_bands, least_agreement
from curation.dedup.candidates import candidates
from curation.dedup.columns import Texts, byte_lengths, equal_rows, folded
from curation.dedup.shingles import Float64s, UInt8s, agreement, jaccard, sketch
from curation.ngrams import Int64s, UInt64s


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
class _Links:
    """Verified links, each once.

    Attributes:
        left: int64 (m,), one document of each.
        right: int64 (m,), the other.
        similarity: float64 (m,), their Jaccard similarity.
        labels: int64 (n,), the component of each of all n documents.
    """

    left: Int64s
    right: Int64s
    similarity: Float64s
    labels: Int64s


def find_near_duplicates(texts: Texts, *, threshold: float = 0.8) -> Int64s:
    """Find near duplicates among texts in any language.

    The clusters do not depend on the order of the texts; which member is kept does. Finds at least 0.995 of the pairs
    at the threshold and nearly all above it; all that it links has been compared exactly. Empty texts are duplicates
    of each other only. Takes twice the folded text, 400 bytes a distinct text, and a block of work.

    Args:
        texts: n strings, or an Arrow array of them.
        threshold: Jaccard similarity of the sets of character 5-grams, from 0.1 to 1, at or above which two texts are
            duplicates. A shorter text is one n-gram.

    Returns:
        int64 (n,), the index of the kept member of each text's cluster, which is its first; `kept[i] == i` for the
        texts to keep.

    Raises:
        TypeError: if `texts` is one string or holds something else than strings.
        ValueError: if a text is null or holds a lone surrogate, or the threshold is out of range.
    """
    _, first, which, links = _link_distinct([folded(texts)], threshold)
    return _first_of_component(first, links.labels)[which]


def near_duplicate_clusters(texts: Texts, *, threshold: float = 0.8, other_side: Texts | None = None) -> Clusters:
    """Find near duplicates, and say how similar they are and through which text they are linked.

    Args:
        texts: n strings, or an Arrow array of them.
        threshold: as in `find_near_duplicates`.
        other_side: n strings, the other side of each text. Two documents are then duplicates when both their sides
            are, and the similarity is that of the less similar side: many questions about one passage stay apart.

    Raises:
        TypeError: as in `find_near_duplicates`.
        ValueError: as in `find_near_duplicates`, and if the sides differ in length.
    """
    columns = [folded(texts)] if other_side is None else [folded(texts), folded(other_side)]
    if len(columns[-1]) != len(columns[0]):
        raise ValueError(f"{len(columns[0])} texts have {len(columns[-1])} other sides")
    sides, first, which, links = _link_distinct(columns, threshold)
    kept = _first_of_component(first, links.labels)
    similarity = _similarity_with_kept(sides, first, kept, links)
    via, via_similarity = _nearest_link(first, kept, similarity, links, threshold)
    copies = np.flatnonzero((first[which] != np.arange(len(which))) & (similarity[which] < threshold))
    result = Clusters(kept[which], similarity[which], via[which], via_similarity[which])
    # A copy of a text that is linked through a third one is linked through the first of its copies.
    result.via[copies], result.via_similarity[copies] = first[which[copies]], 1.0
    return result


def _link_distinct(columns: Sequence[pa.Array], threshold: float) -> tuple[list[pa.Array], Int64s, Int64s, _Links]:
    """Link the distinct documents: their sides, the first row of each, the document of each row, the links."""
    if not LOWEST_THRESHOLD <= threshold <= 1.0:
        raise ValueError(f"the threshold must lie between {LOWEST_THRESHOLD} and 1, not {threshold}")
    first, which = equal_rows(columns)
    sides = [column.take(pa.array(first)) for column in columns]
    return sides, first, which, _link(sides, threshold)


def _link(sides: Sequence[pa.Array], threshold: float) -> _Links:
    filled = np.flatnonzero(byte_lengths(sides))
    bands = choose_bands(threshold)
    sketches = sketch([side.take(pa.array(filled)) for side in sides], bands)
    # From here on the documents stand in an order that is a function of their content. Those that tie in it have equal
    # sets, and nothing below can tell them apart.
    order = np.argsort(sketches.fingerprints, kind="stable")
    documents, sketches = filled[order], sketches.take(order)
    linker = _Linker(sides, documents, sketches.values, threshold)
    for band, keys in enumerate(sketches.keys):
        for left, right in candidates(keys, sketches.values, band, linker.score):
            linker.compare(left, right)
    return linker.links()


class _Linker:
    """Compares proposed pairs and joins those that are duplicates."""

    def __init__(self, sides: Sequence[pa.Array], documents: Int64s, values: UInt8s, threshold: float) -> None:
        self._sides = sides
        self._documents = documents
        self._values = values
        self._threshold = threshold
        self._least = least_agreement(threshold)
        self._labels = np.arange(len(documents))
        self._rejected = np.empty(0, dtype=np.uint64)
        self._links: list[tuple[Int64s, Int64s, Float64s]] = []

    def score(self, left: Int64s, right: Int64s) -> npt.NDArray[np.int8]:
        """Return how many sketch values agree, int8 (m,); -1 for pairs that are too different, joined or rejected."""
        scores = np.full(len(left), -1, dtype=np.int8)
        apart = np.flatnonzero(self._labels[left] != self._labels[right])
        agreeing = agreement(self._values, left[apart], right[apart]).astype(np.int8)
        worth = agreeing >= self._least
        worth[worth] = ~_contains(self._rejected, _pack(left[apart[worth]], right[apart[worth]]))
        scores[apart[worth]] = agreeing[worth]
        return scores

    def compare(self, left: Int64s, right: Int64s) -> None:
        """Compare pairs exactly and join those at or above the threshold."""
        similarity = jaccard(self._sides, self._documents[left], self._documents[right])
        similar = similarity >= self._threshold
        self._rejected = np.sort(np.concatenate([self._rejected, _pack(left[~similar], right[~similar])]))
        if similar.any():
            self._links.append((left[similar], right[similar], similarity[similar]))
            self._labels = _join(self._labels, left[similar], right[similar])

    def links(self) -> _Links:
        """Return the links between all distinct documents, the empty one included."""
        parts = (
            zip(*self._links, strict=True) if self._links else ([self._labels[:0]], [self._labels[:0]], [np.empty(0)])
        )
        left, right, similarity = (np.concatenate(list(part)) for part in parts)
        labels = np.arange(len(self._sides[0]))
        labels[self._documents] = self._documents[self._labels]
        return _Links(self._documents[left], self._documents[right], similarity, labels)


def _pack(left: Int64s, right: Int64s) -> UInt64s:
    low, high = np.minimum(left, right).astype(np.uint64), np.maximum(left, right).astype(np.uint64)
    return (low << np.uint64(32)) | high


def _contains(ordered: UInt64s, wanted: UInt64s) -> npt.NDArray[np.bool_]:
    if not len(ordered):
        return np.zeros(len(wanted), dtype=bool)
    places = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    return np.equal(ordered[places], wanted)


def _join(labels: Int64s, left: Int64s, right: Int64s) -> Int64s:
    """Merge the components of the linked documents; labels stay numbers of documents in the component."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    joined, ends = np.unique(np.concatenate([labels[left], labels[right]]), return_inverse=True)
    size = len(joined)
    graph = coo_array((np.ones(len(left), dtype=bool), (ends[: len(left)], ends[len(left) :])), shape=(size, size))
    _, component = connected_components(graph, directed=False)
    _, representative = np.unique(component, return_index=True)
    renamed = np.arange(len(labels))
    renamed[joined] = joined[representative[component]]
    return renamed[labels]


def _first_of_component(first: Int64s, labels: Int64s) -> Int64s:
    kept = np.full(len(labels), np.iinfo(np.int64).max)
    np.minimum.at(kept, labels, first)
    return kept[labels]


def _similarity_with_kept(sides: Sequence[pa.Array], first: Int64s, kept: Int64s, links: _Links) -> Float64s:
    similarity = np.ones(len(first))
    known = kept == first
    for here, there in ((links.left, links.right), (links.right, links.left)):
        direct = first[there] == kept[here]
        similarity[here[direct]] = links.similarity[direct]
        known[here[direct]] = True
    unknown = np.flatnonzero(~known)
    similarity[unknown] = jaccard(sides, unknown, np.searchsorted(first, kept[unknown]))
    return similarity


def _nearest_link(
    first: Int64s, kept: Int64s, similarity: Float64s, links: _Links, threshold: float
) -> tuple[Int64s, Float64s]:
    via, via_similarity = kept.copy(), similarity.copy()
    here = np.concatenate([links.left, links.right])
    there = np.concatenate([links.right, links.left])
    strength = np.tile(links.similarity, 2)
    # The last writer wins: the nearest neighbour, of equals the first.
    order = np.lexsort((-first[there], strength))
    order = order[similarity[here[order]] < threshold]
    via[here[order]], via_similarity[here[order]] = first[there[order]], strength[order]
    return via, via_similarity
