"""Boilerplate, equal and nearly equal texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

THRESHOLD, NGRAM = 0.8, 5
SKETCH, BANDS, ROWS = 128, 16, 8
MOST_QUERIES = 50


def fold(text: str) -> str:
    """Return a text as it is compared."""
    return unicodedata.normalize("NFKC", text).lower()


def drop_boilerplate(pairs: pd.DataFrame) -> pd.DataFrame:
    """Drop the positives of many queries of one source."""
    queries = pairs.groupby(["source", "positive"], sort=False)["query"].transform("nunique")
    return pairs[queries <= MOST_QUERIES].reset_index(drop=True)


def drop_equal(pairs: pd.DataFrame) -> pd.DataFrame:
    """Keep the first of the pairs that are equal after folding and in the same languages."""
    seen: set[tuple[str, ...]] = set()
    kept = []
    columns = (pairs["query"], pairs["positive"], pairs["query_language"], pairs["language"])
    for query, positive, *languages in zip(*columns, strict=True):
        key = (fold(query), fold(positive), *languages)
        kept.append(key not in seen)
        seen.add(key)
    return pairs[np.array(kept, dtype=bool)].reset_index(drop=True)


def drop_near(pairs: pd.DataFrame) -> pd.DataFrame:
    """Keep the first of each cluster of pairs whose texts are nearly equal, in the same languages."""
    parts = zip(pairs["query_language"], pairs["language"], pairs["query"], pairs["positive"], strict=True)
    texts = [fold(f"{query}\n{positive}") for _, _, query, positive in parts]
    languages = (pairs["query_language"] + pairs["language"]).to_numpy()
    sets = Sets(len(pairs))
    for first, second in near_pairs(texts):
        if languages[first] == languages[second]:
            sets.join(first, second)
    kept = sets.roots() == np.arange(len(pairs))
    return pairs[kept].reset_index(drop=True)


def near_pairs(texts: Sequence[str]) -> Iterable[tuple[int, int]]:
    """Yield pairs of rows whose sets of character n-grams have a Jaccard similarity of at least the threshold."""
    import xxhash
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(num_perm=SKETCH, params=(BANDS, ROWS))
    grams = ([gram.encode() for gram in _grams(text)] for text in texts)
    sketches = MinHash.generator(grams, num_perm=SKETCH, hashfunc=xxhash.xxh32_intdigest)
    for row, sketch in enumerate(sketches):
        candidates = index.query(sketch)
        if candidates:
            ours = _grams(texts[row])
            for other in candidates:
                theirs = _grams(texts[other])
                if len(ours & theirs) >= THRESHOLD * len(ours | theirs):
                    yield other, row
        index.insert(row, sketch)


def _grams(text: str) -> set[str]:
    return {text[at : at + NGRAM] for at in range(max(len(text) - NGRAM + 1, 1))}


class Sets:
    """Union-find; the least row of a set stands for it."""

    def __init__(self, count: int) -> None:
        self.above = list(range(count))

    def find(self, row: int) -> int:
        """Return the row that stands for the set of a row."""
        while self.above[row] != row:
            self.above[row] = row = self.above[self.above[row]]
        return row

    def join(self, first: int, second: int) -> None:
        """Make the sets of two rows one."""
        low, high = sorted((self.find(first), self.find(second)))
        self.above[high] = low

    def roots(self) -> np.ndarray:
        """Return the row that stands for each row's set, int64 (n,)."""
        return np.array([self.find(row) for row in range(len(self.above))], dtype=np.int64)
