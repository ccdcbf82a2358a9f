"""What happens to a release between two versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.hashing import priority
from release_layouts.corpus import IS_LATER

# The source that has something done to it alone.
SOURCE = "bible"


def before(records: pa.Table) -> pa.Table:
    """Return the first version: what no source has appended yet."""
    return records.filter(pc.invert(records[IS_LATER]))


def append_everywhere(records: pa.Table) -> pa.Table:
    """Append 5 % to every source in every language."""
    return records


def append_to_source(records: pa.Table) -> pa.Table:
    """Append 5 % to one source."""
    return records.filter(pc.or_(pc.equal(records["source"], SOURCE), pc.invert(records[IS_LATER])))


def delete_scattered(records: pa.Table) -> pa.Table:
    """Delete one row in a thousand, anywhere."""
    old = before(records)
    return old.filter(pa.array(priority(old["id"].to_pylist(), "delete", 0) >= np.uint64(2**64 // 1000)))


def delete_together(records: pa.Table) -> pa.Table:
    """Delete as many rows, but those of one place: the beginning of the first files of each source."""
    old = before(records)
    gone = np.zeros(old.num_rows, dtype=bool)
    for source in pc.unique(old["source"]).to_pylist():
        mine = np.flatnonzero(pc.equal(old["source"], source).to_numpy())
        order = pc.sort_indices(
            old.select(["file", "row"]).take(pa.array(mine)), [("file", "ascending"), ("row", "ascending")]
        )
        gone[mine[order.to_numpy()[: len(mine) // 1000]]] = True
    return old.filter(pa.array(~gone))


def change_source(records: pa.Table) -> pa.Table:
    """Change each text of one source; ids are of the content, so they change too."""
    old = before(records)
    texts = pc.if_else(
        pc.equal(old["source"], SOURCE), pc.binary_join_element_wise(old["positive"], "!", ""), old["positive"]
    )
    ids = pc.if_else(pc.equal(old["source"], SOURCE), pc.utf8_reverse(old["id"]), old["id"])
    for name, values in (("positive", texts), ("id", ids)):
        old = old.set_column(old.schema.get_field_index(name), old.schema.field(name), values)
    return old


CHANGES: Mapping[str, Callable[[pa.Table], pa.Table]] = {
    "append 5 %": append_everywhere,
    "append 5 % to one source": append_to_source,
    "delete 0.1 %, scattered": delete_scattered,
    "delete 0.1 %, together": delete_together,
    "change one source": change_source,
}
