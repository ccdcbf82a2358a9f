from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import Row, record, table

from curation.hashing import priority
from curation.mining import fill, pool
from curation.mining.assemble import NOTHING, Chosen
from curation.mining.fill import draw_random, repeat_own
from curation.mining.miner import near_right
from curation.mining.origins import Origin
from curation.mining.pool import Pool, build_pool
from curation.mining.selection import Draw

# Sentences that are unlike each other, in ten scripts.
SENTENCES = (
    "The boats left the harbour", "Der Bäcker schläft noch", "Лодки ушли на рассвете", "नावें सुबह निकल गईं",
    "படகுகள் காலையில் சென்றன", "เรือออกไปตอนเช้าแล้ว", "船在黎明时分离开了港口", "배들이 새벽에 떠났다",
    "غادرت القوارب عند الفجر", "הסירות יצאו עם שחר", "ጀልባዎቹ ጎህ ሲቀድ ሄዱ", "ნავები გამთენიისას წავიდნენ",
)  # fmt: skip


def rows(count: int, **changes: object) -> list[Row]:
    return [record(n, f"q{n}", SENTENCES[n], **changes) for n in range(count)]


def draw_of(built: Pool, seed: int = 0) -> Draw:
    owners = [f"r{n}" for n in range(len(built.entries))]
    return Draw(priority(owners, "record", seed), priority(built.ids.to_pylist(), "passage", seed))


def chosen(pairs: list[tuple[int, int]]) -> Chosen:
    owners, entries = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2).T
    return Chosen.unscored(owners, entries, Origin.DENSE)


def drawn(
    built: Pool, missing: list[int], mined: Chosen = NOTHING, *, seed: int = 0, bad: tuple[int, ...] = ()
) -> list[list[int]]:
    usable = np.flatnonzero(~np.isin(np.arange(len(built.texts)), bad))
    found = draw_random(built, np.array(missing, dtype=np.int64), mined, draw_of(built, seed), usable)
    assert (np.diff(found.owners) >= 0).all()
    assert set(found.origins.tolist()) <= {Origin.RANDOM}
    assert np.isnan(found.scores).all()
    assert not found.ranks.any()
    return [found.entries[found.owners == owner].tolist() for owner in range(len(missing))]


@settings(max_examples=60)
@given(st.integers(1, 12), st.data())
def test_as_many_as_are_missing_or_all_that_there_are(count: int, data: st.DataObject) -> None:
    groups = data.draw(st.lists(st.sampled_from("abc"), min_size=count, max_size=count))
    built = build_pool(table(*(row | {"group": group} for row, group in zip(rows(count), groups, strict=True))), 3)
    missing = data.draw(st.lists(st.integers(0, 5), min_size=count, max_size=count))
    pairs = data.draw(st.sets(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=20))
    bad = data.draw(st.sets(st.integers(0, count - 1), max_size=3))
    for number, some in enumerate(drawn(built, missing, chosen(list(pairs)), bad=tuple(bad))):
        allowed = {
            entry
            for entry in range(count)
            if groups[entry] != groups[number] and (number, entry) not in pairs and entry not in bad
        }
        assert len(some) == len(set(some)) == min(missing[number], len(allowed))
        assert set(some) <= allowed


def test_a_draw_is_a_function_of_ids_and_seed() -> None:
    built = build_pool(table(*rows(12)), 3)
    first = drawn(built, [4] * 12)
    assert first == drawn(built, [4] * 12)
    assert first != drawn(built, [4] * 12, seed=1)
    # Whoever else misses some changes nothing.
    alone = drawn(built, [0] * 5 + [4] + [0] * 6)
    assert alone[5] == first[5]


def test_every_passage_has_the_same_chance() -> None:
    built = build_pool(table(*rows(12)), 3)
    counts = np.zeros(12)
    for seed in range(60):
        for some in drawn(built, [3] * 12, seed=seed):
            counts[some] += 1
    # 11 records draw a passage 3 times in 11 each: 180 in 60 seeds, with a standard deviation of 11.
    assert np.abs(counts - 180).max() < 60


@pytest.mark.parametrize("sentence", SENTENCES)
def test_what_nearly_equals_a_right_passage_or_the_query_is_not_drawn(sentence: str) -> None:
    some = [
        record(0, "q0", sentence, group="g"),
        record(1, f"{sentence}!", "p1", group="g"),
        *(record(n + 2, f"q{n + 2}", f"{sentence}{'.' * n}") for n in range(1, 5)),
        record(9, "q9", "something else"),
    ]
    built = build_pool(table(*some), 3)
    found = drawn(built, [6] * len(some))
    texts = [{built.texts[entry].as_py() for entry in entries} for entries in found]
    near = {entry for entry in range(len(built.texts)) if near_right(built, np.array([0]), np.array([entry]))[0]}
    assert len(near) >= 3
    for number in (0, 1):
        assert not set(found[number]) & near
        assert "something else" in texts[number]


def test_a_passage_without_a_vector_is_not_drawn_either() -> None:
    """Its own record is quarantined: no one should meet its text all the same."""
    built = build_pool(table(*rows(5)), 3)
    found = drawn(built, [4] * 5, bad=(1, 3))
    assert [sorted(some) for some in found] == [[2, 4], [0, 2, 4], [0, 4], [0, 2, 4], [0, 2]]


@pytest.mark.parametrize("small", [2, 256], ids=["large classes", "small classes"])
def test_nothing_of_the_own_class_is_drawn(monkeypatch: pytest.MonkeyPatch, small: int) -> None:
    monkeypatch.setattr(pool, "SMALL_CLASS", small)
    some = [row | {"label": "xyz"[n % 3]} for n, row in enumerate(rows(12, task="clustering"))]
    built = build_pool(table(*some), 3)
    for number, entries in enumerate(drawn(built, [12] * 12)):
        assert {entry % 3 for entry in entries} == {0, 1, 2} - {number % 3}
        assert len(entries) == 8


def test_a_class_that_fills_the_pool_is_passed_over_in_a_few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    some = [record(n, f"q{n}", f"passage {n * n} {n}", task="clustering", label="big") for n in range(2000)]
    some += [record(n, f"q{n}", text, task="clustering", label="small") for n, text in enumerate(SENTENCES, 2000)]
    built = build_pool(table(*some), 3)
    calls = []
    real = fill.draw_passages
    monkeypatch.setattr(fill, "draw_passages", lambda *args: calls.append(1) or real(*args))
    found = drawn(built, [3] * 50 + [0] * (len(some) - 50))
    assert all(len(entries) == 3 and min(entries) >= 2000 for entries in found[:50])
    assert len(calls) <= 8


@pytest.mark.parametrize(
    ("pairs", "missing", "expected"),
    [
        ([(0, 7), (0, 8), (1, 9)], [3, 2], [(0, 7), (0, 8), (0, 7), (1, 9), (1, 9)]),
        ([(1, 9)], [2, 1], [(1, 9)]),
        ([(0, 7), (0, 8), (0, 6)], [1, 0], [(0, 6)]),
        ([(0, 7)], [0, 0], []),
        ([], [2, 2], []),
    ],
)
def test_what_a_record_has_is_repeated_in_order_until_nothing_is_missing(
    pairs: list[tuple[int, int]], missing: list[int], expected: list[tuple[int, int]]
) -> None:
    found = repeat_own(chosen(pairs), np.array(missing, dtype=np.int64))
    assert list(zip(found.owners.tolist(), found.entries.tolist(), strict=True)) == expected


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), max_size=12),
    st.lists(st.integers(0, 7), min_size=5, max_size=5),
)
def test_repeats_are_as_even_as_can_be(pairs: list[tuple[int, int]], missing: list[int]) -> None:
    own = chosen(sorted(set(pairs)))
    found = Chosen.join([own, repeat_own(own, np.array(missing, dtype=np.int64))])
    for owner in range(5):
        entries = own.entries[own.owners == owner]
        counts = np.bincount(found.entries[found.owners == owner], minlength=10)[entries]
        assert counts.sum() == (len(entries) + missing[owner] if len(entries) else 0)
        assert not len(entries) or counts.max() - counts.min() <= 1
