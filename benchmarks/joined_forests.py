"""What the one step of `near_dedup` that is done in one place takes: joining the forests of all partitions.

    python -m benchmarks.joined_forests DUPLICATES

A record in ten is a duplicate; clusters have three records and three links.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from curation.dedup.verdicts import join, link_rows, node_numbers
from curation.ngrams import Int64s

PARTITIONS = 64


def forests(duplicates: int) -> tuple[pa.Table, int]:
    """Return what all partitions send to the first one for so many duplicates, and how many edges that are."""
    records = np.random.default_rng(0).permutation(10 * duplicates)
    one, two, kept = np.split(records[: 3 * (duplicates // 2)], 3)
    left, right = np.concatenate([kept, two, one]), np.concatenate([one, kept, two])
    parts = []
    for home in range(PARTITIONS):
        mine = left % PARTITIONS == home
        links = {"left": _nodes(left[mine]), "right": _nodes(right[mine]), "similarity": np.ones(mine.sum())}
        # The links, which stay, come first.
        parts.append(link_rows(pa.table(links), home=home).slice(1))
    rows = pa.concat_tables(parts).combine_chunks()
    return rows, len(rows["left"].combine_chunks().values)


def _nodes(records: Int64s) -> np.ndarray:
    return node_numbers((records % PARTITIONS).astype(np.uint32), (records // PARTITIONS).astype(np.uint32))


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def main() -> None:
    """Parse the command line and measure; Linux only, where the peak of a process can be set back."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("duplicates", type=int)
    duplicates = parser.parse_args().duplicates
    join(forests(100)[0], pa.table({}), home=0)
    rows, edges = forests(duplicates)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before, began = _memory("VmRSS"), time.process_time()
    join(rows, pa.table({}), home=0)
    seconds, taken = time.process_time() - began, _memory("VmHWM") - before
    print(f"{edges:,} edges of {rows.nbytes / edges:.1f} bytes: {seconds:.1f} s, {taken / edges:.0f} bytes each beyond")


if __name__ == "__main__":
    main()
