from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from toy_teachers import vector_of

from curation.mining.ragged import Exclusions, Ragged, Rows
from curation.mining.search.corpus import ArrayCorpus
from curation.mining.searcher import Searcher
from curation.mining.spaces import DenseSpace, LexicalSpace, Picked, Space

TEXTS = [
    "das Boot liegt im Hafen",
    "नाव बंदरगाह में है",
    "船は港にある",
    "เรืออยู่ในท่าเรือ",
    "лодка стоит в гавани",
    "das Boot fährt ab",
    "นาฬิกา",
    "лодка уходит",
]
QUERIES = ["wo liegt das Boot", "где лодка", "船はどこ"]


def rows(*values: int) -> Rows:
    return np.array(values, dtype=np.int64)


def nothing(count: int) -> Exclusions:
    return Exclusions.from_rows(Ragged.from_pairs(rows(), rows(), count))


def dense() -> DenseSpace:
    vectors = [np.array([vector_of(text) for text in texts]) for texts in (TEXTS, QUERIES)]
    entries, queries = (ArrayCorpus(part) for part in vectors)
    sound = np.ones(len(TEXTS) + len(QUERIES), dtype=bool)
    return DenseSpace("toy", entries, queries, sound, Searcher(), pa.array(TEXTS), pa.array(QUERIES))


def lexical() -> LexicalSpace:
    return LexicalSpace.build(pa.array(TEXTS), pa.array(QUERIES))


@pytest.mark.parametrize("space", [dense(), lexical()], ids=["dense", "lexical"])
def test_what_is_near_is_in_the_order_of_its_scores(space: Space) -> None:
    places, entries = rows(8, 0, 10, 9), rows(0, 1, 2, 4, 5, 7)
    found = space.nearest(places, entries, 3, nothing(4))
    for place, near, scores in zip(places, found.rows, found.scores, strict=True):
        every = space.scores(np.full(len(entries), place), entries)
        order = entries[np.lexsort((entries, -every))]
        kept = near[near >= 0]
        assert kept.tolist() == order[: len(kept)].tolist()
        np.testing.assert_array_equal(scores[near >= 0], np.sort(every)[::-1][: len(kept)])


@pytest.mark.parametrize("space", [dense(), lexical()], ids=["dense", "lexical"])
def test_exclusions_are_numbered_by_position(space: Space) -> None:
    entries = rows(2, 5, 7)
    barred = Exclusions.from_rows(Ragged.from_pairs(rows(0, 0), rows(0, 1), 1))
    assert set(space.nearest(rows(8), entries, 3, barred).rows[0].tolist()) <= {7, -1}


def test_nowhere_to_look_finds_nothing() -> None:
    for space in (dense(), lexical()):
        assert (space.nearest(rows(0, 8), rows(), 2, nothing(2)).rows == -1).all()


def test_picked_places_are_entries_and_queries_in_the_order_asked_for() -> None:
    space = dense()
    picked = Picked(space.entries, space.queries, space.sound, rows(9, 0, 8, 7, 0))
    expected = np.array([vector_of(text) for text in [QUERIES[1], TEXTS[0], QUERIES[0], TEXTS[7], TEXTS[0]]])
    assert picked.shape == (5, 8)
    np.testing.assert_array_equal(picked.read(0, 5), expected)
    np.testing.assert_array_equal(picked.take(rows(4, 2)), expected[[4, 2]])


def test_words_find_what_vectors_know_nothing_of() -> None:
    found = dense().by_words(rows(8, 9, 10), np.arange(len(TEXTS)), 2, nothing(3))
    assert set(found.rows[0].tolist()) == {0, 5}
    assert set(found.rows[1].tolist()) <= {4, 7, -1}
    assert found.rows[2, 0] == 2


def test_hubness_is_the_mean_of_the_nearest_on_the_other_side() -> None:
    space = dense()
    places, entries = rows(8, 9), rows(1, 3, 4)
    of_places, of_entries = space.spread(places, entries, 2), space.hubness(places, 2)
    scores = np.array([[space.scores(rows(place), rows(entry))[0] for entry in entries] for place in places])
    np.testing.assert_allclose(of_places, np.sort(scores, axis=1)[:, -2:].mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(of_entries[entries], scores.mean(axis=0), rtol=1e-6)
