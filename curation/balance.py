"""Quota balancing: count the rows of each language, plan how many stay, keep the first by a seeded rank."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.model import Balance
from curation.hashing import priority
from curation.ledger import ledger_rows
from curation.outcome import Outcome
from curation.quota import allocate
from curation.split import TRAIN

STAGE = "balance"
OVER_QUOTA = "over_quota"
RANK_FIELD = pa.field("quota_rank", pa.int64())

COUNTS_SCHEMA = pa.schema(
    [
        pa.field("language", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
    ]
)

_KEYS = ["language", "split"]


def count_rows(records: pa.Table) -> pa.Table:
    """Count the rows of each language and split in one batch; a table of `COUNTS_SCHEMA`, sorted."""
    counts = records.select(_KEYS).group_by(_KEYS).aggregate([([], "count_all")])
    return _sorted(counts.rename_columns(COUNTS_SCHEMA.names))


def merge_counts(tables: Iterable[pa.Table]) -> pa.Table:
    """Add up counts of several batches; a table of `COUNTS_SCHEMA`, sorted, whatever the order of `tables`."""
    joined = pa.concat_tables([COUNTS_SCHEMA.empty_table(), *tables])
    counts = joined.group_by(_KEYS).aggregate([("rows", "sum")])
    return _sorted(counts.rename_columns(COUNTS_SCHEMA.names))


def plan_quota(counts: pa.Table, options: Balance) -> dict[str, int]:
    """Return the training rows that each language keeps, sorted by language. Held-out splits are kept whole.

    Without any training row there is nothing to plan, whatever the budget.

    Args:
        counts: merged counts of all records (`COUNTS_SCHEMA`).
        options: the section `balance` of the config.

    Raises:
        QuotaError: if no allocation meets the budget, the floor and the cap.
    """
    train = counts.filter(pc.equal(counts.column("split"), TRAIN))
    available = dict(zip(train.column("language").to_pylist(), train.column("rows").to_pylist(), strict=True))
    if not available:
        return {}
    return allocate(
        available,
        options.budget,
        method=options.method,
        temperature=options.temperature,
        floor=options.floor,
        cap=options.cap,
    )


def select_rows(records: pa.Table, quota: Mapping[str, int], *, seed: int) -> Outcome:
    """Keep the first `quota[language]` training records of each language by their seeded rank.

    The rank orders by a hash of the id, so the kept records are a uniform sample, and a record that joins a
    language displaces at most one other.

    Args:
        records: all records of the languages of one partition, with the column `split`, shape (n,).
        quota: training rows that each language keeps (see `plan_quota`); none for a language that it lacks.
        seed: seed of the run.

    Returns:
        The records that stay, in their order, with the column `quota_rank` (from 0, null in held-out splits), and
        a ledger row `over_quota` for each other one, with its rank and the quota.
    """
    train = pc.equal(records.column("split"), TRAIN).to_numpy()
    languages = records.column("language").combine_chunks().dictionary_encode()
    codes = languages.indices.to_numpy().astype(np.int64)
    ranks = _ranks(records.column("id"), codes, train, seed=seed)
    allowed = np.array([quota.get(language, 0) for language in languages.dictionary.to_pylist()], dtype=np.int64)[codes]
    over = train & (ranks >= allowed)
    ranked = records.append_column(RANK_FIELD, pa.array(ranks, mask=~train))
    return Outcome.join(ranked.filter(pa.array(~over)), _over_quota(records, over, ranks, allowed))


def _ranks(
    ids: pa.ChunkedArray, codes: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_], *, seed: int
) -> npt.NDArray[np.int64]:
    """Rank the chosen rows of each language by (priority, id); shape (n,), -1 for the others."""
    rows = np.flatnonzero(chosen)
    drawn = ids.take(pa.array(rows))
    keys = pa.table({"code": codes[rows], "priority": priority(drawn.to_pylist(), STAGE, seed), "id": drawn})
    order = pc.sort_indices(keys, [(name, "ascending") for name in keys.column_names]).to_numpy()
    sorted_codes = codes[rows][order]
    position = np.arange(len(order)) - np.searchsorted(sorted_codes, sorted_codes)
    ranks = np.full(len(codes), -1, dtype=np.int64)
    ranks[rows[order]] = position
    return ranks


def _over_quota(
    records: pa.Table,
    over: npt.NDArray[np.bool_],
    ranks: npt.NDArray[np.int64],
    allowed: npt.NDArray[np.int64],
) -> pa.Table:
    return ledger_rows(
        records.filter(pa.array(over)),
        stage=STAGE,
        decision="dropped",
        reason=OVER_QUOTA,
        score=pa.array(ranks[over]),
        threshold=pa.array(allowed[over]),
    )


def _sorted(counts: pa.Table) -> pa.Table:
    return counts.select(COUNTS_SCHEMA.names).cast(COUNTS_SCHEMA).sort_by([(name, "ascending") for name in _KEYS])
