"""Connected components of records that lie in many partitions, in rounds of small rows between them.

    start    texts that may be similar meet by the bands of their sketches: pairs, sketches and texts go the way that
    ...      those of `curation.dedup.linking` go, where each distinct text of a partition stands for its records
    share    each record sends its keys to where equal ones meet: its texts, document and group, and its pairs of
             similar texts
    meet     records that share a key are connected; what one partition connects is sent on as stars
    decide   the stars meet in one place and become components

Without near duplicates the rounds begin with `share`. None depends on how the records were cut into partitions, except
that a star may have another centre: the components are the same.

A band's row takes 36 bytes (16 a distinct text at a threshold of 0.8), a key's 24, a star's 28. Each partition sends at
most a star for each record that shares a key, and `decide` holds them all, with some 170 bytes a star while it runs.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from curation.config.model import Dedup
from curation.dedup import linking
from curation.dedup.components import join
from curation.grouping.keys import Held, hold_texts, pair_keys, record_names, shared_keys
from curation.ngrams import Int64s, UInt64s

_TO = pa.field("to", pa.uint32())
_KEYED = pa.schema([_TO, ("key", pa.uint64()), ("record", pa.uint64()), ("home", pa.uint32())])
_SIFTED = pa.schema(
    [
        _TO,
        ("left", pa.uint64()),
        ("right", pa.uint64()),
        ("record", pa.uint64()),
        ("home", pa.uint32()),
        ("query", pa.large_string()),
    ]
)
_STAR = pa.schema(
    [_TO, ("left", pa.uint64()), ("left_home", pa.uint32()), ("right", pa.uint64()), ("right_home", pa.uint32())]
)
COMPONENTS = pa.schema([_TO, ("record", pa.uint64()), ("component", pa.uint64()), ("size", pa.int64())])


def comparison(threshold: float) -> Dedup:
    """Return how texts are compared: as `curation.dedup.linking` compares queries."""
    return Dedup(by="query", threshold=threshold)


def band_rows(records: pa.Table, threshold: float, *, home: int, partitions: int) -> pa.Table:
    """Send the bands of the sketch of each distinct text to where equal ones meet."""
    texts, _ = _texts(records)
    return linking.band_rows(texts, comparison(threshold), home=home, partitions=partitions)


def attach(rows: pa.Table, records: pa.Table, threshold: float, *, home: int) -> pa.Table:
    """Add the left text's sketch to each pair."""
    return linking.attach(rows, _texts(records)[0], comparison(threshold), home=home)


def sift(rows: pa.Table, records: pa.Table, threshold: float, *, home: int) -> pa.Table:
    """Drop the pairs whose sketches differ too much, and add to the others the right text and a record that has it."""
    texts, _ = _texts(records)
    rows, wanted = linking.worth_comparing(rows, texts, comparison(threshold))
    right = texts.take(wanted)
    columns = {
        "to": rows.column("left_home"),
        "left": rows.column("left"),
        "right": rows.column("right"),
        "record": right.column("record"),
        "home": np.full(rows.num_rows, home, dtype=np.uint32),
        "query": right.column("query"),
    }
    return pa.table(columns, schema=_SIFTED)


def share(rows: pa.Table, records: pa.Table, threshold: float, *, home: int, partitions: int) -> pa.Table:
    """Compare the texts of each pair exactly, and send the keys of both records and of all of this partition."""
    texts, held = _texts(records)
    left, rows, _ = linking.similar_pairs(rows, texts, comparison(threshold))
    keys = pair_keys(rows.column("left").to_numpy(), rows.column("right").to_numpy())
    here = _keyed(keys, left.column("record").to_numpy(), np.full(len(keys), home, dtype=np.uint32), partitions)
    there = _keyed(keys, rows.column("record").to_numpy(), rows.column("home").to_numpy(), partitions)
    return pa.concat_tables([_key_rows(records, held, home=home, partitions=partitions), here, there])


def key_rows(records: pa.Table, *, home: int, partitions: int) -> pa.Table:
    """Send the keys of the records of one partition to where equal ones meet."""
    return _key_rows(records, hold_texts(records), home=home, partitions=partitions)


def meet(rows: pa.Table, records: pa.Table) -> pa.Table:  # noqa: ARG001 - the shape of all rounds
    """Connect the records of each key, and send a star for each one that is not the centre of what is connected."""
    key, record = (rows.column(name).to_numpy() for name in ("key", "record"))
    names, first, places = np.unique(record, return_index=True, return_inverse=True)
    order = np.argsort(key, kind="stable")
    begins = np.append(True, np.diff(key[order]) != 0)[: len(order)]
    centre = places[order][np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))]
    return _stars(names, rows.column("home").to_numpy()[first], centre, places[order])


def decide(rows: pa.Table, records: pa.Table) -> pa.Table:  # noqa: ARG001 - the shape of all rounds
    """Find the components.

    Args:
        rows: all stars.
        records: not looked at.

    Returns:
        Rows of `COMPONENTS`, one for each record that shares a key, to its home: the component, which has the least
        name of its records, and the number of its records.
    """
    both = np.concatenate([rows.column(name).to_numpy() for name in ("left", "right")])
    names, first, places = np.unique(both, return_index=True, return_inverse=True)
    homes = np.concatenate([rows.column(name).to_numpy() for name in ("left_home", "right_home")])[first]
    least = join(np.arange(len(names)), places[: rows.num_rows], places[rows.num_rows :])
    sizes = np.bincount(least, minlength=len(names))[least]
    return pa.table({"to": homes, "record": names, "component": names[least], "size": sizes}, schema=COMPONENTS)


def _texts(records: pa.Table) -> tuple[pa.Table, Held]:
    """Return the distinct texts of a partition as records to compare, and a record that has each."""
    held = hold_texts(records)
    sides = pa.chunked_array(linking.texts_of(records, ("query", "positive")))
    columns = {
        "id": held.folded,
        "query": sides.take(pa.array(held.first)),
        "query_language": pa.repeat(pa.scalar(""), len(held.folded)),
        "record": record_names(records)[held.first % max(records.num_rows, 1)],
    }
    return pa.table(columns).combine_chunks(), held


def _key_rows(records: pa.Table, held: Held, *, home: int, partitions: int) -> pa.Table:
    keys, at = shared_keys(records, held)
    return _keyed(keys, record_names(records)[at], np.full(len(keys), home, dtype=np.uint32), partitions)


def _keyed(keys: UInt64s, records: UInt64s, homes: np.ndarray, partitions: int) -> pa.Table:
    columns = {
        "to": (keys % np.uint64(partitions)).astype(np.uint32),
        "key": keys,
        "record": records,
        "home": homes,
    }
    return pa.table(columns, schema=_KEYED)


def _stars(names: UInt64s, homes: np.ndarray, left: Int64s, right: Int64s) -> pa.Table:
    least = join(np.arange(len(names)), left, right)
    others = np.flatnonzero(least != np.arange(len(least)))
    centres = least[others]
    columns = {
        "to": np.zeros(len(others), dtype=np.uint32),
        "left": names[centres],
        "left_home": homes[centres],
        "right": names[others],
        "right_home": homes[others],
    }
    return pa.table(columns, schema=_STAR)
