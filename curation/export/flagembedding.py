"""The view for FlagEmbedding: JSON lines, a file a dataset."""

from __future__ import annotations

import functools
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from curation.export.names import counted
from curation.export.plan import Dataset, Plan
from curation.export.target import Target, Written, write_targets
from curation.export.texts import as_lists, column

# How it batches: symmetric types get half of the batch, and in sts and clustering the passages get the prompt too.
TYPES = {
    "retrieval": "normal",
    "bitext": "normal",
    "code": "normal",
    "sts": "symmetric_sts",
    "clustering": "symmetric_clustering",
    "classification": "symmetric_class",
}
_TEXTS = pa.list_(pa.string())
_SCORES = pa.list_(pa.float64())


def write(plan: Plan, folder: Path) -> Written:
    """Write a file of {query, pos, neg, pos_scores, neg_scores, prompt, type} for each dataset."""
    targets = {dataset: _target(plan, dataset) for dataset in plan.exported}
    names = [f"negative_{number}" for number in range(1, plan.num_negatives + 1)]
    columns = ["anchor", "positive", *names, "positive_score", "negative_scores"]
    written = write_targets(plan, folder, targets, columns)
    unscored = sum(not dataset.is_scored for dataset in plan.exported)
    warning = (
        f"{counted(unscored, 'dataset')} without pos_scores and neg_scores, since some negatives were given or drawn "
        "and not scored, cannot be used with knowledge_distillation"
    )
    return Written(written.files, written.rows, (warning,) if unscored else ())


def _target(plan: Plan, dataset: Dataset) -> Target:
    fields = [("query", pa.string()), ("pos", _TEXTS), ("neg", _TEXTS)]
    fields += [("pos_scores", _SCORES), ("neg_scores", _SCORES)] * dataset.is_scored
    schema = pa.schema([*fields, ("prompt", pa.string()), ("type", pa.string())])
    convert = functools.partial(_convert, schema=schema, dataset=dataset, num_negatives=plan.num_negatives)
    return Target(f"{dataset.split}/{dataset.name}.jsonl", schema, convert)


def _convert(rows: pa.Table, *, schema: pa.Schema, dataset: Dataset, num_negatives: int) -> pa.Table:
    columns = {
        "query": column(rows, "anchor"),
        "pos": as_lists([column(rows, "positive")]),
        "neg": as_lists([column(rows, f"negative_{number}") for number in range(1, num_negatives + 1)]),
        "prompt": pa.repeat(pa.scalar(dataset.instruction), rows.num_rows),
        "type": pa.repeat(pa.scalar(TYPES.get(dataset.task, "normal")), rows.num_rows),
    }
    if dataset.is_scored:
        columns["pos_scores"] = as_lists([rows["positive_score"].combine_chunks().cast(pa.float64())])
        # A list may hold more than every row of the release has.
        scores = pc.list_slice(rows["negative_scores"].combine_chunks(), 0, num_negatives)
        columns["neg_scores"] = scores.cast(_SCORES)
    return pa.table([columns[name] for name in schema.names], schema=schema)
