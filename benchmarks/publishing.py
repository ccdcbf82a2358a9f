"""Publishing a release beside the client's own `upload_folder`: time, memory, and what a second version sends.

    python benchmarks/publishing.py [--files 2000] [--megabytes 1000] [--runs 3] [--lfs] [--growth 0.05]

Both send the same sealed release of shards of random letters (no compression helps, so nothing is faster than it would
be with text) to the double of the Hub from the tests, which is a process of its own on loopback; each turn has a new
one. `upload_folder` makes as many commits as it likes and verifies nothing; ours stages, verifies, promotes and tags.
Time is that of the call, imports excluded. Memory is the most that the client's process ever had.

Then each source's part of every language grows by `--growth` in rows, and a second version is published: what is sent
for it, in per cent of its bytes. That needs xet, so it is left out with --lfs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import resource
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[1]
TOKEN, REPO = "hf_" + "benchmark" * 3, "ada/benchmark"
CONTENDERS = ("publish", "upload_folder")
GOAL_TIME, GOAL_MEMORY, GOAL_SENT = 1.3, 400.0, 0.12
_LANGUAGES = 20
_ROWS_PER_FILE = 64


def main() -> None:
    """Read the command line and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--lfs", action="store_true", help="without xet")
    parser.add_argument("--growth", type=float, default=0.05)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--contend", nargs=3, metavar=("WHO", "RELEASE", "VERSION"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, xet=not options.lfs)
    elif options.contend:
        contend(*options.contend)
    else:
        with tempfile.TemporaryDirectory() as folder:
            compare(Path(folder), options)


def compare(folder: Path, options: argparse.Namespace) -> None:
    """Let both publish in turn, then publish a second version."""
    release = folder / "release"
    make_release(release, "1.0.0", options.files, options.megabytes * 1_000_000, growth=0.0)
    seen: dict[str, list[dict[str, float]]] = {who: [] for who in CONTENDERS}
    for turn in range(options.runs):
        for who in CONTENDERS:
            with server(folder / f"{who}-{turn}", lfs=options.lfs) as url:
                figures = run(who, release, "v1.0.0", url, lfs=options.lfs)
            seen[who].append(figures)
            print(f"turn {turn + 1}: {who}: {figures['seconds']:.1f} s, {figures['megabytes']:.0f} MB", flush=True)
    seconds = {who: median(each["seconds"] for each in turns) for who, turns in seen.items()}
    memory = max(each["megabytes"] for each in seen["publish"])
    print(f"{options.files:,} files, {options.megabytes:,} MB; medians of {options.runs}")
    print(f"time: {seconds['publish'] / seconds['upload_folder']:.2f}x upload_folder (goal {GOAL_TIME}x)")
    print(f"memory: {memory:.0f} MB (goal {GOAL_MEMORY:.0f} MB)")
    if not options.lfs:
        second(folder, release, options)


def second(folder: Path, release: Path, options: argparse.Namespace) -> None:
    """Publish a second version with more rows, and print what was sent for it."""
    later = folder / "later"
    make_release(later, "1.1.0", options.files, options.megabytes * 1_000_000, growth=options.growth)
    store = folder / "second"
    with server(store, lfs=False) as url:
        run("publish", release, "v1.0.0", url, lfs=False)
        before = stored(store)
        run("publish", later, "v1.1.0", url, lfs=False)
        sent = stored(store) - before
    whole = sum(path.stat().st_size for path in later.rglob("*.parquet"))
    print(f"a version with {options.growth:.0%} more rows sends {sent / whole:.1%} of its bytes (goal {GOAL_SENT:.0%})")


def stored(store: Path) -> int:
    """Return the bytes of what the uploader has sent: the chunks, and what says which files they make."""
    return sum(path.stat().st_size for path in (store / "cas").rglob("*") if path.is_file())


def make_release(folder: Path, version: str, files: int, size: int, *, growth: float) -> None:
    """Seal a release of so many files and about so many bytes; growth is in rows, at the end of each file."""
    from curation.files import sha256_file, write_json
    from curation.release import layout
    from curation.release.shards import schema_digest

    chars = size // files // _ROWS_PER_FILE // 2
    schema = pa.schema([pa.field(name, pa.string(), nullable=False) for name in ("anchor", "positive")])
    entries = []
    per_language = files // _LANGUAGES
    for number in range(files):
        code = f"l{chr(97 + number % _LANGUAGES)}a_Latn"
        path = layout.shard_path("data", code, "train", number // _LANGUAGES, per_language)
        letters = random.Random(number)
        rows = round(_ROWS_PER_FILE * (1 + growth))
        columns = [["".join(letters.choices(string.printable[:94], k=chars)) for _ in range(2)] for _ in range(rows)]
        table = pa.table([[row[0] for row in columns], [row[1] for row in columns]], schema=schema)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(
            table, folder / path, compression="zstd", use_content_defined_chunking=True, use_dictionary=False
        )
        entries.append({"path": path, "rows": rows, "schema": schema_digest(schema)})
    for name in (layout.CARD, layout.STATS, layout.CHANGELOG):
        (folder / name).write_text("{}" if name == layout.STATS else f"# {version}\n")
        entries.append({"path": name, "rows": None, "schema": ""})
    for entry in entries:
        file = folder / str(entry["path"])
        entry |= {"bytes": file.stat().st_size, "sha256": sha256_file(file)}
    facts: dict[str, Any] = {"name": "benchmark", "version": version, "seed": 1, "config": {}, "sources": {}}
    write_json(folder / layout.MANIFEST, {**facts, "files": entries})


@contextlib.contextmanager
def server(folder: Path, *, lfs: bool) -> Iterator[str]:
    """Start the double in a process of its own, and return its address."""
    command = [sys.executable, __file__, "--serve", str(folder), *(["--lfs"] if lfs else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def serve(folder: Path, *, xet: bool) -> None:
    """Be the double until somebody ends this process."""
    sys.path.insert(0, str(ROOT / "tests" / "doubles"))
    from hub_accounts import Account
    from hub_double import HubDouble

    with HubDouble(folder, {TOKEN: Account("ada")}, xet=xet) as double:
        print(double.url, flush=True)
        while True:
            time.sleep(60)


def run(who: str, release: Path, version: str, url: str, *, lfs: bool) -> dict[str, float]:
    """Let one of them publish in a process of its own."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HF_ENDPOINT": url, "HF_TOKEN": TOKEN, "HF_HOME": home, "PYTHONPATH": str(ROOT)}
        environment["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
        if lfs:
            environment["HF_HUB_DISABLE_XET"] = "1"
        command = [sys.executable, __file__, "--contend", who, str(release), version]
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def contend(who: str, release: str, version: str) -> None:
    """Publish, and print how long it took and the most memory that was had."""
    from huggingface_hub import HfApi

    from hub_upload import publish

    start = time.perf_counter()
    if who == "publish":
        publish(release, REPO, version, override="a benchmark")
    else:
        client = HfApi()
        client.create_repo(REPO, private=True, repo_type="dataset", exist_ok=True)
        client.upload_folder(repo_id=REPO, folder_path=release, repo_type="dataset")
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"seconds": seconds, "megabytes": peak}))


if __name__ == "__main__":
    main()
