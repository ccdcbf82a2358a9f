"""The memory of a run's processes, by stage and number of pairs: it must not grow with the input.

    python -m benchmarks.memory --data FOLDER [--rows 100000,400000,2000000] [--workers 2] [--growth 1.25]

FOLDER is described in `benchmarks.corpus_of_pairs`; more pairs than it has are made by shuffling the words of texts.
Each size is one `curate run` (datatrove) in processes of its own, whose tree is looked at many times a second. A
figure is the most that any one process had in a stage, with the libraries that all of them begin with. `resident`
counts pages of mapped files, which the system takes back when it needs them; `own` does not.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.corpus_of_pairs import CONFIG, write_corpus
from benchmarks.one_core import environment

_INTERVAL = 0.05
_BEFORE, _AFTER = "plan", "release"


@dataclass(frozen=True, slots=True)
class Peak:
    """The most memory that one process had, in megabytes.

    Attributes:
        resident: all pages.
        own: those that no file backs.
    """

    resident: float = 0.0
    own: float = 0.0

    def with_sample(self, resident: float, own: float) -> Peak:
        """Return the greater of both, each by itself."""
        return Peak(max(self.resident, resident), max(self.own, own))


def stages_of(run: Path) -> list[tuple[str, Path]]:
    """Return name and marker of each stage of a run, in order; none before its plan is written."""
    try:
        plan = json.loads((run / "plan.json").read_bytes())
    except FileNotFoundError:
        return []
    return [(stage["stage"], run / stage["folder"] / "DONE.json") for stage in plan["stages"]]


def at_work(stages: Sequence[tuple[str, Path]], finished: int) -> int:
    """Return how many stages are finished, of which it is known that so many are."""
    while finished < len(stages) and stages[finished][1].exists():
        finished += 1
    return finished


def samples(process: psutil.Process) -> Iterator[tuple[float, float]]:
    """Yield resident and own megabytes of each process of a tree."""
    try:
        tree = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for each in tree:
        try:
            memory = each.memory_info()
        except psutil.NoSuchProcess:
            continue
        yield memory.rss / 1e6, (memory.rss - getattr(memory, "shared", 0)) / 1e6


def watch(command: Sequence[str], run: Path) -> dict[str, Peak]:
    """Run a command that fills the folder `run`; return the peak of each stage, in the order of the stages.

    Raises:
        subprocess.CalledProcessError: if it fails.
    """
    peaks: dict[str, Peak] = {_BEFORE: Peak()}
    stages: list[tuple[str, Path]] = []
    finished = 0
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment())
    process = psutil.Process(child.pid)
    while child.poll() is None:
        stages = stages or stages_of(run)
        finished = at_work(stages, finished)
        stage = _BEFORE if not stages else stages[finished][0] if finished < len(stages) else _AFTER
        for resident, own in samples(process):
            peaks[stage] = peaks.get(stage, Peak()).with_sample(resident, own)
        time.sleep(_INTERVAL)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, list(command))
    return peaks


def measure(data: Path, rows: int, workers: int) -> dict[str, Peak]:
    """Return the peaks of a run on so many pairs."""
    with tempfile.TemporaryDirectory() as folder:
        inputs, run = Path(folder) / "inputs", Path(folder) / "run"
        write_corpus(data, inputs, rows)
        command = [sys.executable, "-m", "curation.cli", "run", str(inputs / CONFIG), "--out", str(run)]
        return watch([*command, "--workers", str(workers)], run)


def table(found: Mapping[int, Mapping[str, Peak]]) -> str:
    """Return the peaks of each size side by side, as text."""
    stages = list(dict.fromkeys(stage for peaks in found.values() for stage in peaks))
    lines = [" " * 14 + "".join(f"{f'{rows:,} pairs':>24}" for rows in found)]
    lines.append(f"{'stage':14}" + "".join(f"{'resident':>14}{'own':>10}" for _ in found))
    for stage in stages:
        peaks = [peaks.get(stage, Peak()) for peaks in found.values()]
        lines.append(f"{stage:14}" + "".join(f"{peak.resident:>11,.0f} MB{peak.own:>7,.0f} MB" for peak in peaks))
    return "\n".join([*lines, f"{'most':14}" + "".join(f"{most(peaks):>21,.0f} MB" for peaks in found.values())])


def most(peaks: Mapping[str, Peak]) -> float:
    """Return the most memory of its own that a process had, in megabytes."""
    return max(peak.own for peak in peaks.values())


def main() -> None:
    """Read the command line; measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of real text")
    parser.add_argument("--rows", default="100000,400000,2000000", help="pairs, rising")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--growth", type=float, default=1.25, help="what the last may have of the first size's memory")
    options = parser.parse_args()
    found = {}
    for rows in map(int, options.rows.split(",")):
        found[rows] = measure(options.data, rows, options.workers)
        print(table({rows: found[rows]}), flush=True)
    if len(found) > 1:
        growth = most(found[max(found)]) / most(found[min(found)])
        verdict = "reached" if growth <= options.growth else "MISSED"
        print(f"\n{table(found)}\ngrowth {growth:.2f}; goal at most {options.growth}: {verdict}")


if __name__ == "__main__":
    main()
