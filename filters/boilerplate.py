"""Boilerplate: positives that a source gives to so many different queries that they can answer none of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.model import Boilerplate
from curation.ledger import ledger_rows
from curation.outcome import Outcome
from curation.text import fold

STAGE = "boilerplate"


def boilerplate_keys(records: pa.Table) -> pa.Array:
    """Return the key under which records have the same positive in the same source, shape (n,)."""
    return pc.binary_join_element_wise(records["source"].combine_chunks(), _folded(records), "\0")


def drop_boilerplate(records: pa.Table, options: Boilerplate) -> Outcome:
    """Drop the records whose positive has more than `max_queries` different queries in its source.

    Queries are different unless they are equal when folded, positives likewise, so that repeated records count once.

    Args:
        records: all records of each key that occurs (see `boilerplate_keys`), in any order.
        options: the bound, and the task types that it holds for.
    """
    counts = _query_counts(records)
    judged = pc.is_in(records["task"], value_set=pa.array(options.tasks)).to_numpy()
    dropped = judged & (counts > (np.inf if options.max_queries is None else options.max_queries))
    ledger = ledger_rows(
        records.filter(pa.array(dropped)),
        stage=STAGE,
        decision="dropped",
        reason=STAGE,
        score=pa.array(counts[dropped]),
        threshold=options.max_queries,
    )
    return Outcome(records.filter(pa.array(~dropped)), ledger)


def _query_counts(records: pa.Table) -> npt.NDArray[np.int64]:
    """Return how many different queries the positive of each record has, shape (n,)."""
    keys = boilerplate_keys(records).dictionary_encode().indices
    # The group of a record is the hash of its folded query.
    pairs = pa.table({"key": keys, "group": records["group"].combine_chunks()})
    counts = pairs.group_by("key").aggregate([("group", "count_distinct")])
    by_key = np.zeros(counts.num_rows, dtype=np.int64)
    by_key[counts["key"].to_numpy()] = counts["group_count_distinct"].to_numpy()
    per_record: npt.NDArray[np.int64] = by_key[keys.to_numpy(zero_copy_only=False)]
    return per_record


def _folded(records: pa.Table) -> pa.Array:
    return fold(records["positive"].combine_chunks())
