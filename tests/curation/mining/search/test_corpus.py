from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curation.mining.search.corpus import ArrayCorpus, Corpus, Int8Corpus, Subset, as_corpus, subset
from tests.curation.mining.search.vectors import randomly, stored


def test_a_matrix_is_a_corpus_without_a_copy() -> None:
    matrix = randomly(1, 10, 4)
    corpus = as_corpus(matrix)
    assert isinstance(corpus, Corpus)
    assert not isinstance(corpus, Int8Corpus)
    assert corpus.shape == (10, 4)
    assert np.shares_memory(corpus.read(2, 5), matrix)
    assert as_corpus(corpus) is corpus
    np.testing.assert_array_equal(corpus.take(np.array([3, 1])), matrix[[3, 1]])


def test_rows_side_by_side_are_not_gathered() -> None:
    matrix = randomly(1, 50, 4)
    part = Subset(ArrayCorpus(matrix), np.concatenate([np.arange(5, 20), np.arange(30, 40)]))
    assert part.shape == (25, 4)
    assert np.shares_memory(part.read(3, 15), matrix)
    np.testing.assert_array_equal(part.read(10, 20), matrix[[*range(15, 20), *range(30, 35)]])
    assert part.read(4, 4).shape == (0, 4)


@given(st.sets(st.integers(0, 20_000), min_size=1, max_size=60), st.data())
def test_codes_of_some_rows(rows: set[int], data: st.DataObject) -> None:
    whole = stored(1, 20_001, 2, block=64)
    chosen = np.array(sorted(rows))
    part = subset(whole, chosen)
    assert isinstance(part, Int8Corpus)
    start = data.draw(st.integers(0, len(chosen)))
    stop = data.draw(st.integers(start, len(chosen)))
    pieces = list(part.codes(start, stop))
    firsts = [first for first, _, _ in pieces]
    assert firsts == list(start + np.cumsum([0, *(len(codes) for _, codes, _ in pieces)])[:-1])
    decoded = [codes.astype(np.float32) * np.float32(scale) for _, codes, scale in pieces]
    expected = whole.take(chosen[start:stop])
    np.testing.assert_array_equal(np.concatenate(decoded) if decoded else np.empty((0, 2)), expected)
