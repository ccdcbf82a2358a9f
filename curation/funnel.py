"""Rows by source and language: what each stage kept and what each of its rules took, as counts.

A row counts for the language that it has when it leaves the stage, by whichever end: as a record or as a ledger row.
Every row therefore counts once a stage. Only `identify` changes languages, so before it a row counts for what was
declared (empty where nothing was), from it on for what was found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from curation.outcome import Outcome

KEPT = "kept"
_KEYS = ("source", "language", "decision", "reason")
COUNTS_SCHEMA = pa.schema([*((name, pa.string()) for name in _KEYS), ("rows", pa.int64())])


def count_outcome(outcome: Outcome) -> pa.Table:
    """Return the rows of an outcome as `COUNTS_SCHEMA`, one row a group; records have the decision `kept`."""
    records, ledger = outcome.records, outcome.ledger
    own = {"decision": pa.scalar(KEPT), "reason": pa.scalar("")}
    kept = [pa.repeat(own[name], records.num_rows) if name in own else records[name] for name in _KEYS]
    lost = [ledger[name] for name in _KEYS]
    both = ([*columns, pa.repeat(pa.scalar(1, pa.int64()), len(columns[0]))] for columns in (kept, lost))
    return sum_counts([pa.table(columns, schema=COUNTS_SCHEMA) for columns in both])


def sum_counts(counts: Sequence[pa.Table]) -> pa.Table:
    """Add up tables of `COUNTS_SCHEMA`; the result is sorted, so neither their number nor their order matters."""
    rows = pa.concat_tables([COUNTS_SCHEMA.empty_table(), *counts])
    summed = rows.group_by(list(_KEYS), use_threads=False).aggregate([("rows", "sum")])
    ordered = summed.sort_by([(name, "ascending") for name in _KEYS])
    return ordered.rename_columns(COUNTS_SCHEMA.names).cast(COUNTS_SCHEMA)


def steps(row: Mapping[str, Any], stages: Sequence[str]) -> list[dict[str, Any]]:
    """Return the funnel of a language or a part of one.

    Args:
        row: `read`, and `lost` by "stage/reason", as the statistics hold them.
        stages: the stages in order.

    Returns:
        Stage, rows in, rows out and rows lost by reason, for every stage. All rows count for their final language.
    """
    lost: dict[str, dict[str, int]] = {stage: {} for stage in stages}
    for rule, rows in row["lost"].items():
        stage, _, reason = rule.partition("/")
        lost.setdefault(stage, {})[reason] = rows
    left, funnel = row["read"], []
    for stage in stages:
        out = left - sum(lost[stage].values())
        funnel.append({"stage": stage, "in": left, "out": out, "lost": lost[stage]})
        left = out
    return funnel
