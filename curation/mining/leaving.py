"""Records that leave the pipeline when they are mined, and why."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from curation.ledger import Decision, ledger_rows
from curation.mining.miner import Mined, Miner
from curation.mining.ragged import Rows
from curation.mining.rules import Verdict


def leaving_rows(
    records: pa.Table, miner: Miner, mined: Mined, lacking: Rows, found: Rows
) -> list[tuple[Rows, pa.Table]]:
    """Return the rows that do not go on, with their ledger, by the first reason that holds for each.

    Args:
        records: rows in order of id, shape (n,).
        miner: what has mined them.
        mined: what was found.
        lacking: negatives that each record did not come with, int64, shape (n,).
        found: how many of these it has now, int64, shape (n,).
    """
    pool, options = miner.pool, miner.options
    is_sound = np.logical_and.reduce([miner.space.is_sound(places) for places in (pool.entries, *miner.anchors.sides)])
    highest = options.max_positive_rank or np.iinfo(np.int32).max
    is_consistent = mined.positive_ranks <= highest
    unsound = np.flatnonzero(~is_sound)
    inconsistent = np.flatnonzero(is_sound & ~is_consistent)
    short = np.flatnonzero(is_sound & is_consistent & (found < lacking))
    have, ranks = found + options.num_negatives - lacking, mined.positive_ranks.astype(np.int64)
    who, why = f"no vector by {miner.space.teacher}", _counts(mined, short)
    return [
        (unsound, _ledger(records, unsound, "quarantined", "not_embeddable", detail=who)),
        (inconsistent, _ledger(records, inconsistent, "dropped", "inconsistent_pair", ranks, highest)),
        (short, _ledger(records, short, "dropped", "negative_shortage", have, options.num_negatives, why)),
    ]


def _counts(mined: Mined, rows: Rows) -> list[str]:
    """Say of each row how many candidates each rule rejected."""
    kinds = [verdict for verdict in Verdict if verdict > Verdict.ABSENT]
    return [
        ", ".join(f"{kind.name.lower()} {counts[kind]}" for kind in kinds if counts[kind]) or "no candidates"
        for counts in mined.verdicts[rows]
    ]


def _ledger(
    records: pa.Table,
    rows: Rows,
    decision: Decision,
    reason: str,
    score: Rows | None = None,
    threshold: float | None = None,
    detail: str | list[str] = "",
) -> pa.Table:
    return ledger_rows(
        records.take(pa.array(rows)),
        stage="mine",
        decision=decision,
        reason=reason,
        score=None if score is None else pa.array(score[rows], pa.float64()),
        threshold=None if threshold is None else float(threshold),
        detail=detail,
    )
