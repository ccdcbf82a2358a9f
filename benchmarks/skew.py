"""How evenly work is shared out when English is most of the input: `python -m benchmarks.skew [ROWS] [PARTITIONS]`.

The rows are made up: English is 60 % of them, and 300 other languages share the rest as Zipf's law has it. They go
through the routing of the stages that work by language, and of the same by a hash of the language, as one would do it
at first. The fullest partition is what everybody waits for: printed is how many times the mean it holds.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.config.mining import Mining
from curation.hashing import content_id
from curation.mining.policies import Policies
from curation.quota.counts import count_rows
from curation.release.cutting import count_blocks, merge_blocks
from pipelines.graph import Mine, WriteShards
from pipelines.routing import by_key

ENGLISH, SMALL = 0.6, 300


def records(count: int) -> pa.Table:
    """Return made-up records, without texts."""
    shares = 1 / np.arange(1, SMALL + 1)
    shares = np.concatenate([[ENGLISH], (1 - ENGLISH) * shares / shares.sum()])
    drawn = np.random.default_rng(0).choice(SMALL + 1, size=count, p=shares)
    small = (f"q{chr(97 + number // 26)}{chr(97 + number % 26)}_Latn" for number in range(SMALL))
    names = pa.array(["eng_Latn", *small])
    languages = names.take(pa.array(drawn))
    rows = np.arange(count)
    same = {"source": "web", "task": "retrieval", "split": "train", "file": "a.parquet"}
    columns = {name: pa.repeat(pa.scalar(value), count) for name, value in same.items()}
    ids = pa.array([content_id(str(row)) for row in rows])
    columns |= {"id": ids, "component": ids, "language": languages, "positive_language": languages}
    columns |= {"row": pa.array(rows), "negatives": pa.array([[]] * count, pa.list_(pa.string()))}
    return pa.table(columns)


def loads(targets: npt.NDArray[np.int64], partitions: int) -> float:
    """Return how many times the mean the fullest partition holds."""
    counts = np.bincount(targets, minlength=partitions)
    return float(counts.max() / counts.mean())


def measure(count: int, partitions: int) -> Mapping[str, tuple[float, float]]:
    """Return for each stage the load by a hash of the language, and ours."""
    table = records(count)
    hashed = loads(by_key(table["language"], partitions).targets, partitions)
    mine = Mine(Mining(max_pool_rows=max(count // (2 * partitions), 1)), Policies("pad", {}), 0, {}, None, "split")
    rows = max(count // (2 * partitions), 1)
    shard, tally = WriteShards(rows), merge_blocks([count_blocks(table, [], rows)])
    return {
        "mine": (hashed, loads(mine.route(table, mine.side_table(count_rows(table)), partitions).targets, partitions)),
        "shard": (hashed, loads(shard.route(table, tally, partitions).targets, partitions)),
    }


def main() -> None:
    """Print the loads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="?", default=1_000_000)
    parser.add_argument("partitions", type=int, nargs="?", default=32)
    arguments = parser.parse_args()
    print(
        f"{arguments.rows:,} rows, {ENGLISH:.0%} of them English, {SMALL} other languages, {arguments.partitions} parts"
    )
    print(f"{'stage':<8}{'by a hash of the language':>28}{'as it is done':>16}   (fullest part / mean)")
    for stage, (hashed, ours) in measure(arguments.rows, arguments.partitions).items():
        print(f"{stage:<8}{hashed:>28.2f}{ours:>16.2f}")


if __name__ == "__main__":
    main()
