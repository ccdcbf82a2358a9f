from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from curation.decontamination.ngrams import ngram_sets, pieces, positions, shared, take
from curation.dedup.sketches import NGRAM
from curation.ngrams import Codepoints, codepoints

TEXTS = st.lists(st.text("abあก", max_size=14), min_size=1, max_size=6)


def points(texts: list[str]) -> Codepoints:
    return codepoints(pa.array(texts, pa.large_string()))


def texts_of(found: Codepoints) -> list[str]:
    chars = "".join(map(chr, found.codes.tolist()))
    return [chars[begin:end] for begin, end in zip(found.offsets[:-1], found.offsets[1:], strict=True)]


def grams(text: str) -> set[str]:
    return {text[at : at + NGRAM] for at in range(max(len(text) - NGRAM + 1, min(len(text), 1)))}


@given(TEXTS, st.lists(st.integers(0, 5), max_size=8))
def test_take_returns_the_texts_in_that_order(texts: list[str], which: list[int]) -> None:
    rows = [row % len(texts) for row in which]
    assert texts_of(take(points(texts), np.array(rows, dtype=np.int64))) == [texts[row] for row in rows]


def test_pieces_overlap_by_what_the_step_leaves_and_end_with_the_text() -> None:
    found, owner = pieces(points(["abcdefghij", "xy", "0123456"]), np.array([4, 1, 2]), size=4, step=2)
    assert texts_of(found) == ["abcd", "cdef", "efgh", "ghij", "xy", "0123", "2345"]
    assert owner.tolist() == [0, 0, 0, 0, 1, 2, 2]


@given(TEXTS, TEXTS)
def test_shared_counts_common_ngrams(left: list[str], right: list[str]) -> None:
    pairs = [(i, j) for i in range(len(left)) for j in range(len(right))]
    ends = tuple(np.array(end, dtype=np.int64) for end in zip(*pairs, strict=True))
    found = shared(ngram_sets(points(left)), ngram_sets(points(right)), ends)
    assert found.tolist() == [len(grams(left[i]) & grams(right[j])) for i, j in pairs]


@given(TEXTS)
def test_sets_are_distinct_and_rising(texts: list[str]) -> None:
    hashes, offsets = ngram_sets(points(texts))
    assert np.diff(offsets).tolist() == [len(grams(text)) for text in texts]
    for begin, end in zip(offsets[:-1], offsets[1:], strict=True):  # noqa: RUF007
        assert (np.diff(hashes[begin:end].astype(object)) > 0).all()


def test_positions() -> None:
    assert positions(np.array([2, 5, 9]), np.array([9, 1, 5, 10])).tolist() == [2, -1, 1, -1]
    assert positions(np.array([], dtype=np.int64), np.array([3])).tolist() == [-1]
