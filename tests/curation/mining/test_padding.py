from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.hashing import priority
from curation.mining.padding import FIRST_WINDOW, Pairs, draw_passages

NONE: Pairs = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))


def keys(prefix: str, count: int) -> np.ndarray:
    return priority([f"{prefix}{index}" for index in range(count)], "test", 0)


def draw(records: int, passages: int, missing: int, barred: Pairs = NONE) -> list[list[int]]:
    wanted = np.full(records, missing)
    owners, drawn = draw_passages(keys("record", records), keys("passage", passages), wanted, barred)
    assert (np.diff(owners) >= 0).all()
    return [drawn[owners == record].tolist() for record in range(records)]


def pairs(barred: set[tuple[int, int]]) -> Pairs:
    grid = np.array(sorted(barred, reverse=True), dtype=np.int64).reshape(-1, 2)
    return grid[:, 0], grid[:, 1]


@settings(max_examples=150)
@given(st.data())
def test_exactly_as_many_as_are_missing_or_allowed(data: st.DataObject) -> None:
    records, passages = data.draw(st.integers(0, 6)), data.draw(st.integers(0, 12))
    missing = data.draw(st.integers(1, 8))
    pair = st.tuples(st.integers(0, max(0, records - 1)), st.integers(0, max(0, passages - 1)))
    barred = data.draw(st.sets(pair, max_size=40)) if records and passages else set()
    for record, drawn in enumerate(draw(records, passages, missing, pairs(barred))):
        allowed = {passage for passage in range(passages) if (record, passage) not in barred}
        assert len(drawn) == len(set(drawn)) == min(missing, len(allowed))
        assert set(drawn) <= allowed


def test_a_window_without_enough_grows_to_the_whole_pool() -> None:
    count = 20 * FIRST_WINDOW
    spared = {7, 2000, 5000}
    barred = {(0, passage) for passage in range(count)} - {(0, passage) for passage in spared}
    hindered, free = draw(2, count, 3, pairs(barred))
    assert set(hindered) == spared
    assert free == draw(2, count, 3)[1]


def test_a_draw_does_not_depend_on_the_other_records_or_their_number() -> None:
    together = draw(50, 3000, 5)
    alone = draw_passages(keys("record", 50)[[17]], keys("passage", 3000), np.array([5]), NONE)
    assert alone[1].tolist() == together[17]


def test_a_draw_does_not_depend_on_the_order_of_the_passages() -> None:
    order = np.random.default_rng(0).permutation(1000)
    record, passages = keys("record", 1), keys("passage", 1000)
    straight = draw_passages(record, passages, np.array([6]), NONE)[1]
    shuffled = draw_passages(record, passages[order], np.array([6]), NONE)[1]
    assert order[shuffled].tolist() == straight.tolist()


@pytest.mark.parametrize("passages", [40, 4000])
def test_every_passage_has_its_chance(passages: int) -> None:
    drawn = np.array(draw(4000, passages, 5))
    counts = np.bincount(drawn.ravel(), minlength=passages)
    assert (counts > 0).mean() > 0.95
    assert counts.max() < 6 * counts.mean() + 5


def test_few_records_share_a_draw() -> None:
    drawn = {tuple(sorted(row)) for row in draw(500, 2000, 5)}
    assert len(drawn) > 495
