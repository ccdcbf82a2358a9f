from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import Row, record, table

from curation.config.mining import Mining
from curation.mining import pool as pools
from curation.mining.pool import build_pool
from curation.mining.pools import pools_of
from curation.mining.scopes import routing_column, searches

SCOPES = ("positive_language", "query_language", "source_language", "source", "other_languages", "all")
TEXTS = {
    "deu_Latn": "Brot",
    "hin_Deva": "रोटी",
    "tam_Taml": "ரொட்டி",
    "tha_Thai": "ขนมปัง",
    "jpn_Jpan": "パン",
    "arb_Arab": "خبز",
    "heb_Hebr": "לחם",
    "amh_Ethi": "ዳቦ",
    "kat_Geor": "პური",
    "rus_Cyrl": "хлеб",
    "ell_Grek": "ψωμί",
}
LANGUAGES = list(TEXTS)

Found = dict[int, list[tuple[set[str], int]]]


def options(*scopes: str | tuple[str, int], num_negatives: int = 4) -> Mining:
    quotas = [(scope, num_negatives) if isinstance(scope, str) else scope for scope in scopes]
    listed = [{"scope": scope, "negatives": count} for scope, count in quotas]
    return Mining.model_validate(
        {"teacher": "a/folder", "pools": listed, "num_negatives": sum(count for _, count in quotas)}
    )


def found(rows: list[Row], mining: Mining, wanted: list[int] | None = None) -> Found:
    """Return what each record seeks among, search by search, with the number it takes at most."""
    records = table(*rows)
    pool = build_pool(records, mining.num_negatives)
    lacking = np.full(len(rows), mining.num_negatives) if wanted is None else np.array(wanted, dtype=np.int64)
    places: Found = {number: [] for number in range(len(rows))}
    for quota in searches(records, pool, lacking, mining):
        for search in quota:
            assert (np.diff(search.records) > 0).all()
            assert (np.diff(search.entries) > 0).all()
            assert len(search.wanted) == len(search.records)
            texts = set(pool.texts.take(search.entries).to_pylist())
            for number, count in zip(search.records.tolist(), search.wanted.tolist(), strict=True):
                places[number].append((texts, count))
    return places


def by_the_words(row: Row, rows: list[Row], scope: str) -> set[str]:
    """Say which positives a scope means, one by one."""
    means = {
        "positive_language": lambda other: other["positive_language"] == row["positive_language"],
        "query_language": lambda other: other["positive_language"] == row["query_language"],
        "source": lambda other: other["source"] == row["source"],
        "source_language": lambda other: (
            (other["source"], other["positive_language"]) == (row["source"], row["positive_language"])
        ),
        "other_languages": lambda other: True,
        "all": lambda other: True,
    }
    texts = {other["positive"] for other in rows if means[scope](other)}
    if scope == "other_languages":
        texts -= {other["positive"] for other in rows if other["positive_language"] == row["positive_language"]}
    return texts


@st.composite
def rows_of_many_kinds(draw: st.DrawFn) -> list[Row]:
    rows = []
    for number in range(draw(st.integers(1, 12))):
        language = draw(st.sampled_from(LANGUAGES))
        changes = {
            "positive_language": language,
            "query_language": draw(st.sampled_from(LANGUAGES[:3])),
            "source": draw(st.sampled_from("ab")),
        }
        rows.append(record(number, f"q{number}", f"{TEXTS[language]} {draw(st.integers(0, 3))}", **changes))
    return rows


@settings(max_examples=60)
@given(rows_of_many_kinds(), st.sampled_from(SCOPES))
def test_a_scope_is_what_its_words_say(rows: list[Row], scope: str) -> None:
    places = found(rows, options(scope))
    for number, row in enumerate(rows):
        assert places[number] == [(by_the_words(row, rows, scope), 4)]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [(0, []), (1, [1, 0]), (3, [3, 0]), (4, [4, 0]), (5, [4, 1]), (6, [4, 2])],
)
def test_what_a_record_lacks_is_shared_among_the_pools_in_their_order(wanted: int, expected: list[int]) -> None:
    """A record that came with negatives, or whose task has fewer, must not take them from each pool again."""
    rows = [record(0, "q0", "p0"), record(1, "q1", "p1", positive_language="jpn_Jpan")]
    places = found(rows, options(("positive_language", 4), ("other_languages", 2)), wanted=[wanted, 6])
    assert [count for _, count in places[0]] == expected
    assert [count for _, count in places[1]] == [4, 2]


def classes(sizes: dict[tuple[str, str], int], task: str = "classification") -> list[Row]:
    """Return records of classes, given as (source, label) with their sizes."""
    names = [name for name, size in sizes.items() for _ in range(size)]
    return [
        record(n, f"q{n}", f"text {n} of {label}", source=source, label=label, task=task)
        for n, (source, label) in enumerate(names)
    ]


@pytest.mark.parametrize("small", [1, 3, 256], ids=["large", "mixed", "small"])
@pytest.mark.parametrize("scope", ["positive_language", "all"])
def test_a_record_of_a_class_seeks_in_its_source_among_other_classes(
    monkeypatch: pytest.MonkeyPatch, small: int, scope: str
) -> None:
    monkeypatch.setattr(pools, "SMALL_CLASS", small)
    rows = classes({("a", "x"): 5, ("a", "y"): 2, ("b", "x"): 4, ("b", "z"): 3})
    rows.append(record(99, "how?", "so", source="a"))
    records, mining = table(*rows), options(scope)
    pool = build_pool(records, 4)
    lacking = np.full(len(rows), 4)
    lacking[1] = 0
    seen: dict[int, set[str]] = {}
    for quota in searches(records, pool, lacking, mining):
        for search in quota:
            barred = pool.excluded.within(search.records, search.entries)
            for place, number in enumerate(search.records.tolist()):
                gone = barred.pairs(np.array([place]))[1]
                assert number not in seen, "in one search alone"
                seen[number] = set(pool.texts.take(np.delete(search.entries, gone)).to_pylist())
    assert 1 not in seen
    for number, texts in seen.items():
        if number == len(rows) - 1:
            assert {row["positive"] for row in rows[:-1]} <= texts | {"so"}
            continue
        row = rows[number]
        others = {
            other["positive"]
            for other in rows
            if other["source"] == row["source"] and other["task"] == row["task"] and other["label"] != row["label"]
        }
        assert texts - {"so"} == others


@pytest.mark.parametrize(
    ("scopes", "column"),
    [
        (("positive_language",), "positive_language"),
        (("source_language",), "positive_language"),
        (("positive_language", "source_language"), "positive_language"),
        (("source",), "source"),
        (("source", "source_language"), "source"),
        (("source", "positive_language"), None),
        (("all",), None),
        (("query_language",), None),
        (("other_languages",), None),
        (("positive_language", "other_languages"), None),
    ],
)
def test_records_that_seek_among_each_other_are_routed_together(scopes: tuple[str, ...], column: str | None) -> None:
    mining = options(*scopes)
    assert routing_column(mining) == column
    rows = [record(0, "q", "p", source="a"), record(1, "r", "s", source="b", positive_language="tam_Taml")]
    assert len(set(pools_of(table(*rows, *rows), None, mining)[:2].tolist())) == (2 if column else 1)
    same = [{**row, **({column: "same"} if column else {})} for row in rows]
    assert len(set(pools_of(table(*same), None, mining).tolist())) == 1


@settings(max_examples=40)
@given(rows_of_many_kinds(), st.lists(st.sampled_from(SCOPES), min_size=1, max_size=3))
def test_no_search_leaves_its_partition(rows: list[Row], scopes: list[str]) -> None:
    """What the records of one pool seek among is the same with all records as with theirs alone."""
    mining = options(*scopes)
    keys = pools_of(table(*rows), None, mining).tolist()
    together = found(rows, mining)
    for key in set(keys):
        members = [number for number, own in enumerate(keys) if own == key]
        alone = found([rows[number] for number in members], mining)
        assert [together[number] for number in members] == list(alone.values())


def measure(rows: list[Row], mining: Mining) -> tuple[int, int]:
    """Return how many searches there are, and the bytes that walking through them takes at most."""
    records = table(*rows)
    pool = build_pool(records, mining.num_negatives)
    tracemalloc.start()
    count = sum(1 for quota in searches(records, pool, np.full(len(rows), 4), mining) for _ in quota)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return count, peak


def with_languages(count: int, languages: int) -> list[Row]:
    return [record(n, f"q{n}", f"p{n}", positive_language=f"l{n % languages:03}_Latn") for n in range(count)]


def with_classes(count: int, labels: int) -> list[Row]:
    return [record(n, f"q{n}", f"p{n}", task="clustering", label=f"c{n % labels}") for n in range(count)]


@pytest.mark.parametrize(
    ("rows", "scope", "count"),
    [
        (with_languages(8000, 280), "other_languages", 280),
        (with_languages(8000, 280), "query_language", 1),
        (with_classes(8000, 3), "all", 3 + 2),
    ],
    ids=["280 languages", "one query language", "3 large classes"],
)
def test_searches_are_made_one_at_a_time(rows: list[Row], scope: str, count: int) -> None:
    made: Any = measure(rows, options(scope))
    assert made[0] == count
    # 280 lists of nearly all entries would be 18 MB; a few arrays of the pool's length are not 3 MB.
    assert made[1] < 5e6


def test_a_pool_without_records_has_no_searches() -> None:
    assert found([], options("all")) == {}
    assert found([record(0, "q", "p")], options("all"), wanted=[0]) == {0: []}
