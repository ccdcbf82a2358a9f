"""Hard-negative mining: this project beside its peers, in one run, on one thread.

    pip install -r benchmarks/requirements.txt
    python benchmarks/mining.py [--data FOLDER] [--only ROW ...] [--rounds 3] [--small] [--every-engine]

Each row is measured against a goal. All contenders of a row run in turn, and that is repeated; ratios are of medians of
processor time, which other work on the machine disturbs less than the clock on the wall. `--small` takes sizes for a
quick look: that everything runs, not how fast.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from near_duplicates.runs import THREAD_VARIABLES

# Read by the libraries when they are imported.
os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))


def main() -> None:
    """Read the command line, run rows, print figures."""
    from hard_negatives import end_to_end, search, translations
    from hard_negatives.figures import Options, print_table

    rows = {
        "exact": search.exact,
        "memory": search.memory,
        **{name: end_to_end.end_to_end(name) for name in end_to_end.CASES},
        "translations": translations.translations,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(rows), help="rows to run; all without this")
    parser.add_argument("--rounds", type=int, default=3, help="times that all contenders of a row run in turn")
    parser.add_argument("--small", action="store_true", help="sizes for a quick look")
    parser.add_argument("--every-engine", action="store_true", help="run engines that are slow on this CPU, too")
    parser.add_argument("--measure-memory", type=int, nargs=2, metavar=("ROWS", "DIMENSIONS"), help="in this process")
    parser.add_argument("--measure-miner", nargs=5, metavar="WHAT", help="one contender, in this process")
    parser.add_argument("--data", type=Path, help="folder that holds tatoeba/pairs.parquet")
    options = parser.parse_args()
    if options.measure_miner:
        contender, form, *sizes = options.measure_miner
        end_to_end.measure_miner(contender, form, *map(int, sizes))
        return
    if options.measure_memory:
        search.measure_memory(*options.measure_memory)
        return
    figures = []
    for name in options.only or rows:
        figures += rows[name](Options(options.small, options.rounds, options.every_engine, options.data))
    print_table(figures)


if __name__ == "__main__":
    main()
