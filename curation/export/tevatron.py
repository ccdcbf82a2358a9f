"""The view for Tevatron: JSON lines with the passages inside, a file a dataset."""

from __future__ import annotations

import functools
from pathlib import Path

import pyarrow as pa

from curation.export.plan import Plan
from curation.export.target import Target, Written, write_targets
from curation.export.texts import as_lists, column, passage_ids, with_instruction

_PASSAGES = pa.list_(pa.struct([("docid", pa.string()), ("title", pa.string()), ("text", pa.string())]))
SCHEMA = pa.schema(
    [
        ("query_id", pa.string()),
        ("query", pa.string()),
        ("positive_passages", _PASSAGES),
        ("negative_passages", _PASSAGES),
    ]
)


def write(plan: Plan, folder: Path) -> Written:
    """Write a file of {query_id, query, positive_passages, negative_passages} for each dataset.

    `query_id` is the record's id; a passage has the same `docid` wherever it stands.
    """
    names = [f"negative_{number}" for number in range(1, plan.num_negatives + 1)]
    targets = {
        dataset: Target(
            f"{dataset.split}/{dataset.name}.jsonl",
            SCHEMA,
            functools.partial(_convert, instruction=dataset.instruction, negatives=names),
        )
        for dataset in plan.exported
    }
    return write_targets(plan, folder, targets, ["id", "anchor", "positive", *names])


def _convert(rows: pa.Table, *, instruction: str, negatives: list[str]) -> pa.Table:
    queries = with_instruction(rows["anchor"], instruction).combine_chunks().cast(pa.string())
    positives, others = (_passages(rows, names) for names in (["positive"], negatives))
    return pa.table([column(rows, "id"), queries, positives, others], schema=SCHEMA)


def _passages(rows: pa.Table, names: list[str]) -> pa.Array:
    columns = []
    for name in names:
        texts = column(rows, name)
        titles = pa.repeat(pa.scalar(""), len(texts))
        columns.append(pa.StructArray.from_arrays([passage_ids(texts), titles, texts], ["docid", "title", "text"]))
    return as_lists(columns)
