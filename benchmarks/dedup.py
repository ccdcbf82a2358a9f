"""Near duplicates: this project beside its peers, on real text, against the truth of all pairs.

    pip install -r benchmarks/requirements.txt
    python benchmarks/dedup.py --data FOLDER ... [--documents 25000] [--scale 100000 1000000]
                               [--peers NAME ...] [--runs 3] [--cache FOLDER]

A FOLDER holds, at any depth, Parquet files with the columns `language` and `text`. From them a corpus with planted near
duplicates is made, and all similar pairs in it are found by an exact method that shares no code with this project
(`near_duplicates/corpus.py`, `near_duplicates/truth.py`). Then all contenders run in turn, each in a process of its
own that is bound to one core and one thread, and that is repeated; figures are medians. A peer that is not installed,
or fails, is named and left out. `--scale` adds runs of ours on larger corpora; there only planted pairs are checked,
because listing all pairs takes too long.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from near_duplicates.runs import NotRunError, confine, measure_here


def main() -> None:
    """Read the command line; run one contender in this process, or all of them in processes of their own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", help="folders of Parquet files")
    parser.add_argument("--documents", type=int, default=25_000, help="documents of the corpus")
    parser.add_argument("--scale", type=int, nargs="*", default=[], help="sizes of larger corpora, for ours alone")
    parser.add_argument("--peers", nargs="*", help="peers to run, by name; all without this")
    parser.add_argument("--runs", type=int, default=3, help="times that all run in turn")
    parser.add_argument("--cache", type=Path, help="folder that keeps corpora and truths; a temporary one without this")
    one = parser.add_argument_group("one contender in this process")
    one.add_argument("--contender", help="its name")
    one.add_argument("--corpus", type=Path, help="file made by a run with --cache")
    one.add_argument("--result", type=Path, help="file for what it found, .npz")
    options = parser.parse_args()
    if options.contender:
        confine(options.contender)
        measure_here(options.contender, options.corpus, options.result)
    elif options.data:
        compare_all(parser, options)
    else:
        parser.error("--data or --contender is needed")


def compare_all(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Run the comparison that the command line asks for."""
    from near_duplicates.compare import Workshop, compare, grow
    from near_duplicates.contenders import PEERS

    peers = list(PEERS) if options.peers is None else options.peers
    if unknown := set(peers) - set(PEERS):
        parser.error(f"no peer is called {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    if any(size <= options.documents for size in options.scale):
        parser.error(f"sizes of --scale must be above --documents, which is {options.documents}")
    with tempfile.TemporaryDirectory() as folder:
        cache = options.cache or Path(folder)
        cache.mkdir(parents=True, exist_ok=True)
        workshop = Workshop(options.data, cache, options.documents)
        try:
            compare(workshop, peers, options.runs)
            if options.scale:
                grow(workshop, options.scale, options.runs)
        except NotRunError as reason:
            parser.exit(1, f"ours not run: {reason}\n")


if __name__ == "__main__":
    main()
