from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.hashing import content_id, content_ids, hash64, priority


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
