"""The two stages that merge duplicates: pure functions on the records of one partition.

Of records that count as the same, the one from the source with the higher trust stays, of equals the one with the
smaller id. The column `cluster_size` (int32) says how many records each one that stays speaks for, itself included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.model import Dedup
from curation.dedup.cluster import Clusters, near_duplicate_clusters
from curation.dedup.columns import equal_rows, folded
from curation.ledger import ledger_rows
from curation.ngrams import Int64s, codepoints, mix, offsets_of, span_hashes
from curation.outcome import Outcome

CLUSTER_SIZE = "cluster_size"

_SIDES: Mapping[Literal["pair", "query", "positive"], tuple[str, ...]] = {
    "pair": ("query", "positive"),
    "query": ("query",),
    "positive": ("positive",),
}
_BY_ID = [("id", "ascending"), ("file", "ascending"), ("row", "ascending")]


def exact_keys(records: pa.Table, options: Dedup) -> pa.Array:
    """Return the routing key of each record, uint64 (n,): records that are equal have equal keys."""
    keys = np.zeros(records.num_rows, dtype=np.uint64)
    for column in _exact_columns(records, options):
        points = codepoints(column)
        keys = mix(keys + span_hashes(points, points.offsets[:-1], points.offsets[1:]))
    return pa.array(keys)


def near_keys(records: pa.Table, options: Dedup) -> pa.Array:
    """Return the routing key of each record, strings (n,): the languages of the texts that are compared."""
    languages = [_one_chunk(records.column(f"{side}_language")) for side in _SIDES[options.by]]
    return pc.binary_join_element_wise(*languages, " ")


def drop_exact_duplicates(records: pa.Table, options: Dedup, *, trust: Mapping[str, int]) -> Outcome:
    """Merge records whose compared texts are equal after folding; of pairs, the languages must be equal too.

    Args:
        records: all records that share their routing keys with any of these, in any order, shape (n,).
        options: `by` says which text is compared.
        trust: trust of each source.

    Returns:
        The records that stay, by id, and a ledger row for each that does not.

    Raises:
        KeyError: if a source has no trust.
    """
    records = _best_first(records, trust)
    first, group = equal_rows(_exact_columns(records, options))
    kept = first[group]
    losers, winners = _merged(records, kept)
    ledger = ledger_rows(
        records.take(losers),
        stage="exact_dedup",
        decision="merged",
        reason="exact_duplicate",
        score=1.0,
        threshold=1.0,
        other_id=winners,
    )
    return Outcome.join(_survivors(records, kept), ledger)


def drop_near_duplicates(records: pa.Table, options: Dedup, *, trust: Mapping[str, int]) -> Outcome:
    """Merge records whose compared texts are near duplicates, within each language or pair of languages.

    Pairs are near duplicates when both their sides are. A record that is linked to the one that stays through
    others says so in the ledger's `detail`; its score may then lie below the threshold.

    Args:
        records: all records that share their routing keys with any of these, in any order, shape (n,).
        options: `by` says which text is compared, `threshold` how similar duplicates are.
        trust: trust of each source.

    Returns:
        The records that stay, by id, and a ledger row for each that does not.

    Raises:
        KeyError: if a source has no trust.
        ValueError: if the threshold is below 0.1.
    """
    records = _best_first(records, trust)
    clusters = _clusters(records, options)
    losers, winners = _merged(records, clusters.kept)
    ledger = ledger_rows(
        records.take(losers),
        stage="near_dedup",
        decision="merged",
        reason="near_duplicate",
        score=pa.array(clusters.similarity).take(losers),
        threshold=options.threshold,
        other_id=winners,
        detail=_links(records, clusters).take(losers),
    )
    return Outcome.join(_survivors(records, clusters.kept), ledger)


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks()


def _exact_columns(records: pa.Table, options: Dedup) -> list[pa.Array]:
    texts = [folded(records.column(side)) for side in _SIDES[options.by]]
    if options.by != "pair":
        return texts
    return [*texts, *(_one_chunk(records.column(f"{side}_language")) for side in _SIDES["pair"])]


def _best_first(records: pa.Table, trust: Mapping[str, int]) -> pa.Table:
    source = pc.dictionary_encode(_one_chunk(records.column("source")))
    trusts = np.array([trust[name] for name in source.dictionary.to_pylist()], dtype=np.int64)
    ranks = {"trust": trusts[source.indices.to_numpy(zero_copy_only=False)]}
    keys = pa.table(ranks | {name: records.column(name) for name in ("id", "file", "row")})
    return records.take(pc.sort_indices(keys, [("trust", "descending"), *_BY_ID]))


def _clusters(records: pa.Table, options: Dedup) -> Clusters:
    rows = np.arange(records.num_rows)
    result = Clusters(rows.copy(), np.ones(len(rows)), rows.copy(), np.ones(len(rows)))
    for members in _groups(near_keys(records, options)):
        sides = [records.column(side).take(pa.array(members)) for side in _SIDES[options.by]]
        other = sides[1] if len(sides) == 2 else None
        found = near_duplicate_clusters(sides[0], threshold=options.threshold, other_side=other)
        result.kept[members], result.similarity[members] = members[found.kept], found.similarity
        result.via[members], result.via_similarity[members] = members[found.via], found.via_similarity
    return result


def _groups(keys: pa.Array) -> Iterator[Int64s]:
    """Yield the rows of each key, rising."""
    first, group = equal_rows([keys])
    order = np.argsort(group, kind="stable")
    bounds = offsets_of(np.bincount(group, minlength=len(first)))
    for begin, end in pairwise(bounds.tolist()):
        yield order[begin:end]


def _links(records: pa.Table, clusters: Clusters) -> pa.Array:
    details = [""] * records.num_rows
    through = np.flatnonzero(clusters.via != clusters.kept)
    others = records.column("id").take(pa.array(clusters.via[through])).to_pylist()
    for row, other, similarity in zip(through, others, clusters.via_similarity[through], strict=True):
        details[row] = f"linked through {other}, similarity {similarity:.4f}"
    return pa.array(details, type=pa.string())


def _merged(records: pa.Table, kept: Int64s) -> tuple[pa.Array, pa.ChunkedArray]:
    """Return the rows that lose, by id, and the ids of the records that they lose to."""
    losers = np.flatnonzero(kept != np.arange(len(kept)))
    order = pc.sort_indices(records.select(["id", "file", "row"]).take(pa.array(losers)), _BY_ID)
    losers = losers[order.to_numpy()]
    return pa.array(losers), records.column("id").take(pa.array(kept[losers]))


def _survivors(records: pa.Table, kept: Int64s) -> pa.Table:
    """Return the records that stay, by id, with the sizes of their clusters."""
    present = CLUSTER_SIZE in records.column_names
    sizes = records.column(CLUSTER_SIZE).to_numpy() if present else np.ones(len(kept), dtype=np.int32)
    total = np.zeros(len(kept), dtype=np.int32)
    np.add.at(total, kept, sizes)
    rest = records.drop_columns([CLUSTER_SIZE]) if present else records
    rest = rest.append_column(pa.field(CLUSTER_SIZE, pa.int32(), nullable=False), pa.array(total))
    return rest.filter(pa.array(kept == np.arange(len(kept)))).sort_by(_BY_ID)
