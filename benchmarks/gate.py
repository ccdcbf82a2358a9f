"""What the gate sees: faults put into a sound release on purpose, and resampled releases without any.

    python benchmarks/gate.py --release FOLDER [--seeds 5] [--clean 20] [--lines PATTERN] [--jobs 2] [--out FOLDER]

Each mutation changes one thing in a release and seals it again; the gate then runs as it does at the end of a run, with
the untouched release for a baseline. Without a baseline, the checks that compare with one are not made, and all others
are the same: one run gives both columns. A run is a file below `--out`, and a suite that was stopped goes on.
`--write-docs` writes the table to docs/gate-mutations.md.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs" / "gate-mutations.md"


def main() -> None:
    """Read the command line, run what has not been run, and print the table."""
    options = _parser().parse_args()
    # The gate's workers import both: this folder is on their path already.
    from gate_mutations.lines import LINES
    from gate_mutations.report import table
    from gate_mutations.runs import CLEAN, Suite, read_results, run_suite

    release = options.release or _quickstart(options.out)
    suite = Suite(release.resolve(), options.out.resolve(), options.steps)
    names = [line.key for line in LINES if re.search(options.lines, line.key)]
    wanted = [(name, seed) for seed in range(options.seeds) for name in names]
    wanted += [(CLEAN, seed) for seed in range(options.clean)]
    for number, result in enumerate(run_suite(suite, wanted, options.jobs), start=1):
        note = f"{number}/{len(wanted)} {result['line']} {result['seed']}: {result['status']}, {result['cpu_s']:.0f} s"
        print(note, file=sys.stderr, flush=True)
    runs = set(wanted)
    printed = table([result for result in read_results(suite) if (result["line"], result["seed"]) in runs])
    print(printed)
    if options.write_docs:
        write_docs(printed)


def write_docs(table: str) -> None:
    """Put the table between the marks of the document."""
    from gate_mutations.report import BEGIN, END

    text = DOCS.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN, 1)
    DOCS.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{rest.split(END, 1)[1]}", encoding="utf-8")


def _quickstart(out: Path) -> Path:
    """Return the release of the quickstart, made where there is none yet."""
    folder = out / "quickstart"
    if not (folder / "release" / "manifest.json").exists():
        command = [sys.executable, "-c", "from curation.cli import main; main()", "quickstart", "--out", str(folder)]
        # Its own gate may fail, which the suite then shows.
        subprocess.run(command, check=False)
    return folder / "release"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", type=Path, help="folder of a sound release; the quickstart's without this")
    parser.add_argument("--seeds", type=int, default=5, help="seeds of each mutation")
    parser.add_argument("--clean", type=int, default=20, help="resampled releases without a fault")
    parser.add_argument("--lines", default="", help="regular expression that the names of the mutations match")
    parser.add_argument("--jobs", type=int, default=2, help="processes, each of one thread")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "gate-mutations", help="folder of the results")
    parser.add_argument("--steps", type=int, help="training steps; those of the release without this")
    parser.add_argument("--write-docs", action="store_true", help="write the table to docs/gate-mutations.md")
    return parser


if __name__ == "__main__":
    main()
