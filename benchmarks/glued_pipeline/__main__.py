"""Run it, and print what it took."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.glued_pipeline.pipeline import run_glued


def main() -> None:
    """Read the command line, run, print a table."""
    parser = argparse.ArgumentParser(description="The work of a run, glued from libraries.")
    parser.add_argument("--inputs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    ran = run_glued(options.inputs, options.out)
    for name, (cpu, wall) in ran.seconds.items():
        print(f"{name:14}{cpu:9.2f} s of processor {wall:9.2f} s{ran.rows.get(name, ''):>12}")
    print(ran.dropped)


if __name__ == "__main__":
    main()
