"""Shards of a release: what a new version sends to the Hub, and how fast they are written, beside other layouts.

    pip install -r benchmarks/requirements.txt
    python benchmarks/release.py --data FOLDER [--languages 8] [--negatives 3] [--layouts NAME ...] [--cache FOLDER]

FOLDER holds `tatoeba/pairs.parquet`, `bible/verses.parquet` and `python-docs/paragraphs.parquet`. Their rows become
records; the last 5 % of each source's part of a language are kept back as what a later version appends. Each layout
writes the first version and each later one, and the Hub's own client (hf_xet) uploads both, all files in one commit, to
a folder in place of the server: `sent` is what it sends for the later version, in per cent of that version's files.
Texts that both views hold count as the client counts them.

Speed is processor time with one thread of Arrow, from records in memory (sorted by id, as the sink gets them) to closed
files, digests included; MB of text are those of the records, once, although both views hold them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

import pyarrow as pa

GOAL_SENT, GOAL_SPEED = 0.12, 150.0


def main() -> None:
    """Read the command line and print a row for each layout and change."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpora")
    parser.add_argument("--languages", type=int, default=8, help="the languages with the most text")
    parser.add_argument("--negatives", type=int, default=3, help="negatives of each record")
    parser.add_argument("--layouts", nargs="*", help="layouts to write, by name; all without this")
    parser.add_argument("--cache", type=Path, help="folder that keeps the records; a temporary one without this")
    options = parser.parse_args()
    pa.set_cpu_count(1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HF_HOME"] = folder
        measure(options, Path(folder))


def measure(options: argparse.Namespace, folder: Path) -> None:
    """Measure every layout in turn."""
    from release_layouts.corpus import read_corpus, text_bytes
    from release_layouts.layouts import LAYOUTS

    cache = options.cache or folder
    cache.mkdir(parents=True, exist_ok=True)
    records = read_corpus(options.data, options.negatives, options.languages, cache)
    print(f"{records.num_rows:,} records, {text_bytes(records) / 1e6:,.1f} MB of text, {options.languages} languages")
    for name in options.layouts or LAYOUTS:
        measure_layout(name, records, folder)


def measure_layout(name: str, records: pa.Table, folder: Path) -> None:
    """Print the speed of a layout and what each change sends."""
    from release_layouts.changes import CHANGES, before
    from release_layouts.corpus import text_bytes, with_ranks
    from release_layouts.layouts import LAYOUTS
    from release_layouts.uploads import upload

    old = with_ranks(before(records)).combine_chunks()
    begin = time.process_time()
    files = written(LAYOUTS[name], old, folder / "old")
    speed = text_bytes(old) / 1e6 / (time.process_time() - begin)
    first = upload(files, folder / "server")
    goal = f" goal >= {GOAL_SPEED:g}: {'met' if speed >= GOAL_SPEED else 'missed'}" if name == "ours" else ""
    print(f"\n{name}: {first.files / 1e6:.1f} MB of files, {speed:.0f} MB of text/s{goal}", flush=True)
    for change, apply in CHANGES.items():
        server = folder / "later"
        shutil.copytree(folder / "server", server)
        later = upload(written(LAYOUTS[name], with_ranks(apply(records)).combine_chunks(), folder / "new"), server)
        share = later.sent / later.files
        asked = name == "ours" and change.startswith("append")
        goal = f"  goal <= {GOAL_SENT:.0%}: {'met' if share <= GOAL_SENT else 'missed'}" if asked else ""
        print(f"  {change:28}{share:7.1%} of {later.files / 1e6:7.1f} MB{goal}", flush=True)
        shutil.rmtree(server)
    shutil.rmtree(folder / "server")


def written(write: object, records: pa.Table, folder: Path) -> list[Path]:
    """Write records to an empty folder and return its files."""
    shutil.rmtree(folder, ignore_errors=True)
    assert callable(write)
    write(records, folder)
    return sorted(folder.rglob("*.parquet"))


if __name__ == "__main__":
    main()
