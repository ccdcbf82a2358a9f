"""One run of one contender, in a process of its own, so that memory and warm caches are nobody else's.

The clock runs from the corpus file on disk (in the page cache, since it was just written or read) to labels in
memory. Imports are over by then, and compilation too: the contender has run on a few documents of the same corpus and
on exact and near copies of them, because without duplicates it would not get as far as comparing and joining them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

# Read by the libraries below when they are imported.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "ARROW_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
)
# Contenders with other conditions than one core and an untouched environment.
CORES = {"ours-2-cores": 2}
ENVIRONMENT = {"ours-numpy": {"CURATION_DEDUP_KERNELS": "numpy"}}

WARM_UP = 256  # documents, and as many exact and near copies

Job: TypeAlias = tuple[str, int]  # contender, documents


@dataclass(frozen=True, slots=True)
class Measured:
    """A run's figures.

    Attributes:
        seconds: wall clock, from the file to labels.
        busy: seconds of processor time in it, of all threads. Far below `seconds` times the cores, others were using
            them.
        base: megabytes resident after the imports.
        peak: most megabytes ever resident, base and the warm-up included. Of the pages of the mapped corpus, those
            that were touched count.
    """

    seconds: float
    busy: float
    base: float
    peak: float


class NotRunError(Exception):
    """A contender could not run; the message is its reason."""


def confine(name: str) -> None:
    """Bind this process to the cores and threads of a contender; to be called before anything is imported."""
    cores = CORES.get(name, 1)
    os.environ.update(ENVIRONMENT.get(name, {}))
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(cores)))
    if hasattr(os, "sched_setaffinity"):
        there = sorted(os.sched_getaffinity(0))
        if len(there) < cores:
            sys.exit(f"{cores} cores needed, {len(there)} there")
        os.sched_setaffinity(0, there[-cores:])


def measure_here(name: str, corpus: Path, result: Path | None) -> None:
    """Run a contender in this process, print its figures as JSON, and write to `result` what it found."""
    import numpy as np

    from near_duplicates.contenders import CONTENDERS
    from near_duplicates.corpus import read_texts, write_texts

    run = CONTENDERS[name].prepare()
    base = _resident("VmRSS")
    with tempfile.TemporaryDirectory() as folder:
        few = read_texts(corpus)[:WARM_UP].to_pylist()
        path = Path(folder) / "few.arrow"
        write_texts(path, [*few, *few, *(f"{text}!" for text in few)])
        run(path)
    begin, begin_busy = time.perf_counter(), time.process_time()
    found = run(corpus)
    seconds, busy = time.perf_counter() - begin, time.process_time() - begin_busy
    measured = Measured(seconds, busy, base, _resident("VmHWM"))
    if result:
        arrays = {"labels": found.labels, "flags": found.flags, "links": found.links and found.links()}
        np.savez(result, **{key: array for key, array in arrays.items() if array is not None})
    print(json.dumps(asdict(measured)))


def measure(name: str, corpus: Path, result: Path | None = None) -> Measured:
    """Run a contender in a new process.

    Raises:
        NotRunError: if it fails, with the last line of what it wrote to standard error.
    """
    command = [sys.executable, sys.argv[0], "--contender", name, "--corpus", str(corpus)]
    command += ["--result", str(result)] if result else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotRunError((done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1])
    return Measured(**json.loads(done.stdout.strip().splitlines()[-1]))


def _resident(field: str) -> float:
    """Return the megabytes now (`VmRSS`) or ever (`VmHWM`) resident.

    `ru_maxrss` is no substitute on Linux: a process starts with that of the one that forked it.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    line = next(line for line in status.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024 / 1e6
