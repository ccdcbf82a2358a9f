"""Simulate the runs of `inputs.json`; print their tables, or write them into a document."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.corpus_of_pairs import write_corpus
from benchmarks.scale.measure import run_seconds
from benchmarks.scale.schedule import Chance
from benchmarks.scale.simulate import Machine, Workload, simulate
from benchmarks.scale.tables import put, rates_table, runs_table, skew_table, table
from benchmarks.scale.workload import Languages
from pipelines.cost import Rates, load_prices, load_rates

_INPUTS = Path(__file__).with_name("inputs.json")
_CORES, _FEW = 2, 600


def main() -> None:
    """Read the command line; simulate, and print or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=Path, default=_INPUTS, help="what is assumed")
    parser.add_argument("--write", type=Path, help="document whose tables are replaced")
    parser.add_argument("--validate", type=Path, metavar="FOLDER", help="compare with runs on a folder of real text")
    parser.add_argument("--rows", default="100000,400000", help="pairs of the runs to compare with")
    options = parser.parse_args()
    inputs = json.loads(options.inputs.read_text(encoding="utf-8"))
    found = tables(inputs, load_rates())
    if options.validate:
        rows = tuple(map(int, options.rows.split(",")))
        found["validation"] = validation(options.validate, rows, inputs, load_rates())
    if not options.write:
        print("\n\n".join(found.values()))
        return
    document = options.write.read_text(encoding="utf-8")
    for name, text in found.items():
        document = put(document, name, text)
    options.write.write_text(document, encoding="utf-8")


def tables(inputs: Mapping[str, Any], rates: Rates) -> dict[str, str]:
    """Return the tables by name."""
    machines = [Machine(**machine) for machine in inputs["machines"]]
    languages, by_language = Languages(**inputs["languages"]), tuple(inputs["by_language"])
    workloads = [Workload(records, languages, by_language) for records in inputs["records"]]
    chance, prices = chance_of(inputs, rates), load_prices()
    return {
        "rates": rates_table(rates),
        "runs": runs_table(workloads, machines, rates, prices, chance),
        "skew": skew_table(workloads, machines[0], rates, chance),
    }


def chance_of(inputs: Mapping[str, Any], rates: Rates) -> Chance:
    """Return what is assumed to happen by chance."""
    return Chance(spread=rates.spread, failures=inputs["failures"], seed=inputs["seed"])


def validation(data: Path, rows: Sequence[int], inputs: Mapping[str, Any], rates: Rates) -> str:
    """Return a table of what runs take on this machine and what the simulation says.

    What it takes to import and to start is told by a run on very few records, and added to what is simulated.
    """
    lines = []
    for workers in (1, _CORES):
        few_told, few_measured = _told_and_measured(data, _FEW, workers, inputs, rates)
        for count in rows:
            told, measured = _told_and_measured(data, count, workers, inputs, rates)
            told += few_measured - few_told
            kind = "of processor" if workers == 1 else "wall"
            lines.append(
                (f"{count:,}", workers, kind, f"{told:,.1f}", f"{measured:,.1f}", f"{told / measured - 1:+.0%}")
            )
    return table(("records", "workers", "seconds", "simulated", "measured", "error"), lines)


def _told_and_measured(
    data: Path, records: int, workers: int, inputs: Mapping[str, Any], rates: Rates
) -> tuple[float, float]:
    """Return simulated and measured seconds: of processor time with one worker, of the clock with several."""
    from pipelines.plan import read_plan

    with tempfile.TemporaryDirectory() as folder:
        write_corpus(data, Path(folder) / "inputs", records)
        cpu, wall = run_seconds(Path(folder) / "inputs", workers, keep=Path(folder) / "run")
        tasks = read_plan(Path(folder) / "run").partitions
    # No task fails here, and languages are as they are in the text: even partitions are near enough.
    work = Workload(records, Languages(**inputs["languages"]), (), tasks=tasks)
    machine = Machine("this machine", "machine", workers, disk_gb_s=1.0)
    told = simulate(work, machine, rates, Chance(spread=rates.spread, seed=inputs["seed"]))
    return (told.busy_seconds, cpu) if workers == 1 else (told.wall, wall)


if __name__ == "__main__":
    main()
