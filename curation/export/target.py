"""Views that have a file for each dataset: what a file holds, and writing all of them in one pass."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.export.pieces import read_pieces
from curation.export.plan import Dataset, Plan
from curation.export.sinks import Write, check_file, open_sink


@dataclass(frozen=True, slots=True)
class Target:
    """The file that a dataset becomes.

    Attributes:
        path: path in the export, with `/`.
        schema: names and types of its rows.
        convert: makes rows of `schema` from rows of the release.
        keep: which rows of the dataset are taken, shape (rows,); None means all.
    """

    path: str
    schema: pa.Schema
    convert: Callable[[pa.Table], pa.Table]
    keep: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What a view wrote.

    Attributes:
        files: rows of each file by its path; None for a file without rows.
        rows: rows that each dataset gave.
        warnings: what the user should know.
    """

    files: dict[str, int | None]
    rows: dict[Dataset, int]
    warnings: tuple[str, ...] = field(default=())


def write_targets(plan: Plan, folder: Path, targets: Mapping[Dataset, Target], columns: Sequence[str]) -> Written:
    """Write a file for each dataset, in one pass over the release, and read each back.

    Args:
        plan: what is read.
        folder: where the files go.
        targets: the file of each dataset.
        columns: columns of the release that `convert` needs.

    Raises:
        ReleaseError: if a shard cannot be read, or a file is not what was written.
    """
    rows: Counter[Dataset] = Counter()
    for language, split in plan.parts:
        if split in plan.splits:
            rows += _write_part(plan, folder, targets, columns, (language, split))
    for dataset, target in targets.items():
        check_file(folder / target.path, target.schema, rows[dataset])
    return Written({target.path: rows[dataset] for dataset, target in targets.items()}, dict(rows))


def _write_part(
    plan: Plan, folder: Path, targets: Mapping[Dataset, Target], columns: Sequence[str], part: tuple[str, str]
) -> Counter[Dataset]:
    read: Counter[Dataset] = Counter()
    written: Counter[Dataset] = Counter()
    sinks: dict[Dataset, Write] = {}
    with contextlib.ExitStack() as stack:
        for dataset, rows in read_pieces(plan, *part, columns):
            target = targets[dataset]
            if dataset not in sinks:
                sinks[dataset] = stack.enter_context(open_sink(folder / target.path, target.schema))
            kept = rows if target.keep is None else rows.filter(pa.array(target.keep[read[dataset] :][: rows.num_rows]))
            read[dataset] += rows.num_rows
            written[dataset] += kept.num_rows
            sinks[dataset](target.convert(kept))
    return written
