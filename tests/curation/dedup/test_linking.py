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
_LINK = linking._LINK


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


Link = tuple[int, int, float, bool]


def links(found: list[Link]) -> pa.Table:
    rows = []
    for left, right, similarity, merges in found:
        row: dict[str, object] = {"to": 0, "similarity": similarity, "merges": merges}
        for side, number in (("left", left), ("right", right)):
            row |= {f"{side}_rank": bytes([*[0] * 23, number]) + f"r{number}".encode(), f"{side}_home": number % 3}
            row |= {f"{side}_group": f"g{number}", f"{side}_size": 1}
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=_LINK)


def decided(found: list[Link], by: str = "pair") -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    rows = linking.decide(links(found), pa.table({}), Dedup(by=by), partitions=3).to_pylist()
    verdicts = {row["id"]: (row["kept"], row["via"]) for row in rows if row["id"]}
    return verdicts, {row["group"]: row["new_group"] for row in rows if row["group"]}


def test_the_best_of_a_cluster_stays_and_a_chain_names_its_link() -> None:
    verdicts, groups = decided([(2, 1, 0.9, True), (2, 3, 0.85, True), (3, 4, 0.95, True), (2, 4, 0.81, True)])
    assert verdicts == {"r1": ("r1", "r1"), "r2": ("r1", "r1"), "r3": ("r1", "r4"), "r4": ("r1", "r3")}
    assert groups == {}


def test_links_that_do_not_merge_join_groups() -> None:
    verdicts, groups = decided([(1, 2, 0.9, False), (2, 3, 0.9, True)], by="query")
    assert verdicts == {"r1": ("r1", "r1"), "r2": ("r2", "r2"), "r3": ("r2", "r2")}
    assert groups == {"g2": "g1", "g3": "g1"}


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(10, 19), st.sampled_from([0.8, 0.9]), st.booleans()), max_size=20
    ),
    st.randoms(use_true_random=False),
)
def test_decisions_do_not_depend_on_the_order_of_links(found: list[Link], random: object) -> None:
    distinct = list({link[:2]: link for link in found}.values())
    turned = [(right, left, similarity, merges) for left, right, similarity, merges in distinct]
    random.shuffle(turned)
    assert decided(distinct, by="query") == decided(turned, by="query")
