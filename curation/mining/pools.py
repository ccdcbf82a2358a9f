"""Which records seek among each other's passages, and how a pool that is too large for one worker is divided.

A pool is divided by connected groups of records, at random: a query and everything that is known to answer it stay
together, and its negatives come from a sample of the pool.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.mining import Mining
from curation.hashing import hash64
from curation.mining.pool import column
from curation.mining.scopes import routing_column

POOLS_SCHEMA = pa.schema(
    [
        pa.field("pool", pa.string(), nullable=False),
        pa.field("parts", pa.int64(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
    ]
)


def plan_pools(counts: pa.Table, options: Mining) -> pa.Table:
    """Return the pools, each as often as it has parts; a table of `POOLS_SCHEMA`, sorted by `pool`.

    Args:
        counts: a table of `curation.quota.counts.COUNTS_SCHEMA`.
        options: the config's `mining` section.
    """
    name = routing_column(options)
    keys = counts[name] if name is not None else pa.repeat(pa.scalar(""), counts.num_rows)
    sums = pa.table({"pool": keys, "rows": counts["rows"]}).group_by("pool").aggregate([("rows", "sum")])
    sums = sums.sort_by("pool")
    rows = sums["rows_sum"].to_numpy()
    parts = np.maximum(-(-rows // options.max_pool_rows), 1)
    place = np.repeat(np.arange(len(rows)), parts)
    columns = [sums["pool"].combine_chunks().take(pa.array(place)), parts[place], -(-rows // parts)[place]]
    return pa.table(columns, schema=POOLS_SCHEMA)


def pools_of(records: pa.Table, pools: pa.Table | None, options: Mining) -> npt.NDArray[np.int64]:
    """Return the number of each record's pool, int64 (n,).

    Args:
        records: rows with the columns of the record schema and `component`, shape (n,).
        pools: a table of `plan_pools`, whose rows the numbers are of; None where no pool is divided, and the numbers
            only tell pools apart.
        options: the config's `mining` section.
    """
    name = routing_column(options)
    keys = column(records, name) if name is not None else pa.repeat(pa.scalar(""), records.num_rows)
    if pools is None:
        codes: npt.NDArray[np.int64] = keys.dictionary_encode().indices.to_numpy().astype(np.int64)
        return codes
    first: npt.NDArray[np.int64] = pc.index_in(keys, pools["pool"].combine_chunks()).to_numpy().astype(np.int64)
    parts = pools["parts"].to_numpy()[first]
    divided = np.flatnonzero(parts > 1)
    drawn = hash64(column(records, "component").take(pa.array(divided)).to_pylist()) % parts[divided].astype(np.uint64)
    first[divided] += drawn.astype(np.int64)
    return first
