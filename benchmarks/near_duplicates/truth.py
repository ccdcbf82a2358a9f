"""All pairs of similar documents, exactly, without sketches and without this project's code.

Similarity is the Jaccard similarity of the sets of character 5-grams of the text in NFKC and lower case. Pairs are
found by prefix filtering (Bayardo, Ma, Srikant 2007, "Scaling up all pairs similarity search"): with the n-grams of
every document sorted from the rarest to the commonest, two sets of a similarity of at least t share one of the first
n - ceil(t n) + 1 of each. Documents that share one are compared in full, by integer counts.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

NGRAM = 5
TENTHS = 7  # pairs are listed from a similarity of so many tenths
BLOCK = 2_000


@dataclass(frozen=True, slots=True)
class Truth:
    """The pairs of documents with a similarity of at least 0.7.

    Attributes:
        left: int64 (m,), the earlier document of each pair; pairs are sorted by left, then right.
        right: int64 (m,), the later.
        similarity: float64 (m,).
    """

    left: np.ndarray
    right: np.ndarray
    similarity: np.ndarray

    def similarities(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return the similarity of given pairs, float64; 0 where it is below 0.7."""
        if not len(self.left):
            return np.zeros(len(left))
        keys, wanted = _packed(self.left, self.right), _packed(np.minimum(left, right), np.maximum(left, right))
        places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[places] == wanted, self.similarity[places], 0.0)


def fold(text: str) -> str:
    """Return the text as everyone compares it."""
    return unicodedata.normalize("NFKC", text).lower()


def ngrams(folded: str) -> set[str]:
    """Return the set of character 5-grams; a shorter text is one."""
    return {folded[i : i + NGRAM] for i in range(max(len(folded) - NGRAM + 1, 1))}


def similarity(left: str, right: str) -> float:
    """Return the similarity of two texts from plain sets."""
    here, there = ngrams(fold(left)), ngrams(fold(right))
    common = len(here & there)
    return common / (len(here) + len(there) - common)


def similar_pairs(texts: Sequence[str]) -> Truth:
    """Return all pairs with a similarity of at least 0.7."""
    documents = _incidence(texts)
    sizes = np.diff(documents.indptr)
    prefixes = _prefixes(documents, sizes)
    columns = prefixes.T.tocsr()
    found = [_similar_in_block(documents, sizes, prefixes, columns, start) for start in range(0, len(texts), BLOCK)]
    left, right, values = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.lexsort((right, left))
    return Truth(left[order], right[order], values[order])


def check_by_brute_force(texts: Sequence[str], truth: Truth, *, sample: int = 40) -> None:
    """Compare some documents, half of them with a similar one, with all others by plain sets.

    Raises:
        AssertionError: if a pair is missing, too many, or has another similarity.
    """
    generator = np.random.default_rng(2)
    similar = np.unique(np.concatenate([truth.left, truth.right]))
    chosen = np.union1d(generator.integers(len(texts), size=sample // 2), generator.permutation(similar)[: sample // 2])
    expected = _by_brute_force(texts, {int(one): ngrams(fold(texts[one])) for one in chosen})
    mine = np.isin(truth.left, chosen) | np.isin(truth.right, chosen)
    pairs = zip(truth.left[mine].tolist(), truth.right[mine].tolist(), strict=True)
    assert dict(zip(pairs, truth.similarity[mine].tolist(), strict=True)) == expected, "the truth is not all pairs"


def _by_brute_force(texts: Sequence[str], chosen: dict[int, set[str]]) -> dict[tuple[int, int], float]:
    """Return the similarity of every similar pair with one of the chosen documents, given with their sets."""
    pairs = {}
    for other, text in enumerate(texts):
        there = ngrams(fold(text))
        for one, here in chosen.items():
            if one == other or min(len(here), len(there)) * 10 < max(len(here), len(there)) * TENTHS:
                continue
            common = len(here & there)
            union = len(here) + len(there) - common
            if common * 10 >= union * TENTHS:
                pairs[min(one, other), max(one, other)] = common / union
    return pairs


def _incidence(texts: Sequence[str]) -> sparse.csr_array:
    """Return which n-grams each document has, int32 (documents, n-grams); columns run from the rarest n-gram."""
    codes: dict[str, int] = {}
    rows = []
    for text in texts:
        grams = ngrams(fold(text))
        rows.append(np.fromiter((codes.setdefault(gram, len(codes)) for gram in grams), np.int32, len(grams)))
    indices = np.concatenate(rows)
    order = np.argsort(np.bincount(indices), kind="stable")
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    matrix = sparse.csr_array(
        (np.ones(len(indices), dtype=np.int32), rank[indices], indptr), shape=(len(texts), len(codes))
    )
    matrix.sort_indices()
    return matrix


def _prefixes(documents: sparse.csr_array, sizes: np.ndarray) -> sparse.csr_array:
    """Return the n-grams of each document of which similar documents must share one."""
    lengths = sizes - -(-sizes * TENTHS // 10) + 1
    place = np.arange(documents.nnz) - np.repeat(documents.indptr[:-1], sizes)
    kept = place < np.repeat(lengths, sizes)
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    return sparse.csr_array((documents.data[kept], documents.indices[kept], indptr), shape=documents.shape)


def _similar_in_block(
    documents: sparse.csr_array, sizes: np.ndarray, prefixes: sparse.csr_array, columns: sparse.csr_array, start: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the similar pairs (left, right, similarity) whose left document is in one block."""
    shared = (prefixes[start : start + BLOCK] @ columns).tocoo()
    left, right = shared.coords[0].astype(np.int64) + start, shared.coords[1].astype(np.int64)
    small, large = np.minimum(sizes[left], sizes[right]), np.maximum(sizes[left], sizes[right])
    worth = (left < right) & (small * 10 >= large * TENTHS)
    left, right = left[worth], right[worth]
    common = np.zeros(len(left), dtype=np.int64)
    for begin in range(0, len(left), BLOCK):
        part = slice(begin, begin + BLOCK)
        common[part] = documents[left[part]].multiply(documents[right[part]]).sum(axis=1)
    union = sizes[left] + sizes[right] - common
    similar = common * 10 >= union * TENTHS
    return left[similar], right[similar], common[similar] / union[similar]


def _packed(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return (left.astype(np.int64) << 32) | right.astype(np.int64)
