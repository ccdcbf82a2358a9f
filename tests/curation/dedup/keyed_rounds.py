"""What a keyed stage does between partitions, done in this process: rows of a key meet, and verdicts go home."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from curation.outcome import Outcome


def in_turns(records: pa.Table, cut: int) -> list[pa.Table]:
    """Deal records out to so many partitions."""
    return [records.take(pa.array(range(home, records.num_rows, cut), pa.int64())) for home in range(cut)]


def judge_together(
    parts: Sequence[pa.Table], rows_of: Callable[[pa.Table], pa.Table], judge: Callable[[pa.Table], pa.Table]
) -> list[pa.Table]:
    """Return what each partition's records learn, with the column `at`.

    Args:
        parts: the records of each partition; as many partitions judge.
        rows_of: returns what records are judged by, with the column `key`.
        judge: judges all rows of some keys.
    """
    sent = pa.concat_tables([_addressed(rows_of(part), home) for home, part in enumerate(parts)])
    met = sent["key"].to_numpy() % np.uint64(len(parts))
    judged = pa.concat_tables(
        [judge(sent.filter(pa.array(met == np.uint64(partition)))) for partition in range(len(parts))]
    )
    homes = judged["home"].to_numpy()
    return [judged.filter(pa.array(homes == home)).drop_columns(["home"]) for home in range(len(parts))]


def joined(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the outcome of all partitions, in order of id."""
    kept = pa.concat_tables([outcome.records for outcome in outcomes])
    order = [("id", "ascending"), ("file", "ascending"), ("row", "ascending")]
    return Outcome(kept.sort_by(order), pa.concat_tables([outcome.ledger for outcome in outcomes]).sort_by("id"))


def _addressed(rows: pa.Table, home: int) -> pa.Table:
    if "at" not in rows.column_names:
        rows = rows.append_column("at", pa.array(np.arange(rows.num_rows, dtype=np.uint32)))
    return rows.append_column("home", pa.array(np.full(rows.num_rows, home, dtype=np.uint32)))
