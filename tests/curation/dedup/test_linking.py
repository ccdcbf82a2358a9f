"""The rounds one by one; `test_stage` has what they come to."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.config.model import Dedup
from curation.dedup import linking
from curation.dedup.bands import SKETCH_SIZE
from curation.dedup.candidates import SMALL

_BAND = linking._BAND


def bands(rows: list[tuple[int, int, int]], sketch: bytes = bytes(SKETCH_SIZE)) -> pa.Table:
    """Return band rows of (bucket, ref, home); a record's number is a thousand more than its name."""
    bucket, ref, home = (
        (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    )
    columns = {"to": np.zeros(len(rows)), "bucket": bucket, "ref": ref, "home": home, "row": np.add(ref, 1000)}
    return pa.table({**columns, "band": np.zeros(len(rows)), "sketch": [sketch] * len(rows)}).cast(_BAND)


def pairs(rows: pa.Table) -> list[tuple[int, int, int, int]]:
    found = linking.pair_up(rows, pa.table({}), Dedup())
    return list(zip(*(found[name].to_pylist() for name in ("to", "left_home", "left", "right")), strict=True))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], []),
        ([(1, 5, 0)], []),
        ([(1, 5, 0), (2, 6, 0)], []),
        ([(1, 9, 3), (1, 5, 7)], [(3, 7, 1005, 1009)]),
        ([(1, 5, 0), (1, 6, 1), (2, 5, 0), (2, 6, 1)], [(1, 0, 1005, 1006)]),
        # Two records with one name are not compared, and are no error.
        ([(1, 5, 0), (1, 5, 1)], []),
    ],
)
def test_records_of_a_bucket_are_paired_once(
    rows: list[tuple[int, int, int]], expected: list[tuple[int, int, int, int]]
) -> None:
    assert pairs(bands(rows)) == expected


def test_a_crowd_is_bounded_and_hangs_together() -> None:
    found = pairs(bands([(1, ref, 0) for ref in range(1000)]))
    assert len(found) <= 4 * 1000
    assert {number - 1000 for _, _, *ends in found for number in ends} == set(range(1000))
    assert len(found) >= 999 > SMALL


def test_records_of_one_bucket_with_other_sketches_are_no_pair() -> None:
    one, other = bands([(1, 5, 0)]), bands([(1, 6, 1)], b"x" * SKETCH_SIZE)
    assert pairs(pa.concat_tables([one, other])) == []
    assert pairs(pa.concat_tables([one, bands([(1, 6, 1)])])) == [(1, 0, 1005, 1006)]


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5), st.integers(0, 3)), max_size=60),
    st.sampled_from([1, 2**8, 2**31]),
)
def test_keys_that_meet_another_come_back_and_no_others(sent: list[tuple[int, int, int]], spread: int) -> None:
    sent = [(key * spread % 2**32, row, home) for key, row, home in sent]
    pieces = []
    for home in range(4):
        mine = [(key, row) for key, row, sender in sent if sender == home]
        lists = {
            name: np.array([each[at] for each in mine], dtype=np.uint32) for at, name in enumerate(("keys", "rows"))
        }
        pieces.append(linking.packed(np.full(len(mine), 3, dtype=np.uint32), home, lists))
    back = linking.meet(pa.concat_tables(pieces), pa.table({}), home=3)
    found = {row["to"]: list(zip(row["keys"], row["rows"], strict=True)) for row in back.to_pylist()}
    keys = [key for key, _, _ in sent]
    for home in range(4):
        expected = sorted((key, row) for key, row, sender in sent if sender == home and keys.count(key) > 1)
        assert sorted(found.get(home, [])) == expected


def test_items_are_packed_by_partition_in_their_order() -> None:
    to = np.array([70_000, 2, 70_000, 0, 2], dtype=np.uint32)
    rows = linking.packed(to, 9, {"rows": np.arange(5, dtype=np.uint32)})
    assert rows.to_pylist() == [
        {"to": 0, "home": 9, "rows": [3]},
        {"to": 2, "home": 9, "rows": [1, 4]},
        {"to": 70_000, "home": 9, "rows": [0, 2]},
    ]
    assert linking.senders(rows).tolist() == [9] * 5
