"""Counting what there is to share out, and planning by the counts."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from curation.config.balance import Balance
from curation.quota.cells import CELLS_SCHEMA, KEYS
from curation.quota.plan import PLAN_SCHEMA, plan
from curation.split import TRAIN

# Rows of a record's cell before mining, which weights go by when some of them are gone.
AVAILABLE = "quota_available"
_BY = [*KEYS, "split", "positive_language"]
COUNTS_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in _BY),
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("available", pa.int64()),
    ]
)


def count_rows(records: pa.Table) -> pa.Table:
    """Count the rows of each language, task, source, split and positives' language; a table of `COUNTS_SCHEMA`, sorted.

    `available` is what the column `quota_available` says, and null where there is none.
    """
    available = records[AVAILABLE] if AVAILABLE in records.column_names else pa.nulls(records.num_rows, pa.int64())
    rows = records.select(_BY).append_column("available", available)
    counts = rows.group_by(_BY).aggregate([([], "count_all"), ("available", "max")])
    return _sorted(counts.select([*_BY, "count_all", "available_max"]).rename_columns(COUNTS_SCHEMA.names))


def merge_counts(tables: Iterable[pa.Table]) -> pa.Table:
    """Add up counts of several batches; a table of `COUNTS_SCHEMA`, sorted, whatever the order of `tables`."""
    joined = pa.concat_tables([COUNTS_SCHEMA.empty_table(), *tables])
    counts = joined.group_by(_BY).aggregate([("rows", "sum"), ("available", "max")])
    return _sorted(counts.select([*_BY, "rows_sum", "available_max"]).rename_columns(COUNTS_SCHEMA.names))


def plan_quota(counts: pa.Table, options: Balance) -> pa.Table:
    """Return the quota of each language, task and source in training rows. Held-out splits are kept whole.

    Where the rows were chosen before mining, the budget was possible then, and what mining has lost beyond the reserve
    is made up for by the others as far as they can. Without any training row there is nothing to plan, whatever the
    budget.

    Args:
        counts: merged counts of all records (`COUNTS_SCHEMA`).
        options: the config's `balance` section.

    Returns:
        A table of `curation.quota.plan.PLAN_SCHEMA`.

    Raises:
        QuotaError: if no allocation meets the budget and the bounds.
    """
    train = counts.filter(pc.equal(counts["split"], TRAIN)).group_by(list(KEYS))
    train = train.aggregate([("rows", "sum"), ("available", "max")]).sort_by([(name, "ascending") for name in KEYS])
    if not train.num_rows:
        return PLAN_SCHEMA.empty_table()
    train = train.rename_columns([*KEYS, "rows", "available"])
    is_chosen = train["available"].null_count == 0
    available = train["available"] if is_chosen else train["rows"]
    cells = pa.table([*(train[name] for name in KEYS), available, train["rows"]], schema=CELLS_SCHEMA)
    return plan(cells, options, strict=not is_chosen)


def _sorted(counts: pa.Table) -> pa.Table:
    return counts.cast(COUNTS_SCHEMA).sort_by([(name, "ascending") for name in _BY])
