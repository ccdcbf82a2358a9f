"""Runs of the gate on mutated releases, one file each, so that a suite goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from curation.code import code_digest
from curation.config.training import Training
from curation.files import write_json
from curation.gate import Verdict, run_gate
from curation.release import Release, layout, open_release

from .lines import LINES
from .resampled import resample
from .tables import Change, read_tables, write_change

CLEAN = "clean"
BASELINE = "baseline"
_LINES = {line.key: line for line in LINES}


@dataclass(frozen=True, slots=True)
class Suite:
    """What all runs of a suite share.

    Attributes:
        release: folder of the sound release.
        out: folder of the results.
        steps: training steps, None for those of the release.
    """

    release: Path
    out: Path
    steps: int | None = None

    def training(self, release: Release) -> Training:
        """Return the settings of the smoke model."""
        training = Training.model_validate(release.manifest["config"]["training"])
        return training if self.steps is None else training.model_copy(update={"steps": self.steps})

    def folder(self) -> Path:
        """Return the folder of the results of this release, these settings and this code: others are not mixed in."""
        release = open_release(self.release)
        digest = hashlib.sha256(f"{release.digest} {self.training(release)} {code_digest()}".encode())
        for file in sorted(Path(__file__).parent.glob("*.py")):
            digest.update(file.read_bytes() if file.stem not in ("report", "__init__") else b"")
        return self.out / digest.hexdigest()[:16]


def run_suite(suite: Suite, wanted: Sequence[tuple[str, int]], jobs: int) -> Iterator[dict[str, Any]]:
    """Run the gate for each (name of a line or `CLEAN`, seed) that has no result yet; yield all results.

    Args:
        suite: what to run on.
        wanted: the runs.
        jobs: processes, each of one thread.
    """
    _make_baseline(suite)
    files = {run: suite.folder() / f"{run[0]}-{run[1]}.json" for run in wanted}
    yield from (json.loads(file.read_text(encoding="utf-8")) for file in files.values() if file.exists())
    # Read by the libraries of linear algebra when a worker loads them.
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    with ProcessPoolExecutor(jobs, get_context("spawn"), _one_thread) as pool:
        runs = [pool.submit(_run, suite, *run) for run, file in files.items() if not file.exists()]
        for run in as_completed(runs):
            yield run.result()


def read_results(suite: Suite) -> list[dict[str, Any]]:
    """Return the results that are there, sorted by line and seed."""
    found = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(suite.folder().glob("*-[0-9]*.json"))]
    return sorted(found, key=lambda result: (result["line"], result["seed"]))


def _one_thread() -> None:
    import pyarrow as pa
    import torch

    torch.set_num_threads(1)
    pa.set_cpu_count(1)


def _make_baseline(suite: Suite) -> None:
    """Give a linked copy of the untouched release its verdict, once."""
    folder = suite.folder() / BASELINE
    if (folder / layout.VERDICT).exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    release = open_release(suite.release)
    copy = write_change(release, {}, Change({}), folder, seed=release.manifest["seed"])
    run_gate(copy, training=suite.training(copy), out=folder / "gate", cache=suite.out / "tokenizers")


def _run(suite: Suite, name: str, seed: int) -> dict[str, Any]:
    release = open_release(suite.release)
    tables = read_tables(release)
    change = resample(tables, seed) if name == CLEAN else _LINES[name].mutate(tables, seed)
    with tempfile.TemporaryDirectory(dir=suite.folder()) as folder:
        # A seed of its own, so that no run trains as the baseline did.
        mutated = write_change(release, tables, change, Path(folder) / "release", seed=seed + 1)
        del tables, change
        began, clock = time.process_time(), time.perf_counter()
        verdict = run_gate(
            mutated,
            training=suite.training(mutated).model_copy(update={"enabled": name == CLEAN or _LINES[name].trained}),
            baseline=open_release(suite.folder() / BASELINE),
            cache=suite.out / "tokenizers",
        )
    result = _result(name, seed, verdict)
    result |= {"cpu_s": time.process_time() - began, "wall_s": time.perf_counter() - clock}
    write_json(suite.folder() / f"{name}-{seed}.json", result)
    return result


def _result(name: str, seed: int, verdict: Verdict) -> dict[str, Any]:
    kept = ("id", "status", "severity", "language", "value", "op", "threshold", "detail")
    return {
        "line": name,
        "seed": seed,
        "status": verdict.status,
        "checks": [{field: check[field] for field in kept} for check in verdict.to_json()["checks"]],
        "versions": dict(verdict.environment),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
