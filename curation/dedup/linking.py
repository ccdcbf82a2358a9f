"""Near duplicates among records that lie in many partitions, in rounds of small rows.

    band rows   each record sends a row for each band of its sketch to where the equal bands meet
    pair_up     records that share a band become pairs; a pair goes to its left record
    attach      ... which adds its sketch, and sends the pair to its right record
    sift        ... which drops the pair if too little of the sketches agrees, adds its texts, and sends it back
    verify      ... to the left record, where both texts are compared exactly
    decide      the links meet in one place, where each cluster chooses the record that stays

Texts move only for pairs whose sketches agree. Each round is a function of the set of rows that it gets; none depends
on how the records were cut into partitions. The last one holds all links, some 300 bytes each.

All rows have the column `to`, the partition that they are for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.model import Dedup
from curation.dedup.bands import SKETCH_SIZE, choose_bands, least_agreement
from curation.dedup.candidates import ORDERS, SMALL, nearest_following
from curation.dedup.columns import byte_lengths
from curation.dedup.components import join
from curation.dedup.kernels import jaccard, kernels, sketch
from curation.dedup.preference import preference_ranks
from curation.dedup.sketches import Sketches
from curation.hashing import hash64
from curation.ngrams import Int64s, UInt64s, mix

By = Literal["pair", "query", "positive"]
SIDES: Mapping[By, tuple[str, ...]] = {
    "pair": ("query", "positive"),
    "query": ("query",),
    "positive": ("positive",),
}
CLUSTER_SIZE = "cluster_size"

_TO = pa.field("to", pa.uint32())
_BAND = pa.schema([_TO, ("bucket", pa.uint64()), ("ref", pa.uint64()), ("home", pa.uint32()), ("stretch", pa.uint64())])
_PAIR = pa.schema([_TO, ("left", pa.uint64()), ("right", pa.uint64()), ("right_home", pa.uint32())])
_SKETCHED = pa.schema(
    [
        _TO,
        ("left", pa.uint64()),
        ("right", pa.uint64()),
        ("left_home", pa.uint32()),
        ("sketch", pa.binary(SKETCH_SIZE)),
    ]
)
_MEMBER = {
    "id": pa.string(),
    "rank": pa.binary(),
    "home": pa.uint32(),
    "group": pa.string(),
    "size": pa.int32(),
}
_LEFT, _RIGHT = ([(f"{side}_{name}", kind) for name, kind in _MEMBER.items()] for side in ("left", "right"))
_SIFTED = pa.schema(
    [_TO, ("left", pa.uint64()), *_RIGHT, ("query", pa.large_string()), ("positive", pa.large_string())]
)
_LINK = pa.schema([_TO, *_LEFT, *_RIGHT, ("similarity", pa.float64()), ("merges", pa.bool_())])
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


def near_keys(records: pa.Table, options: Dedup) -> pa.Array:
    """Return what must be equal for two records to be compared, strings (n,): the languages of their compared texts."""
    languages = [records.column(f"{side}_language").combine_chunks() for side in SIDES[options.by]]
    return pc.binary_join_element_wise(*languages, " ")


@dataclass(frozen=True, slots=True)
class Banded:
    """Sketched records, and where their bands meet equal ones of the same languages.

    Attributes:
        sketches: of n records.
        buckets: uint64 (bands, n).
        stretches: uint64 (bands, n), eight sketch values outside of most of the band: near where records are.
    """

    sketches: Sketches
    buckets: UInt64s
    stretches: UInt64s


def band(records: pa.Table, options: Dedup) -> Banded:
    """Sketch the compared sides of records, and cut the sketches into bands."""
    sketches = sketch(texts_of(records, SIDES[options.by]), choose_bands(options.threshold))
    languages = near_keys(records, options).dictionary_encode()
    names = hash64(languages.dictionary.to_pylist())[languages.indices.to_numpy()]
    bands = np.arange(len(sketches.keys))
    words = sketches.values.view(">u8").astype(np.uint64)
    buckets = mix(names ^ (bands.astype(np.uint64)[:, None] << np.uint64(32) | sketches.keys))
    return Banded(sketches, buckets, words[:, (bands + 1) % words.shape[1]].T)


def band_rows(records: pa.Table, options: Dedup, *, home: int, partitions: int) -> pa.Table:
    """Sketch the records of one partition.

    Args:
        records: rows of the record schema, shape (n,).
        options: the config's `dedup` section.
        home: number of the partition.
        partitions: how many there are.

    Returns:
        Rows of 32 bytes, one for each band of each record that has any text.
    """
    records = records.filter(pa.array(byte_lengths(texts_of(records, SIDES[options.by])) > 0))
    banded = band(records, options)
    bands, count = banded.buckets.shape
    buckets = banded.buckets.ravel()
    columns = {
        "to": (buckets % np.uint64(partitions)).astype(np.uint32),
        "bucket": buckets,
        "ref": np.tile(_refs(records), bands),
        "home": np.full(count * bands, home, dtype=np.uint32),
        "stretch": banded.stretches.ravel(),
    }
    return pa.table(columns, schema=_BAND)


def pair_up(rows: pa.Table, records: pa.Table) -> pa.Table:  # noqa: ARG001 - the shape of all rounds
    """Pair the records of each bucket: all of a small one, of a crowd the nearest; see `curation.dedup.candidates`.

    Of records with one name the one of the first partition counts, so that no bucket grows by how records were cut.
    """
    rows = rows.filter(pa.array(_has_company(rows.column("bucket").to_numpy())))
    bucket, ref, home = (rows.column(name).to_numpy() for name in ("bucket", "ref", "home"))
    order = np.lexsort((home, ref, bucket))
    order = order[np.append(True, (np.diff(bucket[order]) != 0) | (np.diff(ref[order]) != 0))[: len(order)]]
    bucket, ref, home = bucket[order], ref[order], home[order]
    bounds = np.flatnonzero(np.concatenate([[True], bucket[1:] != bucket[:-1], [True]]))
    sizes = np.repeat(np.diff(bounds), np.diff(bounds))
    small = np.flatnonzero((sizes > 1) & (sizes <= SMALL))
    crowd = np.flatnonzero(sizes > SMALL)
    found = [_pairs_within(small, bucket)]
    if len(crowd):
        stretch = rows.column("stretch").to_numpy()[order]
        found.append(_pairs_of_crowds(crowd, bucket, stretch))
    one, other = (np.concatenate(ends) for ends in zip(*found, strict=True))
    swap = ref[one] > ref[other]
    left, right = np.where(swap, other, one), np.where(swap, one, other)
    columns = {"to": home[left], "left": ref[left], "right": ref[right], "right_home": home[right]}
    return _distinct_pairs(pa.table(columns, schema=_PAIR))


def attach(rows: pa.Table, records: pa.Table, options: Dedup, *, home: int) -> pa.Table:
    """Add the left record's sketch to each pair."""
    rows = _distinct_pairs(rows)
    places, values = _sketched(rows, "left", records, options)
    columns = {
        "to": rows.column("right_home"),
        "left": rows.column("left"),
        "right": rows.column("right"),
        "left_home": np.full(rows.num_rows, home, dtype=np.uint32),
        "sketch": pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(SKETCH_SIZE), rows.num_rows, [None, pa.py_buffer(np.ascontiguousarray(values[places]))]
        ),
    }
    return pa.table(columns, schema=_SKETCHED)


def sift(rows: pa.Table, records: pa.Table, options: Dedup, *, home: int, trust: Mapping[str, int]) -> pa.Table:
    """Drop the pairs whose sketches differ too much, and add the right record to the others."""
    rows, wanted = worth_comparing(rows, records, options)
    right = _members(records.take(wanted), options, trust, home)
    texts = {side: records.column(side).take(wanted).cast(pa.large_string()) for side in ("query", "positive")}
    columns = {"to": rows.column("left_home"), "left": rows.column("left")}
    columns |= {f"right_{name}": values for name, values in right.items()}
    return pa.table(columns | texts, schema=_SIFTED)


def verify(rows: pa.Table, records: pa.Table, options: Dedup, *, home: int, trust: Mapping[str, int]) -> pa.Table:
    """Compare the texts of each pair exactly, and keep the pairs at or above the threshold.

    A link merges its records, unless only queries were compared and the positives differ: then it only puts the
    records into one group.
    """
    left, rows, similarity = similar_pairs(rows, records, options)
    merges = np.ones(len(similarity), dtype=bool)
    if options.by == "query":
        merges = _similarity(left, rows, ("positive",)) >= options.threshold
    columns = {"to": np.zeros(len(similarity), dtype=np.uint32)}
    columns |= {f"left_{name}": values for name, values in _members(left, options, trust, home).items()}
    columns |= {f"right_{name}": rows.column(f"right_{name}") for name in _MEMBER}
    return pa.table(columns | {"similarity": similarity, "merges": merges}, schema=_LINK)


def worth_comparing(rows: pa.Table, records: pa.Table, options: Dedup) -> tuple[pa.Table, pa.Array]:
    """Drop the pairs whose sketches differ too much; return the others, and the place of each one's right record."""
    places, values = _sketched(rows, "right", records, options)
    column = rows.column("sketch").combine_chunks()
    theirs = np.frombuffer(column.buffers()[1], dtype=np.uint8).reshape(-1, SKETCH_SIZE)[column.offset :][: len(column)]
    both = np.concatenate([theirs, values])
    left = np.arange(rows.num_rows)
    agreeing = kernels().agreement(both, left, places + rows.num_rows)
    rows = rows.filter(pa.array(agreeing >= least_agreement(options.threshold)))
    return rows, _rows_of(records, "right", rows)


def similar_pairs(
    rows: pa.Table, records: pa.Table, options: Dedup
) -> tuple[pa.Table, pa.Table, npt.NDArray[np.float64]]:
    """Compare the texts of pairs exactly; return the left records, rows and similarities of those that are similar.

    Args:
        rows: pairs with `left` and the texts of the right records, in any order.
        records: those of this partition, the left ones among them.
        options: the config's `dedup` section.
    """
    wanted = _rows_of(records, "left", rows)
    order = pa.array(np.argsort(wanted.to_numpy(), kind="stable"))
    rows, wanted = rows.take(order), wanted.take(order)
    left = records.take(wanted)
    similarity = _similarity(left, rows, SIDES[options.by])
    linked = pa.array(similarity >= options.threshold)
    return left.filter(linked), rows.filter(linked), similarity[similarity >= options.threshold]


def decide(rows: pa.Table, records: pa.Table, options: Dedup, *, partitions: int) -> pa.Table:  # noqa: ARG001 - as all rounds
    """Choose the record that stays in each cluster, and one group for what shares a query.

    Args:
        rows: all links.
        records: not looked at.
        options: the config's `dedup` section.
        partitions: how many there are.

    Returns:
        Rows of `VERDICTS` of two kinds. One for each linked record, with its `id`: where `kept` is another record's
        id, the record is merged into that one; `via` is the record through which it is linked to it, and `similarity`
        theirs. Where it is its own, the record stays, for `size` records. And one for each group that becomes part of
        another, to every partition: all records of `group`, linked or not, are then in `new_group`.
    """
    members, left, right = _nodes(rows)
    merges = rows.column("merges").to_numpy(zero_copy_only=False)
    count = members.num_rows
    kept = join(np.arange(count), left[merges], right[merges])
    via, similarity = _through(left[merges], right[merges], rows.column("similarity").to_numpy()[merges], kept)
    sizes = np.zeros(count, dtype=np.int32)
    np.add.at(sizes, kept, members.column("size").to_numpy())
    ids = members.column("id")
    columns = {
        "to": members.column("home"),
        "id": ids,
        "kept": ids.take(pa.array(kept)),
        "via": ids.take(pa.array(via)),
        "similarity": similarity,
        "size": sizes[kept],
        "group": pa.nulls(count, pa.string()),
        "new_group": pa.nulls(count, pa.string()),
    }
    verdicts = pa.table(columns, schema=VERDICTS)
    if options.by != "query":
        return verdicts
    return pa.concat_tables([verdicts, _merged_groups(members, left, right, partitions)])


def _merged_groups(members: pa.Table, left: Int64s, right: Int64s, partitions: int) -> pa.Table:
    """Say which group the groups of linked records become: that of the best of them."""
    encoded = members.column("group").combine_chunks().dictionary_encode()
    # The members come best first, and so do the groups.
    group = encoded.indices.to_numpy().astype(np.int64)
    first = join(np.arange(len(encoded.dictionary)), group[left], group[right])
    changed = np.flatnonzero(first != np.arange(len(first)))
    nothing = pa.nulls(len(changed) * partitions, pa.null())
    columns = {name: nothing.cast(VERDICTS.field(name).type) for name in VERDICTS.names}
    columns |= {
        "to": np.repeat(np.arange(partitions, dtype=np.uint32), len(changed)),
        "group": encoded.dictionary.take(pa.array(np.tile(changed, partitions))),
        "new_group": encoded.dictionary.take(pa.array(np.tile(first[changed], partitions))),
    }
    return pa.table(columns, schema=VERDICTS)


def texts_of(records: pa.Table, sides: Sequence[str]) -> list[pa.Array]:
    """Return some sides of records, Arrow `large_string` (n,) each."""
    return [records.column(side).cast(pa.large_string()).combine_chunks() for side in sides]


def _refs(records: pa.Table) -> UInt64s:
    """Return a short name of each record, uint64 (n,). Two records with one name are not compared, and no more."""
    return hash64(records.column("id"))


def _has_company(bucket: UInt64s) -> npt.NDArray[np.bool_]:
    """Say which rows share their bucket with another: few do, and only they need be put in order."""
    order = np.argsort(bucket)
    same = np.diff(bucket[order]) == 0
    company = np.zeros(len(bucket), dtype=bool)
    company[order[1:][same]] = True
    company[order[:-1][same]] = True
    return company


def _pairs_within(at: Int64s, bucket: UInt64s) -> tuple[Int64s, Int64s]:
    left, right = [at[:0]], [at[:0]]
    mine = bucket[at]
    for distance in range(1, SMALL):
        same = mine[distance:] == mine[:-distance]
        left.append(at[:-distance][same])
        right.append(at[distance:][same])
    return np.concatenate(left), np.concatenate(right)


def _pairs_of_crowds(at: Int64s, bucket: UInt64s, stretch: UInt64s) -> tuple[Int64s, Int64s]:
    left, right = [at[:0]], [at[:0]]
    words = stretch[at]
    for turn in range(ORDERS):
        order = np.lexsort((at, turned(words, turn), bucket[at]))
        values = words[order].view(np.uint8).reshape(-1, 8)
        here, there = nearest_following(bucket[at][order], partial(_agreeing, values), 0)
        left.append(at[order][here])
        right.append(at[order][there])
    return np.concatenate(left), np.concatenate(right)


def _agreeing(values: npt.NDArray[np.uint8], here: Int64s, there: Int64s) -> Int64s:
    counts: Int64s = (values[here] == values[there]).sum(axis=1)
    return counts


def turned(stretches: UInt64s, turn: int) -> UInt64s:
    """Return stretches of sketches with another of their values in front, for the order number `turn` of a crowd."""
    shift = np.uint64(64 * turn // ORDERS)
    return stretches << shift | stretches >> ((np.uint64(64) - shift) % np.uint64(64))


def _distinct_pairs(rows: pa.Table) -> pa.Table:
    left, right = (rows.column(name).to_numpy() for name in ("left", "right"))
    order = np.lexsort((right, left))
    new = np.ones(len(order), dtype=bool)
    new[1:] = (left[order][1:] != left[order][:-1]) | (right[order][1:] != right[order][:-1])
    new &= left[order] != right[order]
    return rows.take(pa.array(order[new]))


def _sketched(rows: pa.Table, side: str, records: pa.Table, options: Dedup) -> tuple[Int64s, npt.NDArray[np.uint8]]:
    """Sketch the left or right records that rows name; return the place of each row's sketch, and the sketches."""
    needed, places = np.unique(_rows_of(records, side, rows).to_numpy(), return_inverse=True)
    sides = texts_of(records.take(pa.array(needed)), SIDES[options.by])
    return places.astype(np.int64), sketch(sides, choose_bands(options.threshold)).values


def _rows_of(records: pa.Table, side: str, rows: pa.Table) -> pa.Array:
    """Return the place of each row's left or right record among the records, int64."""
    refs = _refs(records)
    order = np.argsort(refs, kind="stable")
    return pa.array(order[np.searchsorted(refs[order], rows.column(side).to_numpy())], pa.int64())


def _members(
    records: pa.Table, options: Dedup, trust: Mapping[str, int], home: int
) -> dict[str, pa.ChunkedArray | pa.Array]:
    count = records.num_rows
    return {
        "id": records.column("id"),
        "rank": preference_ranks(records, options.prefer, trust),
        "home": pa.array(np.full(count, home, dtype=np.uint32)),
        "group": records.column("group"),
        "size": cluster_sizes(records),
    }


def cluster_sizes(records: pa.Table) -> pa.Array | pa.ChunkedArray:
    """Return how many records each one stands for, int32 (n,)."""
    if CLUSTER_SIZE in records.column_names:
        return records.column(CLUSTER_SIZE)
    return pa.array(np.ones(records.num_rows, dtype=np.int32))


def _similarity(left: pa.Table, right: pa.Table, sides: Sequence[str]) -> npt.NDArray[np.float64]:
    texts = [pa.concat_arrays(pair) for pair in zip(texts_of(left, sides), texts_of(right, sides), strict=True)]
    numbers = np.arange(left.num_rows)
    return jaccard(texts, numbers, numbers + left.num_rows)


def _nodes(links: pa.Table) -> tuple[pa.Table, Int64s, Int64s]:
    """Return the linked records by rank, and the places of both ends of each link among them."""
    sides = [pa.table({name: links.column(f"{side}_{name}") for name in _MEMBER}) for side in ("left", "right")]
    both = pa.concat_tables(sides)
    order = pc.sort_indices(both, [("rank", "ascending")])
    ranks = both.column("rank").take(order).combine_chunks()
    new = np.ones(len(ranks), dtype=bool)
    new[1:] = pc.not_equal(ranks[1:], ranks[:-1]).to_numpy(zero_copy_only=False)
    place = np.empty(len(ranks), dtype=np.int64)
    place[order.to_numpy()] = np.cumsum(new) - 1
    members = both.take(order.filter(pa.array(new)))
    return members, place[: links.num_rows], place[links.num_rows :]


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
