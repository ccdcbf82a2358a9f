"""What connected components say about records: a name and a size for each, and how many there are of which size."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
        rows: rows of `curation.grouping.linking.NODES`: those of size 0 say of which node a record is part, the others
            of which component a node is. What has no row is a node, or a component, by itself.
    """
    part_of = pc.equal(rows.column("size"), 0)
    nodes, _ = _looked_up(record_names(records), rows.filter(part_of), key="name", value="node")
    rows = rows.filter(pc.invert(part_of))
    components, places = _looked_up(nodes, rows, key="node", value="name")
    _, at, alone = np.unique(nodes, return_inverse=True, return_counts=True)
    sizes = alone[at]
    known = places >= 0
    sizes[known] = rows.column("size").to_numpy()[places[known]]
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


def _looked_up(names: UInt64s, rows: pa.Table, *, key: str, value: str) -> tuple[UInt64s, Int64s]:
    """Return what rows say of each name, or the name itself, and the row that says it, or -1."""
    known = rows.column(key).to_numpy()
    if not len(known):
        return names, np.full(len(names), -1)
    order = np.argsort(known)
    places = order[np.minimum(np.searchsorted(known[order], names), len(known) - 1)]
    places = np.where(known[places] == names, places, -1)
    return np.where(places >= 0, rows.column(value).to_numpy()[places], names), places
