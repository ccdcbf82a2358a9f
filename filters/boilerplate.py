"""Boilerplate: positives that a source gives to so many different queries that they can answer none of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.model import Boilerplate
from curation.hashing import digests, hash64
from curation.ledger import ledger_rows
from curation.outcome import Outcome
from curation.text import fold

STAGE = "boilerplate"
QUERIES = pa.field("queries", pa.int64(), nullable=False)


def boilerplate_rows(records: pa.Table) -> pa.Table:
    """Return what each record is judged by, shape (n,).

    Returns:
        `key` and `digest` (uint64): together a digest that records with the same positive in the same source share;
        and `query` (uint64), a hash of the folded query. Positives are the same if they are equal when folded.
    """
    # The group of a record is the hash of its folded query.
    query = hash64(records["group"])
    key, digest = digests([records["source"].combine_chunks(), fold(records["positive"].combine_chunks())])
    return pa.table({"key": key, "digest": digest, "query": query})


def count_queries(rows: pa.Table, options: Boilerplate) -> pa.Table:
    """Count the different queries of each positive, so that repeated records count once.

    Args:
        rows: those of `boilerplate_rows` for all records of each key, in any order, with any other columns.
        options: the bound.

    Returns:
        The rows of positives with more than `max_queries`, and their number in the column `queries` (int64).
    """
    names = ["key", "digest", "query"]
    key, digest, query = (rows[name].to_numpy() for name in names)
    order = np.lexsort((query, digest, key))
    new = np.ones((2, len(order)), dtype=bool)
    new[0, 1:] = (np.diff(key[order]) != 0) | (np.diff(digest[order]) != 0)
    new[1, 1:] = new[0, 1:] | (np.diff(query[order]) != 0)
    group = np.cumsum(new[0]) - 1
    counts = np.bincount(group, new[1]).astype(np.int64)[group]
    many = counts > (np.inf if options.max_queries is None else options.max_queries)
    found = rows.take(pa.array(order[many])).drop_columns(names)
    return found.append_column(QUERIES, pa.array(counts[many]))


def drop_boilerplate(records: pa.Table, counted: pa.Table, options: Boilerplate) -> Outcome:
    """Drop the records whose positive has more than `max_queries` different queries in its source.

    Args:
        records: as in `boilerplate_rows`, shape (n,).
        counted: rows of `count_queries` about some of them, with `at` (uint32), the place of each.
        options: the bound, and the task types that it holds for.
    """
    counts = np.zeros(records.num_rows, dtype=np.int64)
    counts[counted["at"].to_numpy()] = counted[QUERIES.name].to_numpy()
    judged = pc.is_in(records["task"], value_set=pa.array(options.tasks)).to_numpy()
    dropped = judged & (counts > 0)
    ledger = ledger_rows(
        records.filter(pa.array(dropped)),
        stage=STAGE,
        decision="dropped",
        reason=STAGE,
        score=pa.array(counts[dropped]),
        threshold=options.max_queries,
    )
    return Outcome(records.filter(pa.array(~dropped)), ledger)
