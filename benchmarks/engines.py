"""The same config by datatrove's workers, by Ray and by Beam, side by side on this machine.

    python benchmarks/engines.py --data FOLDER [--rows 100000] [--runs 3] [--workers 2] [--engines local ray beam]

FOLDER has tatoeba/pairs.parquet (`language`, `text`, `english`), python-docs/paragraphs.parquet (the same columns) and
bible/verses.parquet (`language`, `verse`, `text`; paired with Swahili by verse). Of their pairs, the `--rows` with the
smallest hash are taken; where that is more than there are, pairs are taken again with a number behind both texts.
Neither mining nor the gate takes part.

Every run is `curate run` in a process of its own, into a new folder. Start-up (imports, compiled code, worker
processes, a cluster, and whatever each stage costs without rows) is what the same command takes for 200 rows; it is
measured as often as the run itself, and its median is taken off. Engines take turns, so that what else the machine
does meets all of them. All releases must be the same, byte for byte.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.hashing import priority

ENGINES = {
    "local": ["--workers", "{workers}"],
    "ray": ["--workers", "{workers}", "--", "--launcher", "ray"],
    "beam": ["--engine", "beam"],
    "beam-processes": [
        "--engine",
        "beam",
        "--",
        "--direct_running_mode=multi_processing",
        "--direct_num_workers={workers}",
    ],
}
COLUMNS = ["query", "text", "language"]
SMALL = 200
CONFIG = """\
name: engines
sources:
  - name: pairs
    format: parquet
    path: pairs-*.parquet
    licence: CC0-1.0
    task: bitext
    query_language: {{column: query_language}}
    positive_language: {{column: language}}
    columns: {{query: query, positive: text}}
engine: {{partitions: {partitions}}}
gate: {{enabled: false}}
mining: {{enabled: false}}
"""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=["local", "ray", "beam"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="engines-") as name:
        folder = Path(name)
        pairs = _pairs(arguments.data)
        for rows in (SMALL, arguments.rows):
            _write(pairs, rows, folder / str(rows), arguments.partitions)
        _compare(folder, arguments)


def _compare(folder: Path, arguments: argparse.Namespace) -> None:
    seconds: dict[tuple[str, int], list[float]] = {}
    releases: dict[int, set[str]] = {SMALL: set(), arguments.rows: set()}
    for turn in range(arguments.runs):
        for engine in arguments.engines:
            for rows in (SMALL, arguments.rows):
                taken, release = _run(folder / str(rows), ENGINES[engine], arguments.workers)
                seconds.setdefault((engine, rows), []).append(taken)
                releases[rows].add(release)
                print(f"turn {turn + 1}: {engine}, {rows:,} rows: {taken:.1f} s", file=sys.stderr, flush=True)
    assert all(len(found) == 1 for found in releases.values()), "the engines made different releases"
    middle = {key: median(times) for key, times in seconds.items()}
    work = {engine: middle[engine, arguments.rows] - middle[engine, SMALL] for engine in arguments.engines}
    first = arguments.engines[0]
    print(f"{arguments.rows:,} rows, {arguments.workers} workers, medians of {arguments.runs}; seconds")
    print(f"{'engine':<16}{'start-up':>10}{'all':>10}{'work':>10}{f'/ {first}':>10}")
    for engine in arguments.engines:
        start, whole = middle[engine, SMALL], middle[engine, arguments.rows]
        print(f"{engine:<16}{start:>10.1f}{whole:>10.1f}{work[engine]:>10.1f}{work[engine] / work[first]:>10.2f}")


def _run(folder: Path, options: list[str], workers: int) -> tuple[float, str]:
    """Return the seconds that a run takes, and the digest of its manifest."""
    with tempfile.TemporaryDirectory(dir=folder) as out:
        command = [sys.executable, "-m", "curation.cli", "run", str(folder / "config.yml"), "--out", out]
        begin = time.perf_counter()
        done = subprocess.run(
            [*command, *(option.format(workers=workers) for option in options)], check=False, capture_output=True
        )
        taken = time.perf_counter() - begin
        if done.returncode:
            sys.exit(done.stderr.decode(errors="replace"))
        return taken, hashlib.sha256((Path(out) / "release" / "manifest.json").read_bytes()).hexdigest()


def _pairs(data: Path) -> pa.Table:
    """Return all pairs: query, text, language, query_language."""
    verses = pq.read_table(data / "bible" / "verses.parquet")
    is_swahili = pc.equal(verses["language"], "swh")
    swahili = verses.filter(is_swahili).select(["verse", "text"]).rename_columns(["verse", "query"])
    aligned = verses.filter(pc.invert(is_swahili)).join(swahili, "verse", join_type="inner")
    plain = [data / "tatoeba" / "pairs.parquet", data / "python-docs" / "paragraphs.parquet"]
    tables = [pq.read_table(path, columns=["english", "text", "language"]) for path in plain]
    tables = [*(table.rename_columns(COLUMNS) for table in tables), aligned.select(COLUMNS)]
    languages = [*["eng"] * len(plain), "swh"]
    return pa.concat_tables(
        table.drop_null().append_column("query_language", pa.array([language] * table.drop_null().num_rows))
        for table, language in zip(tables, languages, strict=True)
    )


def _write(pairs: pa.Table, rows: int, folder: Path, parts: int) -> None:
    """Write so many pairs to files, and a config that reads them."""
    folder.mkdir()
    taken = pa.concat_tables(_copies(pairs, rows))
    keys = [f"{row['language']} {row['query']} {row['text']}" for row in taken.to_pylist()]
    order = np.argsort(priority(keys, "benchmark", 0), kind="stable")
    taken = taken.take(pa.array(order[:rows]))
    for part in range(parts):
        start, stop = (edge * rows // parts for edge in (part, part + 1))
        pq.write_table(taken.slice(start, stop - start), folder / f"pairs-{part}.parquet")
    (folder / "config.yml").write_text(CONFIG.format(partitions=parts), encoding="utf-8")


def _copies(pairs: pa.Table, rows: int) -> Iterator[pa.Table]:
    """Yield all pairs, and all again with a number behind both texts, until there are enough."""
    yield pairs
    for number in range(2, -(-rows // pairs.num_rows) + 1):
        suffix = pa.scalar(f" {number}")
        texts = {name: pc.binary_join_element_wise(pairs[name], suffix, "") for name in ("query", "text")}
        yield pa.table({**texts, "language": pairs["language"], "query_language": pairs["query_language"]})


if __name__ == "__main__":
    main()
