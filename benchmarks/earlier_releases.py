"""Time and memory of comparing new records with an earlier release.

    python benchmarks/earlier_releases.py --data FOLDER [--release 10000000] [--new 1000000] [--work FOLDER]

FOLDER holds Parquet files with the column `text`. A record's positive is two of these texts, drawn at random, so that
hardly any two records are alike; one new record in twenty is a record of the release with a changed end. Everything is
one language, which is the worst case: languages are compared one by one. Prints the time, how much memory was needed
above what the process had with its new records read, and how many of the changed copies were found.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.config.model import Dedup
from curation.dedup.index import index_schema, write_index, write_parts
from curation.dedup.kernels import warm_up
from curation.dedup.known import drop_known
from curation.records import RECORD_SCHEMA
from curation.release import Release, layout

OPTIONS = Dedup(by="positive")
PER_SHARD = 500_000
COPIED = 20
LANGUAGE = "eng_Latn"


def sentences(folder: Path) -> pa.Array:
    """Return the distinct texts of a folder's Parquet files that are 30 to 120 characters long."""
    texts = [pq.read_table(path, columns=["text"])["text"] for path in sorted(folder.rglob("*.parquet"))]
    column = pc.unique(pa.chunked_array([chunk.cast(pa.string()) for text in texts for chunk in text.chunks]))
    lengths = pc.utf8_length(column)
    return column.filter(pc.and_(pc.greater_equal(lengths, 30), pc.less_equal(lengths, 120)))


def positives(texts: pa.Array, count: int, seed: int) -> pa.Array:
    """Draw pairs of texts."""
    drawn = np.random.default_rng(seed).integers(0, len(texts), (2, count))
    return pc.binary_join_element_wise(*(texts.take(pa.array(rows)) for rows in drawn), " ")


def make_release(folder: Path, texts: pa.Array, count: int) -> None:
    """Write the `full` shards of a release, and its index."""
    shards = -(-count // PER_SHARD)
    paths = [layout.shard_path("full", LANGUAGE, "train", number, shards) for number in range(shards)]
    for number, path in enumerate(paths):
        size = min(PER_SHARD, count - number * PER_SHARD)
        first = number * PER_SHARD
        table = {
            "id": pa.array([f"{row:032x}" for row in range(first, first + size)]),
            "anchor": pa.repeat(pa.scalar("q"), size),
            "positive": positives(texts, size, number),
            "query_language": pa.repeat(pa.scalar(LANGUAGE), size),
            "positive_language": pa.repeat(pa.scalar(LANGUAGE), size),
        }
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(table), folder / path, compression="zstd", row_group_size=50_000)
    begin = time.perf_counter()
    write_parts(folder, paths, OPTIONS)
    write_index(folder / layout.INDEX, folder, paths, OPTIONS, index_schema(OPTIONS).empty_table())
    size = (folder / layout.INDEX).stat().st_size
    print(f"index of {count:,} records: {time.perf_counter() - begin:.0f} s, {size / count:.0f} bytes a record")


def make_new(file: Path, texts: pa.Array, count: int, known: int) -> None:
    """Write the new records; the first are changed copies."""
    table = positives(texts, count, seed=10**6)
    copies = positives(texts, min(known, PER_SHARD), 0)[: count // COPIED]
    changed = pa.concat_arrays([pc.binary_join_element_wise(copies, "...", ""), table[len(copies) :]])
    columns = {name: pa.repeat(pa.scalar(""), count) for name in RECORD_SCHEMA.names}
    columns |= {"id": pa.array([f"{row + (1 << 100):032x}" for row in range(count)]), "positive": changed}
    columns |= {f"{name}language": pa.repeat(pa.scalar(LANGUAGE), count) for name in ("", "query_", "positive_")}
    columns |= {"row": pa.array(np.arange(count)), "negatives": pa.repeat(pa.scalar([], pa.list_(pa.string())), count)}
    pq.write_table(pa.table([columns[name] for name in RECORD_SCHEMA.names], schema=RECORD_SCHEMA), file)


def peak() -> float:
    """Return the greatest resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def compare(folder: Path, file: Path) -> None:
    """Compare the new records of a file with the release of a folder."""
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.glob("full/*/*.parquet"))
    files = [{"path": path, "bytes": 0, "sha256": ""} for path in paths]
    release = Release(folder, {"name": "benchmark", "version": "0.0.0", "files": files}, "0" * 64)
    warm_up()
    records = pq.read_table(file)
    before, begin = peak(), time.perf_counter()
    outcome = drop_known(records, OPTIONS, [release], {})
    seconds = time.perf_counter() - begin
    copies = records.num_rows // COPIED
    found = pc.sum(pc.less(outcome.ledger["row"], copies)).as_py() or 0
    print(f"{records.num_rows:,} new records ({records.nbytes / 2**20:.0f} MB): {seconds:.0f} s")
    print(f"memory: {before:.0f} MB with the records read, at most {peak() - before:.0f} MB more")
    print(f"found {found:,} of {copies:,} changed copies, dropped {outcome.ledger.num_rows - found:,} others")


def main() -> None:
    """Make a release and new records, and compare them in a process of their own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of Parquet files")
    parser.add_argument("--release", type=int, default=10_000_000, help="records of the release")
    parser.add_argument("--new", type=int, default=1_000_000, help="new records")
    parser.add_argument("--work", type=Path, help="folder for the release; what is there is used again")
    parser.add_argument("--compare", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        folder, file = work / "release", work / "new.parquet"
        if options.compare:
            compare(folder, file)
            return
        texts = sentences(options.data)
        if not (folder / layout.INDEX).exists():
            make_release(folder, texts, options.release)
        make_new(file, texts, options.new, options.release)
        command = [sys.executable, __file__, "--data", str(options.data), "--work", str(work), "--compare"]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
