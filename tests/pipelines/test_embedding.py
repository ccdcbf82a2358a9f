from __future__ import annotations

from collections import defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.mining.keys import key_array, text_keys
from pipelines import embedding
from pipelines.embedding import address, distinct_texts, passes, send_vectors

WORDS = ("дом", "家", "घर", "منزل", "בית", "บ้าน", "σπίτι", "տուն", "სახლი", "casa", "ቤት", "집", "အိမ်")
Wish = tuple[str, int, int]
WISHES = st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 4), st.sampled_from([1, 2, 3])), max_size=40)


def texts(wishes: list[Wish]) -> pa.Table:
    """Return a text, a home and roles a row."""
    words = [word for word, _, _ in wishes]
    columns = {"key": key_array(text_keys(pa.array(words, pa.string()))), "text": pa.array(words, pa.string())}
    columns |= {"roles": pa.array([mask for _, _, mask in wishes], pa.uint8())}
    return pa.table(columns | {"home": pa.array([home for _, home, _ in wishes], pa.uint32())})


def wanted(wishes: list[Wish]) -> dict[tuple[str, int], int]:
    found: dict[tuple[str, int], int] = defaultdict(int)
    for word, home, mask in wishes:
        found[word, home] |= mask
    return dict(found)


@given(WISHES, WISHES, st.integers(1, 5))
def test_each_text_goes_through_once_and_the_longest_first(some: list[Wish], more: list[Wish], rows: int) -> None:
    tables = list(passes([texts(some), texts(more)], rows))
    assert all(table.num_rows <= rows for table in tables)
    assert tables == list(passes([texts(more), texts(some)], rows))
    joined = pa.concat_tables(tables)
    words = joined["text"].to_pylist()
    assert sorted(words) == sorted({word for word, _, _ in some + more})
    assert [len(word) for word in words] == sorted((len(word) for word in words), reverse=True)


@given(WISHES, st.booleans())
def test_vectors_go_to_those_that_want_them_in_that_role(wishes: list[Wish], shared: bool) -> None:
    asked = distinct_texts(texts(wishes))
    rows, roles = [], []
    for row, mask in enumerate(asked["roles"].to_pylist()):
        served = [3] if shared else [bit for bit in (1, 2) if mask & bit]
        rows += [row] * len(served)
        roles += served
    vectors = pa.table({"row": pa.array(rows, pa.uint32()), "roles": pa.array(roles, pa.uint8())})
    vectors = vectors.append_column("text", asked["text"].take(vectors["row"]))
    found: dict[tuple[str, int], int] = defaultdict(int)
    for each in address(asked, vectors).to_pylist():
        found[each["text"], each["home"]] += each["roles"]
    expected = wanted(wishes)
    assert found == (dict.fromkeys(expected, 3) if shared else expected)


def test_tables_of_vectors_are_small_and_all_meeting_places_hear_of_themselves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    homes = np.array([0, 2, 2, 0, 2, 2, 2], dtype=np.uint32)
    vectors = pa.table({"vector": pa.array(np.arange(7)), "home": pa.array(homes)})
    monkeypatch.setattr(embedding, "TABLE_BYTES", 16)
    sent = list(send_vectors(vectors, [1, 2], 4))
    assert [(home, part["vector"].to_pylist()) for home, part in sent] == [
        *[(1, []), (0, [0, 3])],
        *[(2, [1, 2]), (2, [4, 5]), (2, [6])],
    ]
    assert pc.sum(pa.array([part.num_rows for _, part in sent])).as_py() == 7
