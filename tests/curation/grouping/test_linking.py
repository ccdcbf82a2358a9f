from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds_of_groups import THRESHOLD, are_similar, brute_force, components_of, connect, records

from curation.grouping import count_sizes, linking, merge_sizes
from curation.hashing import hash64

LONG = (
    "The harbour was empty in the morning, and nobody knew why.",
    "በማለዳ ወደቡ ባዶ ነበር፤ ለምን እንደሆነ ማንም አላወቀም።",
    "Утром гавань была пуста, и никто не знал почему.",
    "सुबह बंदरगाह खाली था और कोई नहीं जानता था क्यों।",
    "كان الميناء خاليا في الصباح ولم يعرف أحد السبب.",
    "朝、港には誰もいなかった。理由を知る人はいなかった。",
    "ในตอนเช้าท่าเรือว่างเปล่า และไม่มีใครรู้ว่าทำไม",
    "დილით ნავსადგური ცარიელი იყო და არავინ იცოდა რატომ.",
    "Առավոտյան նավահանգիստը դատարկ էր, և ոչ ոք չգիտեր ինչու։",
    "בבוקר הנמל היה ריק ואיש לא ידע מדוע.",
    "காலையில் துறைமுகம் காலியாக இருந்தது, ஏன் என்று யாருக்கும் தெரியாது.",
    "ព្រឹកនេះកំពង់ផែទទេ ហើយគ្មាននរណាដឹងថាហេតុអ្វីទេ។",
)
# The same sentences with a character more, similar to the first ones and to nothing else.
EDITED = tuple(text + "!" for text in LONG)


def row(query: str, positive: str, **more: str) -> dict[str, Any]:
    return {"query": query, "positive": positive, **more}


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (row("Guten Morgen", "Bom dia"), row("GUTEN MORGEN", "Καλημέρα"), True),
        (row("Good morning", "Καλημέρα"), row("Morning!", "καλημέρα"), True),
        # Translations of one sentence: it is a query here and a positive there.
        (row("Good morning", "Habari ya asubuhi"), row("Habari ya asubuhi", "おはようございます"), True),
        (row("ＯＫ", "はい"), row("ok", "ja"), True),
        (row("Good morning", "Bom dia"), row("Good evening", "Boa noite"), False),
        *[(row(f"q {n}", LONG[n]), row(f"Q{n}?", EDITED[n]), True) for n in range(len(LONG))],
        (row(LONG[0], "a"), row("b", EDITED[0]), True),
        (row("a", "b", document="page 1"), row("c", "d", document="page 1"), True),
        (row("a", "b", document="page 1"), row("c", "d", document="Page 1"), False),
        (row("a", "b", document="page 1"), row("c", "d", document="page 1", source="t"), False),
        (row("a", "b", document="page 1"), row("page 1", "d"), False),
        (row("a", "b"), row("c", "d"), False),
        (row("a", "b", group="g"), row("c", "d", group="g"), True),
        (row("a", "b", group="g", document="h"), row("c", "d", group="h", document="g"), False),
        # Of a record of a class only the query counts.
        (row("Das Boot sinkt", "Nachrichten", task="classification"),
         row("Der Hafen ruht", "Nachrichten", task="classification"), False),
        (row("Das Boot sinkt", "Sport", task="clustering"), row("DAS BOOT SINKT", "Musik", task="clustering"), True),
        (row("Das Boot sinkt", "Sport", task="clustering"), row("Sport", "Athletik"), False),
        (row(LONG[2], "Sport", task="clustering"), row(EDITED[2], "Musik", task="classification"), True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("cut", [1, 2])
def test_what_connects(one: dict[str, Any], other: dict[str, Any], together: bool, cut: int) -> None:
    found = connect(records([one, other, row("something", "else")]), cut=cut)
    assert len(components_of(found)) == (2 if together else 3)
    assert sorted(found["component_size"].to_pylist()) == ([1, 2, 2] if together else [1, 1, 1])


def test_near_duplicates_connect_only_where_they_are_looked_for() -> None:
    table = records([row("a", LONG[0]), row("b", EDITED[0]), row("c", LONG[1]), row("d", LONG[1])])
    assert are_similar(LONG[0], EDITED[0], THRESHOLD)
    assert sorted(map(len, components_of(connect(table)))) == [2, 2]
    assert sorted(map(len, components_of(connect(table, None)))) == [1, 1, 2]


TEXTS = st.sampled_from([*"abcdefgh", *LONG[:4], *EDITED[:4], "A", "Ｂ", "сад", "САД"])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "query": TEXTS,
            "positive": TEXTS,
            "document": st.sampled_from(["", "", "", "1", "2"]),
            "group": st.sampled_from(["", "", "", "1", "2"]),
            "source": st.sampled_from("st"),
            "task": st.sampled_from(["bitext", "retrieval", "classification", "clustering", "code"]),
        }
    ),
    max_size=14,
)


@settings(max_examples=60)
@given(ROWS, st.sampled_from([None, THRESHOLD]), st.integers(1, 5), st.randoms(use_true_random=False))
def test_components_are_those_of_brute_force_however_they_are_cut(
    rows: list[dict[str, Any]], threshold: float | None, cut: int, shuffle: random.Random
) -> None:
    table = records(rows)
    found = connect(table, threshold)
    assert components_of(found) == brute_force(table.to_pylist(), threshold)
    order = list(range(len(rows)))
    shuffle.shuffle(order)
    assert connect(table.take(pa.array(order, pa.int64())), threshold, cut=cut).equals(found)


def test_a_component_is_named_by_the_least_hash_and_knows_its_size() -> None:
    found = connect(records([row("same", f"{n}") for n in range(50)] + [row("alone", "ein")]), cut=3)
    for ids in components_of(found):
        rows = [each for each in found.to_pylist() if each["id"] in ids]
        assert {each["component"] for each in rows} == {f"{hash64(sorted(ids)).min():016x}"}
        assert {each["component_size"] for each in rows} == {len(ids)}


def test_a_new_member_seldom_renames_a_component() -> None:
    renamed = 0
    for world in range(40):
        rows = [row(f"world {world}", f"{world} {n}", id=f"{world}-{n}") for n in range(20)]
        before, after = (connect(records(some), None)["component"][0] for some in (rows[:-1], rows))
        renamed += before != after
    # One in twenty is expected.
    assert renamed <= 8


def test_a_crowd_of_similar_texts_hangs_together_however_it_is_cut() -> None:
    sentence = "the boat lies in the quiet harbour while rain falls on the old wooden roofs of town"
    rows = [row(f"query number {n * 7919}", f"{sentence} {n}") for n in range(60)]
    table = records(rows)
    whole = connect(table)
    assert components_of(whole) == brute_force(table.to_pylist(), THRESHOLD)
    assert all(connect(table, cut=cut).equals(whole) for cut in (2, 3, 7))


@pytest.mark.parametrize("cut", [1, 3])
def test_no_records_are_no_components(cut: int) -> None:
    found = connect(records([]), cut=cut)
    assert found.num_rows == 0
    assert merge_sizes([count_sizes(found)]).num_rows == 0


@given(st.lists(st.lists(st.integers(1, 5), max_size=20), max_size=5))
def test_sizes_add_up(parts: list[list[int]]) -> None:
    tables = [count_sizes(pa.table({"component_size": pa.array(part, pa.int64())})) for part in parts]
    merged = {each["size"]: each["records"] for each in merge_sizes(tables).to_pylist()}
    every = [size for part in parts for size in part]
    assert merged == {size: every.count(size) for size in sorted(every)}


def test_a_key_takes_16_bytes_and_20_where_its_node_is_of_several_records() -> None:
    rows = [{"query": f"question number {n}", "positive": f"answer number {n}", "group": f"g{n}"} for n in range(300)]
    for group, bound in ((False, 16), (True, 20)):
        # With one document all records are one node.
        sent = linking.key_rows(
            records([row | ({"document": "d"} if group else {}) for row in rows]), home=0, partitions=1
        )
        keys = sum(len(names) for names in sent["name"].to_pylist())
        assert keys >= 900
        assert sent.nbytes <= bound * keys + 128
