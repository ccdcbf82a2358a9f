from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from curation.mining.pool import Pool, build_pool


def records(*rows: tuple[str, str, str], negatives: list[list[str | None]] | None = None) -> pa.Table:
    """Return records of (query, positive, group) with ids `r0`, `r1`, ..."""
    return pa.table(
        {
            "id": [f"r{index}" for index in range(len(rows))],
            "query": pa.array([row[0] for row in rows], pa.string()),
            "positive": pa.array([row[1] for row in rows], pa.string()),
            "group": pa.array([row[2] for row in rows], pa.string()),
            "negatives": pa.array(negatives or [[] for _ in rows], pa.list_(pa.string())),
        }
    )


def excluded(pool: Pool, record: int) -> set[str]:
    rows = pool.excluded.pairs(np.array([record]))[1]
    return set(pool.texts.take(pa.array(rows)).to_pylist())


def given(pool: Pool) -> list[tuple[int, str]]:
    return list(zip(pool.given.owners.tolist(), pool.given.texts.to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Straße", "STRASSE".lower().replace("ss", "ß")),
        ("Ёлка стоит", "ёлка СТОИТ"),
        ("ｶﾞｲﾄﾞ", "ガイド"),
        ("ﬁle", "file"),
        ("هﻼل", "هلال"),
    ],
)
def test_texts_that_are_equal_after_folding_are_one_entry(first: str, second: str) -> None:
    pool = build_pool(records(("q0", first, "a"), ("q1", "other", "b"), ("q2", second, "c")), 3)
    assert pool.entries.tolist() == [0, 1, 0]
    assert pool.texts.to_pylist() == [first, "other"]
    assert pool.ids.to_pylist() == ["r0", "r1"]


def test_a_group_keeps_its_positives_from_each_other() -> None:
    pool = build_pool(records(("a", "p0", "g"), ("b", "p1", "g"), ("c", "p2", "h")), 3)
    assert [excluded(pool, record) for record in range(3)] == [{"p0", "p1"}, {"p0", "p1"}, {"p2"}]


def test_records_with_the_same_folded_query_keep_their_positives_from_each_other() -> None:
    pool = build_pool(records(("Où ?", "p0", "g"), ("OÙ ?", "p1", "h"), ("Quand ?", "p2", "i")), 3)
    assert [excluded(pool, record) for record in range(3)] == [{"p0", "p1"}, {"p0", "p1"}, {"p2"}]


def test_the_own_query_is_no_negative() -> None:
    pool = build_pool(records(("Save", "Speichern", "g"), ("Speichern", "save", "h"), ("x", "SAVE", "i")), 3)
    assert excluded(pool, 0) == {"Speichern", "save"}


def test_given_negatives_are_cleaned_and_kept_from_being_mined_again() -> None:
    lists = [["neg", "NEG", " ", None, "p0", "Q0", "p1", "more"], [], ["q0", "p2"]]
    pool = build_pool(records(("q0", "p0", "a"), ("q1", "P1", "b"), ("q2", "p2", "c"), negatives=lists), 5)
    assert given(pool) == [(0, "neg"), (0, "p1"), (0, "more"), (2, "q0")]
    assert excluded(pool, 0) == {"p0", "P1"}


def test_given_negatives_beyond_the_limit_are_left_out() -> None:
    pool = build_pool(records(("q", "p", "a"), ("r", "s", "b"), negatives=[["1", "2", "3"], ["4"]]), 2)
    assert given(pool) == [(0, "1"), (0, "2"), (1, "4")]


def test_a_large_group_costs_no_square() -> None:
    pool = build_pool(records(*((f"q{index}", f"p{index}", "one") for index in range(5000))), 3)
    assert len(pool.excluded.keys.values) + len(pool.excluded.rows.values) < 6 * 5000
    assert len(pool.excluded.pairs(np.array([42]))[1]) >= 5000


def test_no_records_make_an_empty_pool() -> None:
    pool = build_pool(records(), 3)
    assert len(pool.texts) == len(pool.entries) == len(pool.given.owners) == 0
