from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st
from worlds import Row, record, table

from curation.mining import pool as module
from curation.mining.pool import MOST_PARTNERS, Pool, build_pool, is_in_small_class
from curation.text import fold


def pool_of(*rows: Row, num_negatives: int = 3) -> Pool:
    return build_pool(table(*rows), num_negatives)


def pairs(*pairs: tuple[str, str, str], **changes: object) -> list[Row]:
    """Return records of (query, positive, group)."""
    return [record(n, query, positive, group=group, **changes) for n, (query, positive, group) in enumerate(pairs)]


def texts_of(pool: Pool, exclusions: object, record: int) -> set[str]:
    rows = exclusions.pairs(np.array([record]))[1]  # type: ignore[attr-defined]
    return set(pool.texts.take(pa.array(rows)).to_pylist())


def excluded(pool: Pool, record: int) -> set[str]:
    return texts_of(pool, pool.excluded, record)


def given(pool: Pool) -> list[tuple[int, str]]:
    return list(zip(pool.given.owners.tolist(), pool.given.texts.to_pylist(), strict=True))


def key(text: str) -> str:
    return str(fold(pa.array([text]))[0])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Grüße AUS KÖLN", "grüße aus köln"),
        ("Ёлка стоит", "ёлка СТОИТ"),
        ("ΑΘΗΝΑ μου", "αθηνα ΜΟΥ"),
        ("Երեվան Քաղաք", "երեվան քաղաք"),
        ("ｶﾞｲﾄﾞ", "ガイド"),
        ("ﬁle", "file"),
        ("هﻼل", "هلال"),
        ("हिन्दी क़लम", "हिन्दी क\u093cलम"),
        ("한국어", "한국어"),
        ("Ａ１", "a1"),
    ],
)
def test_texts_that_are_equal_after_folding_are_one_entry(first: str, second: str) -> None:
    pool = pool_of(*pairs(("q0", first, "a"), ("q1", "other", "b"), ("q2", second, "c")))
    assert pool.entries.tolist() == [0, 1, 0]
    assert pool.texts.to_pylist() == [first, "other"]
    assert pool.ids.to_pylist() == [f"{0:032x}", f"{1:032x}"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("लड़का", "लड़की"),
        ("கடல்", "கடலே"),
        ("น้ำ", "นำ"),
        ("şık", "şik"),
        ("か", "が"),
        ("مدرّس", "مدرس"),
        ("עֵץ", "עץ"),
        ("и", "й"),
        ("ደ", "ዱ"),
        ("resume", "résumé"),
    ],
)
def test_marks_make_texts_different(first: str, second: str) -> None:
    assert pool_of(*pairs(("q0", first, "a"), ("q1", second, "b"))).entries.tolist() == [0, 1]


def test_an_entry_is_in_the_language_of_its_first_record() -> None:
    pool = pool_of(
        record(0, "q0", "Taxi", positive_language="deu_Latn"),
        record(1, "q1", "TAXI", positive_language="eng_Latn"),
        record(2, "q2", "タクシー", positive_language="jpn_Jpan"),
    )
    assert pool.languages.to_pylist() == ["deu_Latn", "jpn_Jpan"]


def test_queries_come_folded_after_the_entries() -> None:
    pool = pool_of(*pairs(("WO?", "Hier", "a"), ("Wann?", "JETZT", "b")))
    assert pool.folded.to_pylist() == [key(text) for text in ("Hier", "JETZT", "WO?", "Wann?")]


def test_a_group_keeps_its_positives_from_each_other() -> None:
    pool = pool_of(*pairs(("a", "p0", "g"), ("b", "p1", "g"), ("c", "p2", "h")))
    assert [excluded(pool, record) for record in range(3)] == [{"p0", "p1"}, {"p0", "p1"}, {"p2"}]
    assert [texts_of(pool, pool.right, record) for record in range(3)] == [{"p0", "p1"}, {"p0", "p1"}, {"p2"}]


def test_records_with_the_same_folded_query_keep_their_positives_from_each_other() -> None:
    pool = pool_of(*pairs(("Où ?", "p0", "g"), ("OÙ ?", "p1", "h"), ("Quand ?", "p2", "i")))
    assert [excluded(pool, record) for record in range(3)] == [{"p0", "p1"}, {"p0", "p1"}, {"p2"}]
    assert [texts_of(pool, pool.right, record) for record in range(3)] == [{"p0", "p1"}, {"p0", "p1"}, {"p2"}]


def test_the_own_query_is_no_negative_and_not_right_either() -> None:
    pool = pool_of(*pairs(("Save", "Speichern", "g"), ("Speichern", "save", "h"), ("x", "SAVE", "i")))
    assert excluded(pool, 0) == {"Speichern", "save"}
    assert texts_of(pool, pool.right, 0) == {"Speichern"}
    assert pool.self_matches.tolist() == [True, True, False]


@pytest.mark.parametrize(("task", "reach"), [("bitext", 2), ("sts", 2), ("retrieval", 0), ("code", 0)])
def test_translations_of_translations_are_no_negatives_where_pairs_say_the_same(task: str, reach: int) -> None:
    chain = ["Brot", "パン", "ขนมปัง", "לחם"]
    rows = [record(0, "bread", "Brot", task=task)]
    rows += [record(n, *pair, task=task) for n, pair in enumerate(itertools.pairwise(chain), 1)]
    pool = pool_of(*rows)
    # Brot is paired with パン, and that with ขนมปัง; a step further nothing is taken to be the same.
    assert excluded(pool, 0) == set(chain[: 1 + reach])


@pytest.mark.parametrize("count", [MOST_PARTNERS, MOST_PARTNERS + 1])
def test_through_a_text_of_many_partners_no_meaning_is_passed_on(count: int) -> None:
    rows = pairs(*((f"q{n}", f"p{n}", f"g{n}") for n in range(count - 1)), task="bitext")
    rows = [row | {"query": "yes"} for row in rows]
    rows += [record(500, "oui", "yes", task="bitext"), record(501, "ja", "oui", task="bitext")]
    pool = pool_of(*rows)
    # "yes" has count - 1 partners as a query, and one more: "oui".
    others = {f"p{n}" for n in range(count - 1)}
    assert excluded(pool, len(rows) - 1) == {"yes", "oui"} | (others if count <= MOST_PARTNERS else set())
    assert excluded(pool, len(rows) - 2) == {"yes", "oui"} | others, "direct partners are partners, however many"


def test_given_negatives_are_cleaned_and_kept_from_being_mined_again() -> None:
    lists = [["neg", "NEG", " ", None, "p0", "Q0", "p1", "more"], [], ["q0", "p2"]]
    rows = pairs(("q0", "p0", "a"), ("q1", "P1", "b"), ("q2", "p2", "c"))
    pool = pool_of(*(row | {"negatives": some} for row, some in zip(rows, lists, strict=True)), num_negatives=5)
    assert given(pool) == [(0, "neg"), (0, "p1"), (0, "more"), (2, "q0")]
    assert excluded(pool, 0) == {"p0", "P1"}


def test_given_negatives_beyond_the_limit_are_left_out() -> None:
    rows = [record(0, "q", "p", negatives=["1", "2", "3"]), record(1, "r", "s", negatives=["4"])]
    assert given(pool_of(*rows, num_negatives=2)) == [(0, "1"), (0, "2"), (1, "4")]


def test_a_class_is_of_its_source_and_only_where_the_task_has_classes() -> None:
    kinds = [
        ("a", "classification", "sport"),
        ("a", "classification", "sport"),
        ("b", "classification", "sport"),
        ("a", "clustering", "war"),
        ("a", "retrieval", "sport"),
        ("a", "bitext", ""),
    ]
    pool = pool_of(
        *(record(n, f"q{n}", f"p{n}", source=s, task=t, label=label) for n, (s, t, label) in enumerate(kinds))
    )
    numbers = pool.labels.tolist()
    assert numbers[0] == numbers[1]
    assert len({*numbers[:4]}) == 3
    assert numbers[4:] == [-1, -1]
    assert excluded(pool, 0) == {"p0", "p1"}
    assert excluded(pool, 4) == {"p4"}


def test_where_a_source_names_no_classes_the_positive_is_the_class() -> None:
    rows = [
        record(n, f"q{n}", text, task="classification")
        for n, text in enumerate(["gut", "böse", "GUT", "bad", "gut", "böse"])
    ]
    rows[3] |= {"label": "gut"}
    pool = pool_of(*rows)
    numbers = pool.labels.tolist()
    assert numbers[0] == numbers[2] == numbers[4]
    assert numbers[1] == numbers[5]
    assert len({*numbers}) == 3, "a class that is called `gut` is not the class of the text `gut`"
    assert excluded(pool, 0) == {"gut"}


@pytest.mark.parametrize("size", [3, 4])
def test_a_class_larger_than_a_bound_is_left_to_the_searches(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(module, "SMALL_CLASS", 3)
    rows = [record(n, f"q{n}", f"p{n}", task="clustering", label="x") for n in range(size)]
    pool = pool_of(*rows, record(9, "q9", "p9", task="clustering", label="y"), record(10, "q10", "p10"))
    small = size <= 3
    assert is_in_small_class(pool.labels).tolist() == [small] * size + [True, False]
    assert excluded(pool, 0) == ({f"p{n}" for n in range(size)} if small else {"p0"})


@pytest.mark.parametrize(
    "rows",
    [
        [record(n, f"q{n}", f"p{n}", group="one") for n in range(5000)],
        [record(n, "one", f"p{n}") for n in range(5000)],
        [record(n, "one", f"p{n}", task="bitext") for n in range(5000)],
        [record(n, f"q{n}", "one", task="sts") for n in range(5000)],
        [record(n, f"q{n}", f"p{n}", task="clustering", label="one") for n in range(5000)],
        [record(n, f"q{n}", f"p{n}", task="clustering", label=f"{n // 200}") for n in range(5000)],
    ],
    ids=["group", "query", "hub of translations", "positive", "large class", "small classes"],
)
def test_what_many_records_share_costs_no_square(rows: list[Row]) -> None:
    pool = pool_of(*rows)
    for exclusions in (pool.excluded, pool.right):
        held = [exclusions.keys.values, exclusions.keys.offsets, exclusions.rows.values, exclusions.rows.offsets]
        assert sum(map(len, held)) < 25 * 5000


WORDS = st.sampled_from(["a", "A", "b", "नाव", "船", "เรือ", "лодка", "قارب", "ß", "SS"])


@st.composite
def worlds(draw: st.DrawFn) -> list[Row]:
    """Return records of so few words that everything that can collide does."""
    return [
        record(
            n,
            draw(WORDS),
            draw(WORDS),
            group=draw(st.sampled_from("ghijk")),
            task=draw(st.sampled_from(["retrieval", "bitext", "sts", "classification"])),
            label=draw(st.sampled_from(["", "x", "y"])),
            source=draw(st.sampled_from("st")),
            negatives=draw(st.lists(WORDS, max_size=3)),
        )
        for n in range(draw(st.integers(0, 10)))
    ]


def class_of(row: Row) -> object:
    if row["task"] not in ("classification", "clustering"):
        return None
    return row["source"], row["label"] or ("text", key(row["positive"]))


def linked(row: Row, rows: list[Row]) -> set[str]:
    """Return what is paired with a row's texts, and what is paired with that, by folded texts."""
    same = [{key(other["query"]), key(other["positive"])} for other in rows if other["task"] in ("bitext", "sts")]
    reached = {key(row["query"]), key(row["positive"])}
    if row["task"] in ("bitext", "sts"):
        for _ in range(2):
            reached = reached.union(*(pair for pair in same if pair & reached))
    return reached


@settings(max_examples=80)
@any_of(worlds())
def test_exactly_what_the_words_say_is_excluded(rows: list[Row]) -> None:
    pool = pool_of(*rows, num_negatives=2)
    entries = [key(text) for text in pool.texts.to_pylist()]
    assert len(entries) == len(set(entries))
    assert set(entries) == {key(row["positive"]) for row in rows}
    theirs = given(pool)
    for number, row in enumerate(rows):
        own = [text for owner, text in theirs if owner == number]
        right = {
            key(other["positive"])
            for other in rows
            if other["group"] == row["group"] or key(other["query"]) == key(row["query"])
        }
        kin = {
            key(other["positive"]) for other in rows if class_of(row) is not None and class_of(other) == class_of(row)
        }
        barred = (right | kin | linked(row, rows) | {key(text) for text in own}) & set(entries)
        assert {key(text) for text in excluded(pool, number)} == barred
        assert {key(text) for text in texts_of(pool, pool.right, number)} == right
        assert len({key(text) for text in own}) == len(own) <= 2
        assert not {key(text) for text in own} & {key(row["query"]), key(row["positive"])}
        assert pool.self_matches[number] == (key(row["query"]) in entries)


@settings(max_examples=80)
@any_of(worlds(), st.data())
def test_what_is_not_mined_tells_all_the_same_which_texts_go_together(rows: list[Row], data: st.DataObject) -> None:
    rows = [row | {"task": data.draw(st.sampled_from(["retrieval", "bitext", "sts"]))} for row in rows]
    count = data.draw(st.integers(0, len(rows)))
    whole, pool = pool_of(*rows), build_pool(table(*rows[:count]), 3, table(*rows[count:]))
    entries = {key(text) for text in pool.texts.to_pylist()}
    assert entries == {key(row["positive"]) for row in rows[:count]}
    assert len(pool.entries) == len(pool.labels) == len(pool.self_matches) == count
    assert given(pool) == [pair for pair in given(whole) if pair[0] < count]
    for number in range(count):
        for of_pool, of_whole in ((pool.excluded, whole.excluded), (pool.right, whole.right)):
            found = {key(text) for text in texts_of(pool, of_pool, number)}
            assert found == {key(text) for text in texts_of(whole, of_whole, number)} & entries


def test_no_records_make_an_empty_pool() -> None:
    pool = pool_of()
    assert len(pool.texts) == len(pool.entries) == len(pool.given.owners) == len(pool.labels) == 0
