"""From pairs of records that lie in many partitions to the record that stays of each cluster: the last rounds.

    verify   both texts of a pair are compared exactly; the links stay where they were found, and of what they connect
             a spanning forest is sent on
    join     the forests meet in one place, and each record learns the label of its cluster
    rank     ... and sends its rank, its size and its links to where the records of one label meet
    choose   ... where each cluster chooses the record that stays

Only the forests come together in one place, 16 bytes an edge and no texts or names: of a billion records with a tenth
of duplicates, and three links for two of these, that is 2.4 GB at most, and 15 GB more (100 bytes an edge) while they
are joined. All else is shared out by labels: some 100 bytes a linked record and 16 bytes a link.

A node is a number: the partition of a record and its number there. With `by: query` a second graph joins groups: in it
each record is another node, which is linked to a node of its group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.model import Dedup
from curation.dedup.components import join as join_links
from curation.dedup.linking import (
    CLUSTER_SIZE,
    SIDES,
    cluster_sizes,
    group_names,
    packed,
    parted,
    similarity_of,
    texts_of,
    unpacked,
    without_items,
)
from curation.dedup.preference import ids_of, preference_ranks
from curation.dedup.sketches import UInt32s
from curation.ngrams import Int64s, UInt64s, mix

_HALF = np.uint64(32)
# Marks the nodes of the graph of groups, and among them those that are no records.
_GROUPED, _GROUP = np.uint64(1 << 63), np.uint64(3 << 62)

_CHOSEN_BY = ("id", "source", "licence", "query_lid_score", "positive_lid_score", CLUSTER_SIZE, "group")

_TO = pa.field("to", pa.uint32())
_MEMBER = pa.schema(
    [
        _TO,
        ("label", pa.uint64()),
        ("node", pa.uint64()),
        ("rank", pa.binary()),
        ("size", pa.int32()),
        ("group", pa.string()),
        ("linked", pa.large_list(pa.uint64())),
        ("similarity", pa.large_list(pa.float64())),
    ]
)
VERDICTS = pa.schema(
    [
        _TO,
        ("id", pa.string()),
        ("kept", pa.string()),
        ("via", pa.string()),
        ("similarity", pa.float64()),
        ("size", pa.int32()),
        ("group", pa.string()),
        ("new_group", pa.string()),
    ]
)


def verify(rows: pa.Table, records: pa.Table, options: Dedup, *, home: int) -> pa.Table:
    """Compare the texts of each pair exactly, and keep the pairs at or above the threshold.

    A link merges its records, unless only queries were compared and the positives differ: then it only puts the
    records into one group.

    Args:
        rows: pairs whose left record is one of `records`, with the texts of the right one.
        records: rows of the record schema, shape (n,).
        options: the config's `dedup` section.
        home: number of the partition.

    Returns:
        Packed rows: to this partition the links that merge, each from its left record to its right one; and to the
        first one, without `similarity`, a spanning forest of what is connected.
    """
    left = records.take(rows.column("left").cast(pa.int64()))
    similarity = _similarity(left, rows, SIDES[options.by])
    linked = similarity >= options.threshold
    left, rows, similarity = left.filter(pa.array(linked)), rows.filter(pa.array(linked)), similarity[linked]
    columns: dict[str, npt.NDArray[Any]] = {
        "left": node_numbers(np.full(rows.num_rows, home, dtype=np.uint32), rows.column("left").to_numpy()),
        "right": node_numbers(rows.column("home").to_numpy(), rows.column("right").to_numpy()),
        "similarity": similarity,
    }
    if options.by == "query":
        columns["merges"] = _similarity(left, rows, ("positive",)) >= options.threshold
        columns |= {"left_group": group_names(left), "right_group": rows.column("group").to_numpy()}
    return link_rows(pa.table(columns), home=home)


def node_numbers(homes: UInt32s, rows: UInt32s) -> UInt64s:
    """Return the nodes of records, uint64 (n,)."""
    return homes.astype(np.uint64) << _HALF | rows


def link_rows(links: pa.Table, *, home: int) -> pa.Table:
    """Send what `verify` returns.

    Args:
        links: with the columns `left` and `right` (nodes) and `similarity`, and where groups may merge also `merges`
            (bool), `left_group` and `right_group` (uint64).
        home: number of the partition.
    """
    edges = [(links.column("left").to_numpy(), links.column("right").to_numpy())]
    if "merges" in links.column_names:
        grouped = [ends | _GROUPED for ends in edges[0]]
        groups = [links.column(f"{side}_group").to_numpy() | _GROUP for side in ("left", "right")]
        links = links.filter(links.column("merges"))
        edges = [(links.column("left").to_numpy(), links.column("right").to_numpy()), (grouped[0], grouped[1])]
        edges += zip(grouped, groups, strict=True)
    forest = _forest(*(np.concatenate(ends) for ends in zip(*edges, strict=True)))
    stays = {name: links.column(name).to_numpy() for name in ("left", "right", "similarity")}
    rows = packed(np.full(links.num_rows, home, dtype=np.uint32), home, stays)
    return pa.concat_tables([rows, _unweighed(np.zeros(len(forest[0]), dtype=np.uint32), home, *forest)])


def join(rows: pa.Table, records: pa.Table, *, home: int) -> pa.Table:  # noqa: ARG001 - the shape of all rounds
    """Find what is connected, in the partition that the forests meet in; the links of all others stay where they are.

    Args:
        rows: those of `verify`.
        records: not looked at.
        home: number of the partition.

    Returns:
        The links, and to each record's partition, without `similarity`, its node and its label: the least node that it
        is connected with.
    """
    links, forests = parted(rows, "similarity")
    left, right = unpacked(forests, "left"), unpacked(forests, "right")
    nodes = _distinct(np.concatenate([left, right]))
    first = join_links(np.arange(len(nodes)), _places(nodes, left), _places(nodes, right))
    of_records = np.flatnonzero(nodes < _GROUP)
    nodes, labels = nodes[of_records], nodes[first[of_records]]
    return pa.concat_tables([links, _unweighed(_homes(nodes), home, nodes, labels)])


def rank(rows: pa.Table, records: pa.Table, options: Dedup, *, partitions: int, trust: Mapping[str, int]) -> pa.Table:
    """Send what a cluster chooses by to where its records meet.

    Args:
        rows: those of `join`.
        records: rows of the record schema, shape (n,).
        options: the config's `dedup` section.
        partitions: how many there are.
        trust: trust of each source.

    Returns:
        A row for each linked record, with its links as left record. With `by: query` there is another one, without
        links, that tells its group.
    """
    links, labelled = parted(rows, "similarity")
    nodes, labels = unpacked(labelled, "left"), unpacked(labelled, "right")
    order = np.argsort(nodes)
    nodes, labels = nodes[order], labels[order]
    records = records.select([name for name in records.column_names if name in _CHOSEN_BY])
    mine = records.take(pa.array((nodes & np.uint64(0xFFFFFFFF)).astype(np.int64)))
    count = len(nodes)
    grouped = pa.array(nodes >= _GROUPED)
    columns = {
        "to": (mix(labels) % np.uint64(partitions)).astype(np.uint32),
        "label": labels,
        "node": nodes,
        "rank": preference_ranks(mine, options.prefer, trust),
        "size": cluster_sizes(mine),
        "group": pc.if_else(grouped, mine.column("group"), pa.nulls(count, pa.string())),
    }
    left = unpacked(links, "left")
    order = np.argsort(left, kind="stable")
    bounds = np.searchsorted(left[order], np.append(nodes, np.iinfo(np.uint64).max))
    for name, items in (("linked", unpacked(links, "right")), ("similarity", unpacked(links, "similarity"))):
        columns[name] = pa.LargeListArray.from_arrays(pa.array(bounds), pa.array(items[order]))
    return pa.table(columns, schema=_MEMBER)


def choose(rows: pa.Table, records: pa.Table, options: Dedup, *, partitions: int) -> pa.Table:  # noqa: ARG001 - as all rounds
    """Choose the record that stays in each cluster, and one group for what shares a query.

    Args:
        rows: those of `rank`: all of some labels.
        records: not looked at.
        options: the config's `dedup` section.
        partitions: how many there are.

    Returns:
        Rows of `VERDICTS` of two kinds. One for each record that a link merges, with its `id`: where `kept` is another
        record's id, the record is merged into that one; `via` is the record through which it is linked to it, and
        `similarity` theirs. Where it is its own, the record stays, for `size` records. And one for each group that
        becomes part of another, to every partition: all records of `group`, linked or not, are then in `new_group`.
    """
    members = rows.take(pc.sort_indices(rows, [("rank", "ascending")]))
    grouped = pc.is_valid(members.column("group"))
    verdicts = _verdicts(members.filter(pc.invert(grouped)), options)
    return pa.concat_tables([verdicts, _merged_groups(members.filter(grouped), partitions)])


def _verdicts(members: pa.Table, options: Dedup) -> pa.Table:
    """Say what becomes of records, which come best first."""
    count = members.num_rows
    nodes = members.column("node").to_numpy()
    kept = _best(members.column("label").to_numpy())
    left = np.repeat(np.arange(count), pc.list_value_length(members.column("linked")).to_numpy())
    order = np.argsort(nodes)
    right = order[np.searchsorted(nodes, unpacked(members, "linked"), sorter=order)]
    via, similarity = _through(left, right, unpacked(members, "similarity"), kept)
    sizes = np.zeros(count, dtype=np.int32)
    np.add.at(sizes, kept, members.column("size").to_numpy())
    ids = ids_of(members.column("rank"), options.prefer)
    columns = {
        "to": _homes(nodes),
        "id": ids,
        "kept": ids.take(pa.array(kept)),
        "via": ids.take(pa.array(via)),
        "similarity": similarity,
        "size": sizes[kept],
        "group": pa.nulls(count, pa.string()),
        "new_group": pa.nulls(count, pa.string()),
    }
    return pa.table(columns, schema=VERDICTS)


def _merged_groups(members: pa.Table, partitions: int) -> pa.Table:
    """Say which group the groups of connected records become: that of the best of these, which come best first."""
    encoded = members.column("group").combine_chunks().dictionary_encode()
    group = encoded.indices.to_numpy().astype(np.int64)
    first = np.empty(len(encoded.dictionary), dtype=np.int64)
    first[group] = group[_best(members.column("label").to_numpy())]
    changed = np.flatnonzero(first != np.arange(len(first)))
    nothing = pa.nulls(len(changed) * partitions, pa.null())
    columns = {name: nothing.cast(VERDICTS.field(name).type) for name in VERDICTS.names}
    columns |= {
        "to": np.repeat(np.arange(partitions, dtype=np.uint32), len(changed)),
        "group": encoded.dictionary.take(pa.array(np.tile(changed, partitions))),
        "new_group": encoded.dictionary.take(pa.array(np.tile(first[changed], partitions))),
    }
    return pa.table(columns, schema=VERDICTS)


def _similarity(left: pa.Table, right: pa.Table, sides: Sequence[str]) -> npt.NDArray[np.float64]:
    return similarity_of(texts_of(left, sides), texts_of(right, sides))


def _homes(nodes: UInt64s) -> UInt32s:
    """Return the partitions of records, uint32 (n,)."""
    return ((nodes & ~_GROUP) >> _HALF).astype(np.uint32)


def _distinct(nodes: UInt64s) -> UInt64s:
    """Return the distinct nodes in their order; `nodes` are sorted in place."""
    nodes.sort()
    distinct: UInt64s = nodes[np.append(True, nodes[1:] != nodes[:-1])[: len(nodes)]]
    return distinct


def _places(nodes: UInt64s, ends: UInt64s) -> Int64s:
    """Return where ends of edges stand among sorted nodes; in order they are looked up several times as fast."""
    order = np.argsort(ends)
    places = np.empty(len(ends), dtype=np.int64)
    places[order] = np.searchsorted(nodes, ends[order])
    return places


def _forest(left: UInt64s, right: UInt64s) -> tuple[UInt64s, UInt64s]:
    """Return a spanning forest of edges: each node that is not the least of its component, and that one."""
    nodes, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    first = join_links(np.arange(len(nodes)), *np.split(places, 2))
    others = np.flatnonzero(first != np.arange(len(nodes)))
    return nodes[others], nodes[first[others]]


def _unweighed(to: UInt32s, home: int, left: UInt64s, right: UInt64s) -> pa.Table:
    """Pack rows like those of links, without similarities."""
    return without_items(packed(to, home, {"left": left, "right": right}), "similarity", pa.float64())


def _best(labels: UInt64s) -> Int64s:
    """Return the first place of each label, int64 (n,)."""
    _, first, places = np.unique(labels, return_index=True, return_inverse=True)
    best: Int64s = first[places]
    return best


def _through(
    left: Int64s, right: Int64s, similarity: npt.NDArray[np.float64], kept: Int64s
) -> tuple[Int64s, npt.NDArray[np.float64]]:
    """Return for each record the one through which it is linked, and their similarity; itself where it stays.

    That is the kept one where the two are linked, and otherwise the most similar one, of equals the better one.
    """
    via, strength = np.arange(len(kept)), np.ones(len(kept))
    here, there = np.concatenate([left, right]), np.concatenate([right, left])
    similarity = np.tile(similarity, 2)
    # The last writer wins.
    order = np.lexsort((-there, similarity, there == kept[here]))
    order = order[here[order] != kept[here[order]]]
    via[here[order]], strength[here[order]] = there[order], similarity[order]
    return via, strength
