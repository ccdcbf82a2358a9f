"""The recipe, with the seconds of each step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.glued_pipeline.duplicates import drop_boilerplate, drop_equal, drop_near
from benchmarks.glued_pipeline.reading import read_and_filter
from benchmarks.glued_pipeline.shards import write_shards
from benchmarks.glued_pipeline.splits import add_groups, add_splits, fill_quota

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run took and left.

    Attributes:
        seconds: processor and wall seconds by step.
        rows: rows that each step left.
        dropped: documents that the steps of datatrove dropped.
    """

    seconds: dict[str, tuple[float, float]]
    rows: dict[str, int]
    dropped: dict[str, int]


def run_glued(inputs: Path, out: Path) -> Ran:
    """Run everything, from the files of `inputs` to shards and manifest in `out`."""
    pairs, seconds, dropped = read_and_filter(inputs)
    rows = {"filter": len(pairs)}

    def timed(name: str, step: Callable[..., _Result], *arguments: object) -> _Result:
        cpu, wall = time.process_time(), time.perf_counter()
        result = step(*arguments)
        seconds[name] = (time.process_time() - cpu, time.perf_counter() - wall)
        return result

    steps = {"boilerplate": drop_boilerplate, "exact_dedup": drop_equal, "near_dedup": drop_near, "group": add_groups}
    for name, step in {**steps, "split": add_splits, "balance": fill_quota}.items():
        pairs = timed(name, step, pairs)
        rows[name] = len(pairs)
    timed("shard", write_shards, pairs, out)
    return Ran(seconds, rows, dropped)
