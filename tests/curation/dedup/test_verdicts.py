"""The last rounds between partitions, against a plain model; `test_stage` has what all rounds come to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.config.model import Dedup
from curation.dedup import verdicts

TRUST = {"a": 90, "b": 10}
Verdict = tuple[str, str, float, int]


@dataclass(frozen=True, slots=True)
class Record:
    number: int
    source: str = "a"
    size: int = 1
    group: str = ""

    @property
    def id(self) -> str:
        return f"{self.number:032x}"

    @property
    def rank(self) -> tuple[int, str]:
        return -TRUST[self.source], self.id


@dataclass(frozen=True, slots=True)
class Link:
    left: int
    right: int
    similarity: float
    merges: bool = True


def decided(
    records: list[Record], links: list[Link], by: str, homes: list[int], partitions: int
) -> tuple[dict[str, Verdict], list[dict[str, str]]]:
    """Return the verdict on each record, and on each partition's groups, from links that lie at their left record."""
    options = Dedup(by=by)
    held = [[r for r, at in zip(records, homes, strict=True) if at == home] for home in range(partitions)]
    places = {r.number: (home, row) for home, mine in enumerate(held) for row, r in enumerate(mine)}
    tables = [_table(mine) for mine in held]
    sent = [
        verdicts.link_rows(_links([k for k in links if places[k.left][0] == home], records, places, by), home=home)
        for home in range(partitions)
    ]
    sent = [verdicts.join(_for(sent, home), pa.table({}), home=home) for home in range(partitions)]
    sent = [
        verdicts.rank(_for(sent, home), tables[home], options, partitions=partitions, trust=TRUST)
        for home in range(partitions)
    ]
    sent = [
        verdicts.choose(_for(sent, home), pa.table({}), options, partitions=partitions) for home in range(partitions)
    ]
    found: dict[str, Verdict] = {}
    groups: list[dict[str, str]] = []
    for home in range(partitions):
        rows = _for(sent, home).to_pylist()
        mine = {r["id"]: (r["kept"], r["via"], r["similarity"], r["size"]) for r in rows if r["id"] is not None}
        assert all(places[int(name, 16)][0] == home for name in mine)
        assert len(mine) == sum(row["id"] is not None for row in rows)
        found |= mine
        groups.append({row["group"]: row["new_group"] for row in rows if row["group"] is not None})
    return found, groups


def expected(records: list[Record], links: list[Link], by: str) -> tuple[dict[str, Verdict], dict[str, str]]:
    of = {record.number: record for record in records}
    merging = [link for link in links if link.merges]
    found: dict[str, Verdict] = {}
    for cluster in _connected([(k.left, k.right) for k in merging]):
        best = min((of[number] for number in cluster), key=lambda r: r.rank)
        size = sum(of[number].size for number in cluster)
        for number in cluster:
            near = {k.right: k.similarity for k in merging if k.left == number}
            near |= {k.left: k.similarity for k in merging if k.right == number}
            if number == best.number:
                through, similarity = number, 1.0
            elif best.number in near:
                through, similarity = best.number, near[best.number]
            else:
                through = max(near, key=lambda n: (near[n], tuple(-v for v in _comparable(of[n]))))
                similarity = near[through]
            found[of[number].id] = (best.id, of[through].id, similarity, size)
    changed: dict[str, str] = {}
    if by == "query":
        linked = {number for link in links for number in (link.left, link.right)}
        for names in _connected([(of[k.left].group, of[k.right].group) for k in links]):
            best = min((r for r in records if r.number in linked and r.group in names), key=lambda r: r.rank)
            changed |= {name: best.group for name in names if name != best.group}
    return found, changed


def _comparable(record: Record) -> tuple[int, int]:
    return -TRUST[record.source], record.number


def _connected(pairs: list[tuple[object, object]]) -> list[set[object]]:
    found: list[set[object]] = []
    for pair in pairs:
        near = [part for part in found if part & set(pair)]
        found = [part for part in found if not part & set(pair)] + [set(pair).union(*near)]
    return found


def _table(records: list[Record]) -> pa.Table:
    columns = {
        "id": pa.array([r.id for r in records], pa.string()),
        "source": pa.array([r.source for r in records], pa.string()),
        "licence": pa.array(["MIT"] * len(records), pa.string()),
        "group": pa.array([r.group for r in records], pa.string()),
        "cluster_size": pa.array([r.size for r in records], pa.int32()),
    }
    return pa.table(columns)


def _links(links: list[Link], records: list[Record], places: dict[int, tuple[int, int]], by: str) -> pa.Table:
    columns: dict[str, object] = {"similarity": pa.array([k.similarity for k in links], pa.float64())}
    if by == "query":
        columns["merges"] = pa.array([link.merges for link in links], pa.bool_())
    groups = pa.table({"group": pa.array([r.group for r in records], pa.string())})
    of = dict(zip((r.number for r in records), verdicts.group_names(groups), strict=True))
    for side in ("left", "right"):
        ends = [getattr(link, side) for link in links]
        homes, rows = (np.array([places[end][part] for end in ends], dtype=np.uint32) for part in (0, 1))
        columns[side] = verdicts.node_numbers(homes, rows)
        if by == "query":
            columns[f"{side}_group"] = np.array([of[end] for end in ends], dtype=np.uint64)
    return pa.table(columns)


def _for(sent: list[pa.Table], home: int) -> pa.Table:
    rows = pa.concat_tables(sent)
    return rows.filter(pa.array(rows.column("to").to_numpy() == home)).combine_chunks()


def _names(found: dict[str, Verdict]) -> dict[int, tuple[int, int]]:
    return {int(name, 16): (int(kept, 16), int(via, 16)) for name, (kept, via, _, _) in found.items()}


@pytest.mark.parametrize("partitions", [1, 3])
def test_the_best_of_a_cluster_stays_and_a_chain_names_its_link(partitions: int) -> None:
    records = [Record(number) for number in range(1, 6)]
    links = [Link(2, 1, 0.9), Link(2, 3, 0.85), Link(3, 4, 0.95), Link(2, 4, 0.81)]
    found, groups = decided(records, links, "pair", [n % partitions for n in range(5)], partitions)
    assert _names(found) == {1: (1, 1), 2: (1, 1), 3: (1, 4), 4: (1, 3)}
    assert groups == [{}] * partitions


@pytest.mark.parametrize("partitions", [1, 3])
def test_links_that_do_not_merge_join_groups(partitions: int) -> None:
    records = [Record(number, group=f"g{number}") for number in range(1, 5)]
    links = [Link(1, 2, 0.9, merges=False), Link(2, 3, 0.9)]
    found, groups = decided(records, links, "query", [n % partitions for n in range(4)], partitions)
    assert _names(found) == {2: (2, 2), 3: (2, 2)}
    assert groups == [{"g2": "g1", "g3": "g1"}] * partitions


def test_groups_hang_together_through_records_that_no_link_connects() -> None:
    # 2 and 3 are in one group and in different partitions, and only their group joins what they are linked to.
    records = [Record(1, group="x"), Record(2, group="both"), Record(3, group="both"), Record(4, "b", group="y")]
    links = [Link(1, 2, 0.8, merges=False), Link(3, 4, 0.8, merges=False)]
    found, groups = decided(records, links, "query", [0, 1, 2, 0], 3)
    assert found == {}
    assert groups == [{"both": "x", "y": "x"}] * 3


def test_what_meets_in_one_place_is_a_forest_of_16_bytes_an_edge() -> None:
    clique = [Link(left, right, 0.9) for left in range(40) for right in range(left)]
    records = [Record(number) for number in range(40)]
    rows = verdicts.link_rows(_links(clique, records, {n: (2, n) for n in range(40)}, "pair"), home=2)
    here, away = (rows.filter(pa.array(rows.column("to").to_numpy() == to)) for to in (2, 0))
    assert [len(items) for items in here.column("similarity").to_pylist()] == [len(clique)]
    assert [len(items) for items in away.column("left").to_pylist()] == [39]
    assert away.combine_chunks().nbytes < 39 * 16 + 64


numbers = st.integers(0, 13)
drawn_links = st.lists(
    st.tuples(numbers, numbers, st.sampled_from([0.8, 0.85, 0.9]), st.booleans()).filter(
        lambda drawn: drawn[0] != drawn[1]
    ),
    max_size=24,
    unique_by=lambda link: frozenset(link[:2]),
)
drawn_records = st.lists(
    st.tuples(st.sampled_from(sorted(TRUST)), st.integers(1, 3), st.sampled_from(["g", "h", "i", "j", "ж", ""])),
    min_size=14,
    max_size=14,
)


@given(
    drawn_records,
    drawn_links,
    st.sampled_from(["pair", "query", "positive"]),
    st.integers(1, 5),
    st.lists(st.integers(0, 59), min_size=14, max_size=14),
)
def test_verdicts_are_those_of_a_plain_model_however_records_are_cut(
    about: list[tuple[str, int, str]],
    drawn: list[tuple[int, int, float, bool]],
    by: str,
    partitions: int,
    homes: list[int],
) -> None:
    records = [Record(number, *each) for number, each in enumerate(about)]
    links = [Link(left, right, value, merges or by != "query") for left, right, value, merges in drawn]
    found, groups = decided(records, links, by, [home % partitions for home in homes], partitions)
    verdict, changed = expected(records, links, by)
    assert found == verdict
    assert groups == [changed] * partitions
