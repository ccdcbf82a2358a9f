from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import DENSE, Row, Vectors, dense_space, record, table, vectors_of

from curation.config.mining import LEXICAL, Mining
from curation.mining.anchors import Anchors, find_anchors
from curation.mining.candidates import Found, find_candidates
from curation.mining.origins import Origin
from curation.mining.pool import Pool, build_pool
from curation.mining.scopes import Search
from curation.mining.spaces import DenseSpace, LexicalSpace


def world(count: int, seed: int = 0) -> tuple[pa.Table, dict[str, list[float]]]:
    """Return records, some of one group and some of one positive, with random vectors."""
    rows: list[Row] = [record(n, f"q{n}", f"p{n - n % 4 // 3}", group=f"g{n // 2}") for n in range(count)]
    generator = np.random.default_rng(seed)
    names = [row[name] for row in rows for name in ("query", "positive")]
    return table(*rows), {name: generator.standard_normal(6).tolist() for name in names}


def every_place(space: DenseSpace) -> Vectors:
    return np.concatenate([space.entries.read(0, len(space.texts)), space.queries.read(0, len(space.asked))])


def space_of(records: pa.Table, vectors: dict[str, list[float]], anchor: str) -> tuple[DenseSpace, Pool, Anchors]:
    pool = build_pool(records, 3)
    anchors = find_anchors(records, pool, Mining.model_validate({"teacher": DENSE, "anchor": anchor}), DENSE)
    places = vectors_of(pool.texts.to_pylist() + anchors.queries.to_pylist(), vectors)
    return dense_space(places, len(pool.texts)), pool, anchors


def search(records: list[int], entries: list[int]) -> Search:
    return Search(np.array(records, np.int64), np.array(entries, np.int64), np.full(len(records), 3))


def by_the_words(
    places: list[Vectors], entries: list[int], excluded: set[int], vectors: Vectors, k: int
) -> list[tuple[int, tuple[float, ...]]]:
    """Return entries with their score on each side: of each side's k nearest, the k best by the greater score."""
    scores = {
        entry: tuple(float(np.float32(np.dot(side.astype(float), vectors[entry].astype(float)))) for side in places)
        for entry in entries
        if entry not in excluded
    }
    near: set[int] = set()
    for side in range(len(places)):
        near |= set(sorted(scores, key=lambda entry, side=side: (-scores[entry][side], entry))[:k])  # type: ignore[misc]
    best = sorted(near, key=lambda entry: (-max(scores[entry]), entry))[:k]
    return [(entry, scores[entry]) for entry in best]


@settings(max_examples=60)
@given(
    st.integers(1, 12), st.integers(1, 9), st.sampled_from(["query", "positive", "both"]), st.integers(0, 99), st.data()
)
def test_the_nearest_of_each_side_together(count: int, k: int, anchor: str, seed: int, data: st.DataObject) -> None:
    records, vectors = world(count, seed)
    space, pool, anchors = space_of(records, vectors, anchor)
    chosen = sorted(data.draw(st.sets(st.integers(0, count - 1))))
    entries = sorted(data.draw(st.sets(st.integers(0, len(pool.texts) - 1))))
    found = find_candidates(space, pool, anchors, search(chosen, entries), k, Mining())
    for place, number in enumerate(chosen):
        barred = set(pool.excluded.pairs(np.array([number]))[1].tolist())
        sides = [every_place(space)[side[number]] for side in anchors.sides]
        expected = by_the_words(sides, entries, barred, every_place(space), k)
        rows = found.candidates.rows[place]
        assert rows[rows >= 0].tolist() == [entry for entry, _ in expected]
        assert (rows[len(expected) :] == -1).all()
        for number_of_side, scores in enumerate(found.scores):
            assert scores[place, : len(expected)].tolist() == [values[number_of_side] for _, values in expected]
            assert np.isneginf(scores[place, len(expected) :]).all()
        np.testing.assert_array_equal(
            found.candidates.scores[place], np.maximum.reduce([side[place] for side in found.scores])
        )


def test_both_finds_what_either_anchor_alone_finds() -> None:
    records, vectors = world(40)
    alone: dict[str, Found] = {}
    for anchor in ("query", "positive", "both"):
        space, pool, anchors = space_of(records, vectors, anchor)
        everything = search(list(range(40)), list(range(len(pool.texts))))
        alone[anchor] = find_candidates(space, pool, anchors, everything, 8, Mining())
    for number in range(40):
        query, positive, both = (set(found.candidates.rows[number].tolist()) for found in alone.values())
        assert both <= query | positive
        assert both & query
        assert both & positive
    # The ranks of the query's side are those of the query alone.
    np.testing.assert_array_equal(alone["both"].nearest, alone["query"].candidates.scores)
    for found in (alone["query"], alone["positive"]):
        np.testing.assert_array_equal(found.nearest, found.candidates.scores)


@pytest.mark.parametrize("anchor", ["query", "both"])
@pytest.mark.parametrize("k", [3, 9])
@pytest.mark.parametrize("bad", [[4], [0, 5, 9], list(range(12))])
def test_a_passage_without_a_vector_is_never_found_and_hides_no_other(anchor: str, k: int, bad: list[int]) -> None:
    records, vectors = world(20)
    space, pool, anchors = space_of(records, vectors, anchor)
    count = len(pool.texts)
    entries = [entry for entry in range(count) if entry not in bad]
    numbers = [n for n in range(20) if not any(side[n] in bad for side in anchors.sides)]
    expected = find_candidates(space, pool, anchors, search(numbers, entries), k, Mining())
    places = every_place(space)
    places[bad] = np.nan
    hollow = dense_space(places, len(pool.texts))
    found = find_candidates(hollow, pool, anchors, search(numbers, list(range(count))), k, Mining())
    np.testing.assert_array_equal(found.candidates.rows, expected.candidates.rows)
    np.testing.assert_array_equal(found.candidates.scores, expected.candidates.scores)


def test_a_query_without_a_vector_finds_nothing() -> None:
    records, vectors = world(6)
    space, pool, anchors = space_of(records, vectors, "query")
    places = every_place(space)
    places[anchors.sides[0][2]] = np.nan
    found = find_candidates(
        dense_space(places, len(pool.texts)), pool, anchors, search([1, 2, 3], [0, 1, 2, 3, 4]), 4, Mining()
    )
    assert (found.candidates.rows[1] == -1).all()
    assert (found.candidates.rows[[0, 2], 0] >= 0).all()


def test_no_entries_or_no_records_find_nothing() -> None:
    records, vectors = world(6)
    for anchor in ("query", "both"):
        space, pool, anchors = space_of(records, vectors, anchor)
        assert (find_candidates(space, pool, anchors, search([0, 1], []), 4, Mining()).candidates.rows == -1).all()
        assert find_candidates(space, pool, anchors, search([], [0, 1]), 4, Mining()).candidates.rows.shape[0] == 0


SENTENCES = ["das Boot liegt im Hafen", "das Boot fährt ab", "नाव बंदरगाह में है", "नाव चली गई", "เรืออยู่ที่ท่าเรือ", "เรือออกแล้ว"]


def test_words_find_only_what_shares_some_and_say_so() -> None:
    records = table(*(record(n, text, f"{text}!") for n, text in enumerate(SENTENCES)))
    pool = build_pool(records, 3)
    for anchor in ("query", "positive", "both"):
        anchors = find_anchors(records, pool, Mining.model_validate({"anchor": anchor}), LEXICAL)
        space = LexicalSpace.build(pool.texts, anchors.queries)
        found = find_candidates(space, pool, anchors, search(list(range(6)), list(range(6))), 5, Mining())
        assert found.candidates.rows[:, 0].tolist() == [1, 0, 3, 2, 5, 4]
        assert (found.candidates.rows[:, 1:] == -1).all()
        assert set(found.origins[found.candidates.rows >= 0].tolist()) == {Origin.LEXICAL}
