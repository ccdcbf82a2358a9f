from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.release.diff.columns import digests, fixed, id_bytes, ids_of, numbered, places, renumbered

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.none()
TYPES: list[tuple[pa.DataType, Any]] = [
    (pa.string(), TEXTS),
    (pa.large_string(), TEXTS),
    (pa.bool_(), st.booleans() | st.none()),
    (pa.int16(), st.integers(-5, 5) | st.none()),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1) | st.none()),
    (pa.float32(), st.sampled_from([0.0, 0.5, -1.0, None])),
    (pa.list_(pa.string()), st.lists(TEXTS, max_size=3) | st.none()),
    (pa.list_(pa.list_(pa.int32())), st.lists(st.lists(st.integers(0, 3), max_size=2), max_size=3) | st.none()),
    (
        pa.struct([("a", pa.string()), ("b", pa.list_(pa.float64()))]),
        st.fixed_dictionaries({"a": TEXTS, "b": st.lists(st.sampled_from([0.0, 1.0]), max_size=2)}) | st.none(),
    ),
]


@pytest.mark.parametrize(("kind", "values"), TYPES, ids=lambda value: str(value)[:20])
@given(data=st.data())
def test_digests_are_equal_where_values_are(kind: pa.DataType, values: Any, data: st.DataObject) -> None:
    column = data.draw(st.lists(values, max_size=12))
    array = pa.array([*column, *column[:1]], kind)
    found = digests(array).tolist()
    exact = [repr(value) for value in array.to_pylist()]
    assert [one == found[0] for one in found] == [one == exact[0] for one in exact]
    start = len(column) // 2
    assert digests(array.slice(start)).tolist() == found[start:]


def test_keys_are_told_apart_and_found() -> None:
    ids = pa.array(["0" * 32, "f" * 32, "0" * 32, "id", "0" * 32, None])
    keys = numbered(id_bytes(ids), np.array([0, 0, 1, 0, 0, 0], dtype=np.int32))
    assert len(keys.unique()) == 6
    assert np.array_equal(ids_of(keys), id_bytes(ids))
    assert np.array_equal(ids_of(keys.slice(2, 3)), id_bytes(ids)[2:5])
    assert places(keys.take(pa.array([3, 5, 0])), keys).tolist() == [3, 5, 0]
    assert places(keys, keys.slice(0, 1)).tolist() == [0, -1, -1, -1, -1, -1]
    assert places(keys.slice(0, 0), keys).tolist() == []


def test_keys_of_two_tables_are_numbered_as_one() -> None:
    keys = [numbered(id_bytes(pa.array(["a", "b"])), np.zeros(2, np.int32)) for _ in range(2)]
    assert len(pa.concat_arrays(keys).unique()) == 2
    assert len(renumbered(pa.concat_arrays(keys)).unique()) == 4


def test_an_id_is_the_same_whatever_stands_beside_it() -> None:
    plain = "00112233445566778899aabbccddeeff"
    assert (
        id_bytes(pa.array([plain, "x"]))[0].tobytes()
        == bytes.fromhex(plain)
        == id_bytes(pa.array([plain]))[0].tobytes()
    )
    assert fixed(id_bytes(pa.array([], pa.string()))).type == pa.binary(16)
