"""The view for the training code of F2LLM and ML-Embed: one Parquet file a dataset, and the names to register."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.export.names import counted
from curation.export.pieces import read_pieces
from curation.export.plan import Dataset, Plan
from curation.export.target import Target, Written, write_targets
from curation.export.texts import with_instruction
from curation.files import write_json
from curation.hashing import priority

DATA = "raw_training_data"
REGISTRY = "datasets.json"
NUM_NEGATIVES = 24
CLASSIFICATION_NEGATIVES = 1

# The lists of its utils.py that decide which losses a dataset gets; it knows no other task types.
_LISTS = {"classification": "CLASSIFICATION_DATASETS", "clustering": "CLUSTERING_DATASETS"}
_OTHER_LIST = "RETRIEVAL_DATASETS"

_Keys = tuple[npt.NDArray[np.int32], npt.NDArray[np.uint64]]


def write(plan: Plan, folder: Path) -> Written:
    """Write the folder that the tokenising step reads, which takes every file in it, and the registry beside that."""
    kept = _kept_rows(plan)
    targets = {dataset: _target(plan, dataset, kept.get(dataset)) for dataset in plan.exported}
    names = [f"negative_{number}" for number in range(1, plan.num_negatives + 1)]
    written = write_targets(plan, folder, targets, ["anchor", "positive", *names])
    registry: dict[str, list[str]] = {_OTHER_LIST: [], **{name: [] for name in _LISTS.values()}}
    for dataset in plan.exported:
        registry[_LISTS.get(dataset.task, _OTHER_LIST)].append(dataset.name)
    write_json(folder / REGISTRY, registry)
    return Written({**written.files, REGISTRY: None}, written.rows, _warnings(plan, written.rows))


def _target(plan: Plan, dataset: Dataset, keep: npt.NDArray[np.bool_] | None) -> Target:
    count = CLASSIFICATION_NEGATIVES if dataset.task == "classification" else NUM_NEGATIVES
    names = ["query", "passage", *(f"negative_{number}" for number in range(1, count + 1))]
    schema = pa.schema([pa.field(name, pa.string(), nullable=False) for name in names])
    convert = functools.partial(
        _convert, schema=schema, instruction=dataset.instruction, num_negatives=plan.num_negatives
    )
    return Target(f"{DATA}/{dataset.name}.parquet", schema, convert, keep)


def _convert(rows: pa.Table, *, schema: pa.Schema, instruction: str, num_negatives: int) -> pa.Table:
    negatives = [rows[f"negative_{index % num_negatives + 1}"] for index in range(len(schema) - 2)]
    return pa.table([with_instruction(rows["anchor"], instruction), rows["positive"], *negatives], schema.names)


def _kept_rows(plan: Plan) -> dict[Dataset, npt.NDArray[np.bool_]]:
    """Return which rows of each dataset that is too large are taken: first copies before second ones.

    Within copies those of least priority are taken, ties by position. All copies of a record have its priority, so by
    that alone they would be taken together, in place of other records.
    """
    large = {dataset for dataset in plan.exported if dataset.rows > plan.options.max_rows}
    keys: dict[Dataset, list[_Keys]] = {}
    for language, split in dict.fromkeys((dataset.language, dataset.split) for dataset in plan.exported):
        if not any((dataset.language, dataset.split) == (language, split) for dataset in large):
            continue
        for dataset, rows in read_pieces(plan, language, split, ["id", "copy"]):
            if dataset in large:
                keys.setdefault(dataset, []).append(_keys(rows, plan.release.manifest["seed"]))
    return {dataset: _smallest(parts, plan.options.max_rows) for dataset, parts in keys.items()}


def _keys(rows: pa.Table, seed: int) -> _Keys:
    """Return the copy and the priority of each row, shape (n,) each."""
    copies = rows["copy"].to_numpy() if "copy" in rows.column_names else np.zeros(rows.num_rows, dtype=np.int32)
    return copies, priority(rows["id"].to_pylist(), "export", seed)


def _smallest(parts: Sequence[_Keys], count: int) -> npt.NDArray[np.bool_]:
    copies, priorities = (np.concatenate(side) for side in zip(*parts, strict=True))
    kept = np.zeros(len(copies), dtype=bool)
    # `lexsort` is stable, and its last key is the first to go by.
    kept[np.lexsort((priorities, copies))[:count]] = True
    return kept


def _warnings(plan: Plan, rows: dict[Dataset, int]) -> tuple[str, ...]:
    warnings = []
    short = {dataset: count for dataset, count in rows.items() if dataset.task != "classification"}
    if plan.num_negatives < NUM_NEGATIVES and short:
        warnings.append(
            f"{sum(short.values()):,} rows of {counted(len(short), 'dataset')} have {plan.num_negatives} negatives, "
            f"which are repeated in turn to make the {NUM_NEGATIVES} that the training code reads; for {NUM_NEGATIVES} "
            f"of their own make the release with `mining.num_negatives: {NUM_NEGATIVES}`, or `mining.preset: f2llm`"
        )
    lonely = sorted(dataset.name for dataset, count in rows.items() if count == 1)
    if lonely:
        warnings.append(
            f"{counted(len(lonely), 'dataset')} with one row, which the training code cannot split into 99 and 1 per "
            f"cent, must be removed before it runs ({', '.join(lonely[:5])}{', ...' * (len(lonely) > 5)})"
        )
    cut = [dataset for dataset, count in rows.items() if count < dataset.rows]
    if cut:
        lost = sum(dataset.rows - rows[dataset] for dataset in cut)
        warnings.append(
            f"{lost:,} rows of {counted(len(cut), 'dataset')} are left out: a dataset may have "
            f"{counted(plan.options.max_rows, 'row')}"
        )
    return tuple(warnings)
