from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.release.order import rows_in_order

_KEYS = ("language", "split", "source", "file", "row", "id")

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "language": st.sampled_from(["swh_Latn", "amh_Ethi", "ไทย"]),
            "split": st.sampled_from(["train", "test"]),
            "source": st.sampled_from(["tatoeba", "Tatoeba", "вики"]),
            "file": st.sampled_from(["a.tsv", "b.tsv", ""]),
            "row": st.integers(-1, 3),
            "id": st.text("abc", min_size=1, max_size=3),
        }
    ),
    max_size=30,
)


def table(rows: list[dict[str, Any]]) -> pa.Table:
    kinds = [pa.field(name, pa.int64() if name == "row" else pa.string()) for name in _KEYS]
    return pa.Table.from_pylist(rows, schema=pa.schema(kinds))


@given(ROWS, st.integers(1, 4))
def test_rows_come_sorted_by_part_and_place_and_ties_by_id(rows: list[dict[str, Any]], chunks: int) -> None:
    records = pa.concat_tables([table(rows[start::chunks]) for start in range(chunks)])
    expected = records.take(pc.sort_indices(records, [(name, "ascending") for name in _KEYS])).to_pylist()
    found = [
        (language, split, records.take(pa.array(part.records)).to_pylist())
        for language, split, part in rows_in_order(records)
    ]
    assert [row for *_, part in found for row in part] == expected
    parts = [(language, split) for language, split, _ in found]
    assert parts == sorted(set(parts))
    assert all((row["language"], row["split"]) == (one, other) for one, other, part in found for row in part)


@pytest.mark.parametrize("copies", [[1, 1, 1], [3, 1, 2]])
def test_copies_come_after_all_that_come_first(copies: list[int]) -> None:
    rows = [dict(zip(_KEYS, ("swh_Latn", "train", "s", "f", n, f"{n}"), strict=True)) for n in range(3)]
    records = table(rows).append_column("copies", pa.array(copies, pa.int32()))
    ((_, _, found),) = rows_in_order(records)
    expected = sorted((copy, n) for n, times in enumerate(copies) for copy in range(times))
    assert list(zip(found.copies.tolist(), found.records.tolist(), strict=True)) == expected
