from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.hashing import content_id, content_ids, digests, hash64, priority


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_different_sequences_have_different_ids(left: list[str], right: list[str]) -> None:
    assert (content_id(*left) == content_id(*right)) == (left == right)


def test_an_id_is_128_bits_and_never_changes() -> None:
    # A golden value: ids are promised to be the same in every release.
    assert content_id("tatoeba", "Guten Tag", "добрый день") == "0017bb57e4940a4d92661a29daebf3cf"


def test_boundaries_between_parts_count() -> None:
    assert content_id("ab", "c") != content_id("a", "bc")


@given(st.lists(st.tuples(st.text(), st.text()), max_size=5), st.text(), st.integers(0, 5))
def test_the_ids_of_columns_are_those_of_their_rows(rows: list[tuple[str, str]], source: str, start: int) -> None:
    kinds = (pa.string(), pa.large_string())
    columns = [pa.array([row[side] for row in rows], kind)[start:] for side, kind in enumerate(kinds)]
    ids = content_ids(source, *columns)
    assert ids.type == pa.string()
    assert ids.to_pylist() == [content_id(source, *row) for row in rows[start:]]
    assert content_ids(*columns).to_pylist() == [content_id(*row) for row in rows[start:]]


@pytest.mark.parametrize("purpose", ["split", "balance"])
def test_priorities_are_even(purpose: str) -> None:
    values = priority((f"{n:032x}" for n in range(20_000)), purpose, 0).astype(np.float64) / 2**64
    counts, _ = np.histogram(values, bins=10, range=(0, 1))
    assert np.abs(counts - 2_000).max() < 5 * np.sqrt(2_000)


def test_priorities_of_two_purposes_or_seeds_are_unrelated() -> None:
    ids = [f"{n:032x}" for n in range(5_000)]
    base = priority(ids, "split", 0).astype(np.float64)
    for other in (priority(ids, "balance", 0), priority(ids, "split", 1)):
        assert abs(np.corrcoef(base, other.astype(np.float64))[0, 1]) < 0.06


def test_hash64_has_one_value_a_key() -> None:
    assert hash64(["a", "b", "a"])[0] == hash64(["a"])[0]
    assert hash64([]).shape == (0,)


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [f"{n:032x}" for n in range(50)],
        [f"{n:016x}" for n in range(50)],
        ["swh_Latn", "amh_Ethi", "тест", "ไทย", ""],
        ["каждый ключ", "každý klíč", "کلید", "鍵は全部同じ長さ"],
        ["zehn Bytes", "elf Bytes ", "Гавань"],
        ["x" * 200, "y" * 200],
    ],
)
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_columns_hash_as_their_strings_do(keys: list[str], kind: pa.DataType) -> None:
    expected = hash64(keys, seed=7).tolist()
    column = pa.array([*keys, "another"], kind)[: len(keys)]
    assert hash64(column, seed=7).tolist() == expected
    assert hash64(column[1:], seed=7).tolist() == expected[1:]
    assert hash64(pa.chunked_array([column, column]), seed=7).tolist() == expected * 2
    assert priority(column, "split", 1).tolist() == priority(keys, "split", 1).tolist()


def whole(columns: list[pa.Array]) -> list[str]:
    """Return the digests as hexadecimal digits."""
    return [left.tobytes().hex() + right.tobytes().hex() for left, right in zip(*digests(columns), strict=True)]


@given(st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4)), max_size=12))
def test_rows_have_equal_digests_where_they_are_equal(rows: list[tuple[str, str]]) -> None:
    found = whole([pa.array([row[side] for row in rows], pa.string()) for side in (0, 1)])
    assert len(found) == len(rows)
    assert len(set(found)) == len(set(rows))
    for row, digest in zip(rows, found, strict=True):
        assert whole([pa.array([text], pa.string()) for text in row]) == [digest]


TEXTS = [
    "Guten Tag",
    "добрый день",
    "καλημέρα",
    "नमस्ते",
    "สวัสดี",
    "こんにちは",
    "안녕하세요",
    "مرحبا",
    "שלום",
    "ሰላም",
    "გამარჯობა",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_row_is_not_the_text_of_its_columns_in_a_row(text: str) -> None:
    rows = [(text[:cut], text[cut:]) for cut in range(len(text) + 1)]
    assert len(set(whole([pa.array([row[side] for row in rows]) for side in (0, 1)]))) == len(rows)


def test_the_kind_of_the_column_does_not_matter_and_its_slice_is_its_own() -> None:
    expected = whole([pa.array(TEXTS)])
    assert whole([pa.array(TEXTS, pa.large_string())]) == expected
    assert whole([pa.array(["x", *TEXTS])[1:]]) == expected
    assert whole([pa.array([], pa.string())]) == []


def test_digests_are_even() -> None:
    key, digest = digests([pa.array([str(n) for n in range(8_000)])])
    for half in (key, digest):
        assert half.dtype == np.uint64
        assert np.abs(np.bincount(half % np.uint64(4)) - 2_000).max() < 5 * np.sqrt(2_000)
        assert len(np.unique(half)) == 8_000
