"""What connected components say about records: a name and a size for each, and how many there are of which size."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from curation.grouping.keys import record_names
from curation.ngrams import Int64s, UInt64s
from curation.outcome import Outcome

COMPONENT = pa.field("component", pa.string(), nullable=False)
SIZE = pa.field("component_size", pa.int64(), nullable=False)
SIZES_SCHEMA = pa.schema(
    [pa.field("size", pa.int64(), nullable=False), pa.field("records", pa.int64(), nullable=False)]
)


def with_components(records: pa.Table, rows: pa.Table) -> Outcome:
    """Add the columns `component` and `component_size`.

    A component is named by the least hash of its records' ids, 16 hexadecimal digits. A record that joins a component
    of n therefore changes its name with odds of 1 in n + 1, and two components that become one keep one of their names.

    Args:
        records: rows of the record schema, shape (n,).
        rows: rows of `curation.grouping.linking.COMPONENTS` about some of them; the others are alone.
    """
    names = record_names(records)
    components, sizes = _looked_up(names, rows)
    named = pa.array([f"{number:016x}" for number in components.tolist()], pa.string())
    return Outcome.keep(records.append_column(COMPONENT, named).append_column(SIZE, pa.array(sizes)))


def count_sizes(records: pa.Table) -> pa.Table:
    """Count the records in components of each size; a table of `SIZES_SCHEMA`, sorted."""
    sizes, counts = np.unique(records.column(SIZE.name).to_numpy(), return_counts=True)
    return pa.table({"size": sizes, "records": counts}, schema=SIZES_SCHEMA)


def merge_sizes(tables: Iterable[pa.Table]) -> pa.Table:
    """Add up the counts of several partitions, in whatever order; a table of `SIZES_SCHEMA`, sorted."""
    counts = pa.concat_tables([SIZES_SCHEMA.empty_table(), *tables]).group_by("size", use_threads=False)
    return counts.aggregate([("records", "sum")]).sort_by("size").rename_columns(SIZES_SCHEMA.names).cast(SIZES_SCHEMA)


def _looked_up(names: UInt64s, rows: pa.Table) -> tuple[UInt64s, Int64s]:
    known = rows.column("record").to_numpy()
    if not len(known):
        return names, np.ones(len(names), dtype=np.int64)
    order = np.argsort(known)
    places = order[np.minimum(np.searchsorted(known[order], names), len(known) - 1)]
    linked = known[places] == names
    components, sizes = (rows.column(name).to_numpy()[places] for name in ("component", "size"))
    return np.where(linked, components, names), np.where(linked, sizes, 1)
