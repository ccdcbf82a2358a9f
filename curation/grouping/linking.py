"""Connected components of records that lie in many partitions, in rounds of small rows between them.

    start      equal texts meet by their hashes
    represent  ... and one partition stands for all that have a text
    band       ... and sends the keys of its bands to where equal ones meet; pairs and texts then go the way that those
    ...        of `curation.dedup.linking` go
    verify     the texts of a pair are compared, and similar ones are a key that both records share
    share      what shares a key within a partition is connected there, and becomes one node; each node sends its keys
               to where equal ones meet: texts, documents, groups and pairs of similar texts
    connect    nodes that share a key are connected; what one partition connects is sent on as a forest
    decide     the forests meet in one place and become components

Without near duplicates the rounds begin with `share`. None depends on how the records were cut into partitions, except
that other records are one node: the components are the same.

A text sends 12 bytes to where equal ones meet, a distinct one 8 for each band (16 at a threshold of 0.8), a node 16 for
each key (20 if it is of several records), and each partition 28 for each node that shares a key with another one;
`decide` holds these. Of a billion records of which a tenth is linked beyond its partition, each by two keys, that is
5.6 GB, and 17 GB more while it runs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.model import Dedup
from curation.dedup import linking
from curation.dedup.components import join
from curation.dedup.kernels import hash_folded
from curation.grouping.keys import hold_texts, pair_keys, record_names, shared_keys, texts_at
from curation.ngrams import Int64s, UInt64s, mix

_TO = pa.field("to", pa.uint32())
_SHOWN = pa.schema(
    [_TO, ("left", pa.uint32()), ("right", pa.uint32()), ("home", pa.uint32()), ("query", pa.large_string())]
)
_SIMILAR = pa.schema([_TO, ("key", pa.uint64()), ("text", pa.uint32())])
# A node and what it is named by: a key, the least node that it is connected with, or a record that it stands for. It is
# named by the least of its own records; `size` is their number, and 0 where a row says of what a record is part.
NODES = pa.schema([_TO, ("name", pa.uint64()), ("node", pa.uint64()), ("home", pa.uint32()), ("size", pa.uint32())])


def comparison(threshold: float) -> Dedup:
    """Return how texts are compared: as `curation.dedup.linking` compares queries."""
    return Dedup(by="query", threshold=threshold)


def text_rows(records: pa.Table, *, home: int, partitions: int) -> pa.Table:
    """Send the hash of each distinct text of a partition to where equal ones meet."""
    held = hold_texts(records)
    keys, first = np.unique(held.keys, return_index=True)
    lists: dict[str, npt.NDArray[np.unsignedinteger]] = {"keys": keys, "rows": held.numbers[first].astype(np.uint32)}
    return linking.packed((keys % np.uint64(partitions)).astype(np.uint32), home, lists)


def represent(rows: pa.Table, records: pa.Table, *, home: int) -> pa.Table:  # noqa: ARG001 - the shape of all rounds
    """Choose a partition for each text, and tell it the number of the text there."""
    keys, homes = linking.unpacked(rows, "keys"), linking.senders(rows)
    # The least partition would stand for nearly all.
    order = np.lexsort((mix(keys ^ mix(homes.astype(np.uint64))), keys))
    chosen = order[_begins(keys[order])]
    return linking.packed(homes[chosen], home, {"rows": linking.unpacked(rows, "rows")[chosen]})


def band_rows(rows: pa.Table, records: pa.Table, threshold: float, *, home: int, partitions: int) -> pa.Table:
    """Send the keys of the bands of the texts that a partition stands for to where equal ones meet."""
    numbers = linking.distinct_rows(rows)
    texts = _as_records(texts_at(records, numbers))
    return linking.key_rows(texts, numbers, comparison(threshold), home=home, partitions=partitions)


def describe(rows: pa.Table, records: pa.Table, threshold: float, *, home: int, partitions: int) -> pa.Table:
    """Send each band whose key met another, with the text's sketch."""
    numbers = linking.distinct_rows(rows)
    texts = texts_at(records, numbers)
    names, options = hash_folded(texts), comparison(threshold)
    return linking.describe_rows(rows, _as_records(texts), numbers, names, options, home=home, partitions=partitions)


def show(rows: pa.Table, records: pa.Table, *, home: int) -> pa.Table:
    """Add the right text to each pair."""
    rows = linking.distinct_pairs(rows)
    columns = {
        "to": rows.column("left_home"),
        "left": rows.column("left"),
        "right": rows.column("right"),
        "home": np.full(rows.num_rows, home, dtype=np.uint32),
        "query": texts_at(records, rows.column("right").to_numpy().astype(np.int64)),
    }
    return pa.table(columns, schema=_SHOWN)


def verify(rows: pa.Table, records: pa.Table, threshold: float, *, home: int) -> pa.Table:
    """Compare the texts of each pair exactly, and tell both partitions the key of similar ones."""
    texts = texts_at(records, rows.column("left").to_numpy().astype(np.int64))
    similar = pa.array(linking.similarity_of([texts], [rows.column("query").combine_chunks()]) >= threshold)
    texts, rows = texts.filter(similar), rows.filter(similar)
    keys = pair_keys(hash_folded(texts), hash_folded(rows.column("query").combine_chunks()))
    columns = {
        "to": np.concatenate([np.full(len(keys), home, dtype=np.uint32), rows.column("home").to_numpy()]),
        "key": np.tile(keys, 2),
        "text": np.concatenate([rows.column(side).to_numpy() for side in ("left", "right")]),
    }
    return pa.table(columns, schema=_SIMILAR)


def key_rows(records: pa.Table, *, home: int, partitions: int) -> pa.Table:
    """Do `share` where near duplicates are not looked for."""
    return share(_SIMILAR.empty_table(), records, home=home, partitions=partitions)


def share(rows: pa.Table, records: pa.Table, *, home: int, partitions: int) -> pa.Table:
    """Connect the records of one partition, and send the keys of what is connected to where equal ones meet.

    Args:
        rows: keys of pairs of similar texts, one of which is a text of these records.
        records: rows of the record schema, shape (n,).
        home: number of the partition.
        partitions: how many there are.

    Returns:
        Packed rows of `NODES`. Those that say of which node a record is part stay here.
    """
    keys, at = shared_keys(records)
    keys = np.concatenate([keys, rows.column("key").to_numpy()])
    at = np.concatenate([at, rows.column("text").to_numpy().astype(np.int64) % max(records.num_rows, 1)])
    keys, at = _by_key(keys, at)
    new = _begins(keys)
    names = record_names(records)
    nodes, sizes = _components(names, at, at[_first_of_each(new)])
    own = np.flatnonzero(nodes != names)
    part_of = _node_rows(np.full(len(own), home), names[own], nodes[own], home, np.zeros(len(own)))
    keys, at = keys[new], at[new]
    of_keys = _node_rows(keys % np.uint64(partitions), keys, nodes[at], home, sizes[at])
    return _packed(pa.concat_tables([part_of, of_keys]), home)


def connect(rows: pa.Table, records: pa.Table) -> pa.Table:  # noqa: ARG001 - the shape of all rounds
    """Connect the nodes of each key; send each that is not alone on, under the least name that it is connected with."""
    passed, rows = _parted(_opened(rows))
    keys, order = _by_key(rows.column("name").to_numpy(), np.arange(rows.num_rows))
    new = _begins(keys)
    shared = ~(new & np.append(new[1:], True)[: len(new)])
    rows, new = rows.take(pa.array(order[shared])), new[shared]
    names, first, places = np.unique(rows.column("node").to_numpy(), return_index=True, return_inverse=True)
    nodes, _ = _components(names, places, places[_first_of_each(new)])
    homes, sizes = (rows.column(name).to_numpy()[first] for name in ("home", "size"))
    return pa.concat_tables([passed, _node_rows(np.zeros(len(names)), nodes, names, homes, sizes)])


def decide(rows: pa.Table, records: pa.Table) -> pa.Table:  # noqa: ARG001 - the shape of all rounds
    """Find the components.

    Args:
        rows: of `NODES`: all forests, in one partition, and what says of which node a record is part, in all.
        records: not looked at.

    Returns:
        The latter, and a row for each node of the forests, to its home: named by its component, which has the least
        name of its records, and `size` is the number of its records.
    """
    passed, rows = _parted(rows)
    names, first, places = np.unique(rows.column("node").to_numpy(), return_index=True, return_inverse=True)
    # In order they are looked up five times as fast.
    of, places = _by_key(rows.column("name").to_numpy(), places)
    centres = np.searchsorted(names, of)
    homes, sizes = (rows.column(name).to_numpy()[first] for name in ("home", "size"))
    components, sizes = _components(names, places, centres, sizes)
    return pa.concat_tables([passed, _node_rows(homes, components, names, homes, sizes)])


def _as_records(texts: pa.Array) -> pa.Table:
    return pa.table({"query": texts, "query_language": pa.repeat(pa.scalar(""), len(texts))})


def _parted(rows: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Part the rows that say of which node a record is part from the others."""
    stays = rows.column("size").to_numpy() == 0
    return rows.filter(pa.array(stays)), rows.filter(pa.array(~stays))


def _packed(rows: pa.Table, home: int) -> pa.Table:
    """Pack rows of `NODES`. Nearly all nodes are of one record: that is not said of each."""
    to, single = rows.column("to").to_numpy(), rows.column("size").to_numpy() == 1
    values = {name: rows.column(name).to_numpy() for name in ("name", "node", "size")}
    of_one = {name: values[name][single] for name in ("name", "node")}
    others = {name: items[~single] for name, items in values.items()}
    singles = linking.without_items(linking.packed(to[single], home, of_one), "size", pa.uint32())
    return pa.concat_tables([singles, linking.packed(to[~single], home, others)])


def _opened(rows: pa.Table) -> pa.Table:
    """Return the rows of `NODES` in rows of `_packed`."""
    sized, single = linking.parted(rows, "size")
    rows = pa.concat_tables([sized, single])
    names, sizes = linking.unpacked(rows, "name"), linking.unpacked(sized, "size")
    counts = pc.list_value_length(rows.column("name")).to_numpy()
    to, homes = (np.repeat(rows.column(name).to_numpy(), counts) for name in ("to", "home"))
    sizes = np.append(sizes, np.ones(len(names) - len(sizes), dtype=np.uint32))
    return _node_rows(to, names, linking.unpacked(rows, "node"), homes, sizes)


def _by_key(keys: UInt64s, at: Int64s) -> tuple[UInt64s, Int64s]:
    order = np.argsort(keys, kind="stable")
    return keys[order], at[order]


def _begins(keys: UInt64s) -> np.ndarray:
    return np.append(True, keys[1:] != keys[:-1])[: len(keys)]


def _first_of_each(new: np.ndarray) -> Int64s:
    """Return for each place of an order the one where its run begins."""
    return np.maximum.accumulate(np.where(new, np.arange(len(new)), 0))


def _components(
    names: UInt64s, left: Int64s, right: Int64s, weights: np.ndarray | None = None
) -> tuple[UInt64s, Int64s]:
    """Return the least name of each item's component and the sum of its items' weights, mostly 1, (n,) each."""
    first = join(np.arange(len(names)), left, right)
    least = np.full(len(names), np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(least, first, names)
    return least[first], np.bincount(first, weights, len(names)).astype(np.int64)[first]


def _node_rows(to: np.ndarray, names: UInt64s, nodes: UInt64s, homes: np.ndarray | int, sizes: np.ndarray) -> pa.Table:
    columns = {
        "to": to.astype(np.uint32),
        "name": names,
        "node": nodes,
        "home": np.broadcast_to(homes, len(names)).astype(np.uint32),
        "size": sizes.astype(np.uint32),
    }
    return pa.table(columns, schema=NODES)
