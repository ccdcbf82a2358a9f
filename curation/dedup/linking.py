"""Near duplicates among records that lie in many partitions, in rounds of small rows.

    band rows   each record sends the keys of its bands to where equal ones meet
    meet        keys that met another go back to their records: most never did
    describe    ... which send a row for each of these bands, with their sketch
    pair_up     records that share a band and have like sketches become pairs; a pair goes to its right record
    show        ... which adds its texts, and sends it to the left record
    ...         ... where `curation.dedup.verdicts` goes on from

Texts and sketches move only for what is likely to be similar. Each round is a function of the set of rows that it gets;
none depends on how the records were cut into partitions. A record is known by its partition and its number there.

A key takes 8 bytes, so a record sends 128 at a threshold of 0.8.

All rows have the column `to`, the partition that they are for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.model import Dedup
from curation.dedup.bands import SKETCH_SIZE, choose_bands, least_agreement
from curation.dedup.candidates import ORDERS, SMALL, nearest_following
from curation.dedup.columns import byte_lengths
from curation.dedup.kernels import jaccard, kernels, sketch
from curation.dedup.sketches import Sketches, UInt8s, UInt32s
from curation.hashing import hash64
from curation.ngrams import Int64s, UInt64s, mix

By = Literal["pair", "query", "positive"]
SIDES: Mapping[By, tuple[str, ...]] = {
    "pair": ("query", "positive"),
    "query": ("query",),
    "positive": ("positive",),
}
CLUSTER_SIZE = "cluster_size"

_HALF = np.uint64(32)

_TO = pa.field("to", pa.uint32())
_BAND = pa.schema(
    [
        _TO,
        ("bucket", pa.uint64()),
        ("ref", pa.uint64()),
        ("home", pa.uint32()),
        ("row", pa.uint32()),
        ("band", pa.uint8()),
        ("sketch", pa.binary(SKETCH_SIZE)),
    ]
)
_PAIR = pa.schema([_TO, ("left_home", pa.uint32()), ("left", pa.uint32()), ("right", pa.uint32())])
_SHOWN = pa.schema(
    [
        _TO,
        ("left", pa.uint32()),
        ("home", pa.uint32()),
        ("right", pa.uint32()),
        ("group", pa.uint64()),
        ("query", pa.large_string()),
        ("positive", pa.large_string()),
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
    """

    sketches: Sketches
    buckets: UInt64s

    @property
    def stretches(self) -> UInt64s:
        """Eight values of each sketch for each band, uint64 (bands, n): see `_stretches`."""
        return np.stack([_stretches(self.sketches.values, band) for band in range(len(self.buckets))])


def band(records: pa.Table, options: Dedup) -> Banded:
    """Sketch the compared sides of records, and cut the sketches into bands."""
    sketches = sketch(texts_of(records, SIDES[options.by]), choose_bands(options.threshold))
    languages = near_keys(records, options).dictionary_encode()
    names = hash64(languages.dictionary.to_pylist())[languages.indices.to_numpy()]
    bands = np.arange(len(sketches.keys))
    buckets = mix(names ^ (bands.astype(np.uint64)[:, None] << np.uint64(32) | sketches.keys))
    return Banded(sketches, buckets)


def band_rows(records: pa.Table, options: Dedup, *, home: int, partitions: int) -> pa.Table:
    """Sketch the records of one partition, and send the keys of their bands to where equal ones meet.

    Args:
        records: rows of the record schema, shape (n,).
        options: the config's `dedup` section.
        home: number of the partition.
        partitions: how many there are.

    Returns:
        A row for each partition, with a key for each band of each record that has any text.
    """
    filled = np.flatnonzero(byte_lengths(texts_of(records, SIDES[options.by])) > 0)
    return key_rows(_compared(records, filled, options), filled, options, home=home, partitions=partitions)


def key_rows(records: pa.Table, rows: Int64s, options: Dedup, *, home: int, partitions: int) -> pa.Table:
    """Send the keys of records that are known by the numbers `rows`, int64 (n,); see `band_rows`."""
    buckets = band(records, options).buckets
    numbers = np.tile(rows.astype(np.uint32), len(buckets))
    buckets = buckets.ravel()
    return packed(_meeting(buckets, partitions), home, {"keys": _key(buckets), "rows": numbers})


def meet(rows: pa.Table, records: pa.Table, *, home: int) -> pa.Table:  # noqa: ARG001 - the shape of all rounds
    """Send back the keys that came more than once, with the numbers of their records.

    Keys have 32 bits: of sixteen million that meet, one in 256 finds company by chance.
    """
    keys = unpacked(rows, "keys")
    company = np.flatnonzero(_has_company(keys))
    lists = {"keys": keys[company], "rows": unpacked(rows, "rows")[company]}
    return packed(senders(rows)[company], home, lists)


def describe(rows: pa.Table, records: pa.Table, options: Dedup, *, home: int, partitions: int) -> pa.Table:
    """Send each band whose key met another, with the record's sketch."""
    numbers = distinct_rows(rows)
    refs = _refs(records.select(["id"]).take(pa.array(numbers)))
    records = _compared(records, numbers, options)
    return describe_rows(rows, records, numbers, refs, options, home=home, partitions=partitions)


def distinct_rows(rows: pa.Table) -> Int64s:
    """Return the numbers of the records that rows of `meet` name, int64 (m,), rising."""
    ordered = np.sort(unpacked(rows, "rows"))
    distinct: Int64s = ordered[np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]].astype(np.int64)
    return distinct


def describe_rows(
    rows: pa.Table, records: pa.Table, numbers: Int64s, refs: UInt64s, options: Dedup, *, home: int, partitions: int
) -> pa.Table:
    """Describe records.

    Args:
        rows: those of `meet`.
        records: the records that they name, shape (m,).
        numbers: theirs, int64 (m,), rising.
        refs: names, uint64 (m,), the same however the records are cut into partitions.
        options: the config's `dedup` section.
        home: number of the partition.
        partitions: how many there are.
    """
    banded = band(records, options)
    places = np.searchsorted(numbers, unpacked(rows, "rows").astype(np.int64))
    bands, at = np.nonzero(_key(banded.buckets)[:, places] == unpacked(rows, "keys"))
    places = places[at]
    buckets = banded.buckets[bands, places]
    columns = {
        "to": _meeting(buckets, partitions),
        "bucket": buckets,
        "ref": refs[places],
        "home": np.full(len(places), home, dtype=np.uint32),
        "row": numbers[places].astype(np.uint32),
        "band": bands.astype(np.uint8),
        "sketch": _sketch_column(banded.sketches.values[places]),
    }
    return pa.table(columns, schema=_BAND)


def pair_up(rows: pa.Table, records: pa.Table, options: Dedup) -> pa.Table:  # noqa: ARG001 - the shape of all rounds
    """Pair the records of each bucket: all of a small one, of a crowd the nearest; see `curation.dedup.candidates`.

    Pairs whose sketches differ too much are dropped. Of records with one name the one of the first partition counts, so
    that no bucket grows by how records were cut.
    """
    bucket, ref, home, row = (rows.column(name).to_numpy() for name in ("bucket", "ref", "home", "row"))
    order = np.lexsort((row, home, ref, bucket))
    order = order[np.append(True, (np.diff(bucket[order]) != 0) | (np.diff(ref[order]) != 0))[: len(order)]]
    bucket, ref, home, row = (values[order] for values in (bucket, ref, home, row))
    values = _sketch_values(rows.column("sketch"))[order]
    bounds = np.flatnonzero(np.concatenate([[True], bucket[1:] != bucket[:-1], [True]]))
    sizes = np.repeat(np.diff(bounds), np.diff(bounds))
    small = np.flatnonzero((sizes > 1) & (sizes <= SMALL))
    crowd = np.flatnonzero(sizes > SMALL)
    found = [_pairs_within(small, bucket)]
    if len(crowd):
        bands = rows.column("band").to_numpy()[order].astype(np.int64)
        stretch = _stretches(values, bands)
        found.append(_pairs_of_crowds(crowd, bucket, stretch))
    one, other = (np.concatenate(ends) for ends in zip(*found, strict=True))
    alike = kernels().agreement(values, one, other) >= least_agreement(options.threshold)
    one, other = one[alike], other[alike]
    swap = ref[one] > ref[other]
    left, right = np.where(swap, other, one), np.where(swap, one, other)
    columns = {"to": home[right], "left_home": home[left], "left": row[left], "right": row[right]}
    return distinct_pairs(pa.table(columns, schema=_PAIR))


def show(rows: pa.Table, records: pa.Table, options: Dedup, *, home: int) -> pa.Table:
    """Add the right record to each pair, with the number of its group where groups may merge."""
    rows = distinct_pairs(rows)
    wanted = records.take(rows.column("right").cast(pa.int64()))
    columns = {
        "to": rows.column("left_home"),
        "left": rows.column("left"),
        "home": np.full(rows.num_rows, home, dtype=np.uint32),
        "right": rows.column("right"),
        "group": group_names(wanted) if options.by == "query" else np.zeros(rows.num_rows, dtype=np.uint64),
    }
    texts = {side: wanted.column(side).cast(pa.large_string()) for side in ("query", "positive")}
    return pa.table(columns | texts, schema=_SHOWN)


def group_names(records: pa.Table) -> UInt64s:
    """Return the number of each record's group, uint64 (n,)."""
    encoded = records.column("group").combine_chunks().dictionary_encode()
    names: UInt64s = hash64(encoded.dictionary)[encoded.indices.to_numpy()]
    return names


def texts_of(records: pa.Table, sides: Sequence[str]) -> list[pa.Array]:
    """Return some sides of records, Arrow `large_string` (n,) each."""
    return [records.column(side).cast(pa.large_string()).combine_chunks() for side in sides]


def similarity_of(left: Sequence[pa.Array], right: Sequence[pa.Array]) -> npt.NDArray[np.float64]:
    """Return how similar documents are to others, float64 (n,); each side is Arrow `large_string` (n,)."""
    texts = [pa.concat_arrays(pair) for pair in zip(left, right, strict=True)]
    numbers = np.arange(len(left[0]))
    return jaccard(texts, numbers, numbers + len(numbers))


def _refs(records: pa.Table) -> UInt64s:
    """Return a short name of each record, uint64 (n,). Two records with one name are not compared, and no more."""
    return hash64(records.column("id"))


def _compared(records: pa.Table, rows: Int64s, options: Dedup) -> pa.Table:
    """Return what is compared of some records."""
    names = [name for side in SIDES[options.by] for name in (side, f"{side}_language")]
    records = records.select(names)
    return records if len(rows) == records.num_rows else records.take(pa.array(rows))


def _meeting(buckets: UInt64s, partitions: int) -> UInt32s:
    return (buckets % np.uint64(partitions)).astype(np.uint32)


def _key(buckets: UInt64s) -> UInt32s:
    return (buckets >> _HALF).astype(np.uint32)


def packed(to: UInt32s, home: int, lists: Mapping[str, npt.NDArray[Any]]) -> pa.Table:
    """Put everything that goes to one partition into one row: `to`, `home`, and a list of each kind of item."""
    greatest = to.max(initial=0)
    if greatest:
        # Numbers of 16 bits are put in order without comparing them.
        order = np.argsort(to.astype(np.uint16 if greatest < 1 << 16 else np.uint32), kind="stable")
        to, lists = to[order], {name: items[order] for name, items in lists.items()}
    begins = np.flatnonzero(np.append(True, to[1:] != to[:-1])[: len(to)])
    offsets = pa.array(np.append(begins, len(to)), pa.int64())
    columns = {name: pa.LargeListArray.from_arrays(offsets, pa.array(items)) for name, items in lists.items()}
    return pa.table({"to": to[begins], "home": np.full(len(begins), home, dtype=np.uint32), **columns})


def unpacked(rows: pa.Table, name: str) -> npt.NDArray[Any]:
    """Return all items of one kind of rows of `packed`."""
    items: npt.NDArray[Any] = pc.list_flatten(rows.column(name)).to_numpy()
    return items


def without_items(rows: pa.Table, name: str, kind: pa.DataType) -> pa.Table:
    """Add to rows of `packed` a kind of item that none of them has."""
    bounds = pa.array(np.zeros(rows.num_rows + 1, dtype=np.int64))
    return rows.append_column(name, pa.LargeListArray.from_arrays(bounds, pa.array([], kind)))


def parted(rows: pa.Table, name: str) -> tuple[pa.Table, pa.Table]:
    """Part rows of `packed` that have a kind of item from those of `without_items`."""
    has = pc.greater(pc.list_value_length(rows.column(name)), 0)
    return rows.filter(has), rows.filter(pc.invert(has))


def senders(rows: pa.Table) -> UInt32s:
    """Return the partition that sent each item of rows of `packed`."""
    return np.repeat(rows.column("home").to_numpy(), pc.list_value_length(rows.column("rows")).to_numpy())


def _has_company(keys: UInt32s) -> npt.NDArray[np.bool_]:
    """Say which keys are there more than once: few are, and only they need be looked up."""
    ordered = np.sort(keys)
    shared = ordered[1:][ordered[1:] == ordered[:-1]]
    table = np.zeros(1 << 24, dtype=np.bool_)
    table[shared >> np.uint32(8)] = True
    company: npt.NDArray[np.bool_] = table[keys >> np.uint32(8)]
    likely = np.flatnonzero(company)
    places = np.minimum(np.searchsorted(shared, keys[likely]), len(shared) - 1)
    company[likely] = shared[places] == keys[likely]
    return company


def _sketch_column(values: UInt8s) -> pa.Array:
    data = pa.py_buffer(np.ascontiguousarray(values))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(SKETCH_SIZE), len(values), [None, data])


def _sketch_values(column: pa.ChunkedArray) -> UInt8s:
    array = column.combine_chunks()
    data = np.frombuffer(array.buffers()[1] or b"", dtype=np.uint8)
    return data.reshape(-1, SKETCH_SIZE)[array.offset :][: len(array)]


def _stretches(values: UInt8s, bands: Int64s | int) -> UInt64s:
    """Return eight values of each sketch, uint64 (n,): outside of most of the band, and near where records are."""
    words = values.view(">u8").astype(np.uint64)
    stretches: UInt64s = words[np.arange(len(words)), (bands + 1) % words.shape[1]]
    return stretches


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


def distinct_pairs(rows: pa.Table) -> pa.Table:
    """Return each pair once: those of two records that share many bands come from many places."""
    left, right, home = (rows.column(name).to_numpy() for name in ("left", "right", "left_home"))
    order = np.lexsort((rows.column("to").to_numpy(), right, left, home))
    new = np.arange(len(order)) == 0
    for name in ("left_home", "left", "right", "to"):
        values = rows.column(name).to_numpy()[order]
        new[1:] |= values[1:] != values[:-1]
    return rows.take(pa.array(order[new]))


def cluster_sizes(records: pa.Table) -> pa.Array | pa.ChunkedArray:
    """Return how many records each one stands for, int32 (n,)."""
    if CLUSTER_SIZE in records.column_names:
        return records.column(CLUSTER_SIZE)
    return pa.array(np.ones(records.num_rows, dtype=np.int32))
