"""A process with one thread a library, and what it took."""

from __future__ import annotations

import os
from pathlib import Path

# Read by the libraries when they are imported.
THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "ARROW_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
)


def environment() -> dict[str, str]:
    """Return the environment of a process in which every library has one thread."""
    return os.environ | dict.fromkeys(THREADS, "1")


def confine() -> None:
    """Let Arrow have one thread in this process; `environment` is for the others.

    The process is bound to no core: beside other work that would make it wait, and processor time does not need it.
    """
    import pyarrow as pa

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)


def forget_peak() -> None:
    """Let the greatest memory count from now on (Linux)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_megabytes(field: str = "VmHWM") -> float:
    """Return the most megabytes that were ever resident in this process, or with `VmRSS` those that are now (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) * 1024 / 1e6
