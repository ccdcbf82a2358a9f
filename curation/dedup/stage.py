"""The two stages that merge duplicates: pure functions on the records of one partition.

Which of several records stays is a matter of `curation.dedup.preference`. The column `cluster_size` (int32) says how
many records each one that stays speaks for, itself included.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.model import Dedup
from curation.dedup.columns import equal_rows, folded
from curation.dedup.linking import CLUSTER_SIZE, SIDES, cluster_sizes
from curation.dedup.preference import preference_ranks
from curation.ledger import ledger_rows
from curation.ngrams import Int64s, codepoints, mix, span_hashes
from curation.outcome import Outcome

_BY_ID = [("id", "ascending"), ("file", "ascending"), ("row", "ascending")]


def exact_keys(records: pa.Table, options: Dedup) -> pa.Array:
    """Return the routing key of each record, uint64 (n,): records that are equal have equal keys."""
    keys = np.zeros(records.num_rows, dtype=np.uint64)
    for column in _exact_columns(records, options):
        points = codepoints(column)
        keys = mix(keys + span_hashes(points, points.offsets[:-1], points.offsets[1:]))
    return pa.array(keys)


def drop_exact_duplicates(records: pa.Table, options: Dedup, *, trust: Mapping[str, int]) -> Outcome:
    """Merge records whose compared texts are equal after folding; of pairs, the languages must be equal too.

    Records with equal queries and other positives are no duplicates, whatever is compared near: they have one group.

    Args:
        records: all records that share their routing keys with any of these, in any order, shape (n,).
        options: `by` says which text is compared, `prefer` which record stays.
        trust: trust of each source.

    Returns:
        The records that stay, by id, and a ledger row for each that does not.

    Raises:
        KeyError: if a source has no trust.
    """
    records = _best_first(records, options, trust)
    first, group = equal_rows(_exact_columns(records, options))
    kept = first[group]
    losers = np.flatnonzero(kept != np.arange(len(kept)))
    order = pc.sort_indices(records.select(["id", "file", "row"]).take(pa.array(losers)), _BY_ID)
    losers = losers[order.to_numpy()]
    ledger = ledger_rows(
        records.take(pa.array(losers)),
        stage="exact_dedup",
        decision="merged",
        reason="exact_duplicate",
        score=1.0,
        threshold=1.0,
        other_id=records.column("id").take(pa.array(kept[losers])),
    )
    return Outcome.join(_survivors(records, kept), ledger)


def apply_verdicts(records: pa.Table, verdicts: pa.Table, options: Dedup) -> Outcome:
    """Merge the records that lost, and give the others the sizes of their clusters and their groups.

    A record that is linked to the one that stays through others says so in the ledger's `detail`; its score is that of
    its own link.

    Args:
        records: rows of the record schema, shape (n,).
        verdicts: rows of `curation.dedup.linking.VERDICTS` about some of them and of their groups.
        options: the config's `dedup` section.

    Returns:
        The records that stay, by id, and a ledger row for each that does not.
    """
    records = records.sort_by(_BY_ID)
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
        records = _with_column(records, pa.field(name, values.type, nullable=False), values)
    return Outcome.join(records.filter(pc.invert(lost)), ledger)


def _with_column(records: pa.Table, field: pa.Field, values: pa.ChunkedArray) -> pa.Table:
    if field.name in records.column_names:
        return records.set_column(records.schema.get_field_index(field.name), field, values)
    return records.append_column(field, values)


def _exact_columns(records: pa.Table, options: Dedup) -> list[pa.Array]:
    if options.by == "positive":
        return [folded(records.column("positive"))]
    texts = [folded(records.column(side)) for side in SIDES["pair"]]
    languages = [records.column(f"{side}_language").combine_chunks() for side in SIDES[options.by]]
    return [*texts, *languages]


def _best_first(records: pa.Table, options: Dedup, trust: Mapping[str, int]) -> pa.Table:
    ranks = pa.table({"rank": preference_ranks(records, options.prefer, trust)})
    keys = ranks.append_column("file", records.column("file")).append_column("row", records.column("row"))
    order = [("rank", "ascending"), ("file", "ascending"), ("row", "ascending")]
    return records.take(pc.sort_indices(keys, order)).combine_chunks()


def _survivors(records: pa.Table, kept: Int64s) -> pa.Table:
    """Return the records that stay, by id, with the sizes of their clusters."""
    total = np.zeros(len(kept), dtype=np.int32)
    np.add.at(total, kept, cluster_sizes(records).to_numpy())
    records = _with_column(records, pa.field(CLUSTER_SIZE, pa.int32(), nullable=False), pa.array(total))
    return records.filter(pa.array(kept == np.arange(len(kept)))).sort_by(_BY_ID)
