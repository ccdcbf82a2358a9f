"""Near duplicates: what the verdicts of the link rounds do to the records of one partition."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from curation.config.model import Dedup
from curation.dedup.linking import CLUSTER_SIZE, cluster_sizes
from curation.ledger import ledger_rows
from curation.outcome import Outcome

_BY_ID = [("id", "ascending"), ("file", "ascending"), ("row", "ascending")]


def apply_verdicts(records: pa.Table, verdicts: pa.Table, options: Dedup) -> Outcome:
    """Merge the records that lost, and give the others the sizes of their clusters and their groups.

    A record that is linked to the one that stays through others says so in the ledger's `detail`; its score is that of
    its own link.

    Args:
        records: rows of the record schema, shape (n,).
        verdicts: rows of `curation.dedup.verdicts.VERDICTS` about some of them and of their groups.
        options: the config's `dedup` section.

    Returns:
        The records that stay, by id, and a ledger row for each that does not.
    """
    records = _in_order(records)
    of_groups = pc.is_valid(verdicts.column("group"))
    groups, verdicts = verdicts.filter(of_groups), verdicts.filter(pc.invert(of_groups))
    found = verdicts.take(pc.index_in(records.column("id"), verdicts.column("id").combine_chunks()))
    regrouped = groups.take(pc.index_in(records.column("group"), groups.column("group").combine_chunks()))
    lost = pc.fill_null(pc.not_equal(found.column("kept"), records.column("id")), False)
    loss = found.filter(lost)
    linked = pc.binary_join_element_wise("linked through ", loss.column("via"), "")
    ledger = ledger_rows(
        records.filter(lost),
        stage="near_dedup",
        decision="merged",
        reason="near_duplicate",
        score=loss.column("similarity"),
        threshold=options.threshold,
        other_id=loss.column("kept"),
        detail=pc.if_else(pc.equal(loss.column("via"), loss.column("kept")), "", linked),
    )
    changed = {
        CLUSTER_SIZE: pc.coalesce(found.column("size"), cluster_sizes(records)),
        "group": pc.coalesce(regrouped.column("new_group"), records.column("group")),
    }
    for name, values in changed.items():
        records = with_column(records, pa.field(name, values.type, nullable=False), values)
    return Outcome.join(records.filter(pc.invert(lost)), ledger)


def _in_order(records: pa.Table) -> pa.Table:
    """Return records by id, file and row. Mostly they come so, and to see that takes less than to move all texts."""
    ids = records.column("id")
    rising = pc.all(pc.less(ids[:-1], ids[1:])).as_py() if records.num_rows else True
    return records if rising else records.sort_by(_BY_ID)


def with_column(records: pa.Table, field: pa.Field, values: pa.ChunkedArray | pa.Array) -> pa.Table:
    """Return records with a column, in the place of one of its name if they have one."""
    if field.name in records.column_names:
        return records.set_column(records.schema.get_field_index(field.name), field, values)
    return records.append_column(field, values)
