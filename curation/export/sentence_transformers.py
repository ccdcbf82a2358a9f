"""The view for sentence-transformers: a folder that `datasets` opens, with the prompts beside it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from curation.export.plan import Dataset, Plan
from curation.export.target import Target, Written, write_targets
from curation.export.texts import instruction_prefix, with_instruction
from curation.files import write_json, write_text
from curation.release import layout

PROMPTS = "prompts.json"

_CARD = """\
---
{front}---

# {title}

Exported by `curate export --view sentence-transformers` from the release {release}.
Every column is an input of the loss, in this order: anchor, positive, negative_1 and so on.
`prompts.json` is the training argument `prompts`.
"""


def write(plan: Plan, folder: Path) -> Written:
    """Write a Parquet file a dataset and split, README.md with a config a dataset, and prompts.json."""
    schema = layout.data_schema(plan.num_negatives)
    targets = {
        dataset: Target(
            f"data/{dataset.name}/{dataset.split}-00000-of-00001.parquet",
            schema,
            functools.partial(_convert, schema=schema, instruction=_baked(plan, dataset)),
        )
        for dataset in plan.exported
    }
    written = write_targets(plan, folder, targets, schema.names)
    write_json(folder / PROMPTS, _prompts(plan))
    write_text(folder / layout.CARD, _card(plan))
    return Written({**written.files, PROMPTS: None, layout.CARD: None}, written.rows)


def _baked(plan: Plan, dataset: Dataset) -> str:
    return dataset.instruction if plan.options.instruction_in_text else ""


def _convert(rows: pa.Table, *, schema: pa.Schema, instruction: str) -> pa.Table:
    texts = rows.select(schema.names)
    return texts.set_column(0, "anchor", with_instruction(texts["anchor"], instruction)).cast(schema)


def _prompts(plan: Plan) -> dict[str, Any]:
    # By dataset and column: of a plain text a dataset, the trainer would put it before every column. All datasets
    # are named or none, for it refuses to train on one that is not.
    baked = plan.options.instruction_in_text
    found = {d.name: {"anchor": instruction_prefix(d.instruction)} if d.instruction else {} for d in plan.exported}
    return found if any(found.values()) and not baked else {}


def _card(plan: Plan) -> str:
    files: dict[str, list[dict[str, str]]] = {}
    for dataset in plan.exported:
        path = f"data/{dataset.name}/{dataset.split}-*.parquet"
        files.setdefault(dataset.name, []).append({"split": dataset.split, "path": path})
    front = {"configs": [{"config_name": name, "data_files": entries} for name, entries in files.items()]}
    text = yaml.safe_dump(front, allow_unicode=True, sort_keys=False, width=100)
    # The name in a code span: it is whatever the manifest says.
    title = "".join(c for c in str(plan.release.manifest["name"]) if c.isalnum() or c in " ._-")
    return _CARD.format(front=text, title=title or "Export", release=plan.release.digest)
