"""Measure what each stage takes, on two sizes of real text, and write it for the estimate and the simulation.

    python -m benchmarks.scale.measure --data FOLDER --write pipelines/rates.json [--rows 20000,100000]

FOLDER is described in `benchmarks.corpus_of_pairs`. Each size is a run with one worker in a process of its own on one
core. What a stage takes of processor time at two sizes gives what it takes a record and what a task takes that holds
nothing. Bytes are counted in the run's work folder; memory is what a stage adds to the process, from the larger size.
What it takes to start the tasks of a round is the difference between two runs on very few pairs, with two workers and
with one.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.corpus_of_pairs import CONFIG, write_corpus
from benchmarks.one_core import confine, environment, forget_peak, peak_megabytes
from benchmarks.stage_clock import AFTER, BEFORE, StageClock
from pipelines.store import Done

_FEW = 600
_POLL_SECONDS = 0.02
_TIME = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) \|")
# Shorter tasks say more about the clock than about stragglers.
_LEAST_TASK_SECONDS = 0.5


@dataclass
class StageMeter(StageClock):
    """Notes memory, too.

    Attributes:
        memory: bytes that each stage added to the process at most.
    """

    memory: dict[str, float] = field(default_factory=dict)
    _resident: float = 0.0

    def started(self, stage: str, parts_total: int) -> None:
        """A stage begins."""
        super().started(stage, parts_total)
        forget_peak()
        self._resident = peak_megabytes("VmRSS")

    def finished(self, stage: str, done: Done, *, reused: bool) -> None:
        """A stage ends."""
        super().finished(stage, done, reused=reused)
        self.memory[stage] = max(0.0, peak_megabytes() - self._resident) * 1e6


@contextmanager
def watch_shuffle(work: Path) -> Iterator[dict[str, int]]:
    """Fill a table with the bytes that each stage shuffles, while a run fills its work folder.

    An engine may remove the files when it is done with them: they are looked at many times a second, and each counts
    with the most bytes that it ever had.
    """
    sizes: dict[tuple[str, str], int] = {}
    totals: dict[str, int] = {}
    stop = threading.Event()

    def look() -> None:
        for path in work.glob("*/shuffle/**/*.arrow"):
            try:
                size = path.stat().st_size
            except FileNotFoundError:
                continue
            inside = path.relative_to(work)
            key = inside.parts[0].rpartition("-")[0], str(inside)
            sizes[key] = max(sizes.get(key, 0), size)

    def watch() -> None:
        while not stop.wait(_POLL_SECONDS):
            look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield totals
    finally:
        stop.set()
        thread.join()
        for (stage, _), size in sizes.items():
            totals[stage] = totals.get(stage, 0) + size


def measure_here(inputs: Path) -> dict[str, Any]:
    """Run in this process, after a run on very few pairs; return figures by stage as JSON values."""
    from curation.config import load_config
    from pipelines.run import RunOptions, run

    confine()
    with tempfile.TemporaryDirectory() as folder:
        config = load_config(inputs / CONFIG)
        few = Path(folder) / "few"
        _write_few(inputs, few)
        run(load_config(few / CONFIG), few, Path(folder) / "warm-up", RunOptions(workers=1), StageClock())
        out, meter = Path(folder) / "run", StageMeter()
        base = peak_megabytes("VmRSS") * 1e6
        with watch_shuffle(out / "work") as shuffled:
            meter.start()
            run(config, inputs, out, RunOptions(workers=1), meter)
            meter.lap(AFTER)
        places = {path.name.rpartition("-")[0]: path for path in (out / "work").iterdir() if path.is_dir()}
        stages = {}
        for name, (cpu, _) in meter.seconds.items():
            place = places.get(name)
            stages[name] = {
                "cpu": cpu,
                "tasks": meter.parts.get(name, 1),
                "shuffled": shuffled.get(name, 0),
                "stored": _bytes_below(place) if place else 0,
                "memory": meter.memory.get(name, 0.0),
                "rounds": len(list((place / "log").iterdir())) if place and (place / "log").is_dir() else 1,
            }
        return {"stages": stages, "spreads": list(_spreads(out / "work")), "base": base}


def _write_few(inputs: Path, few: Path) -> None:
    few.mkdir()
    (few / CONFIG).write_bytes((inputs / CONFIG).read_bytes())
    for path in sorted(inputs.glob("*.parquet")):
        pq.write_table(pq.read_table(path).slice(0, 100), few / path.name)


def _bytes_below(place: Path) -> int:
    folders = ("records", "ledger", "files")
    return sum(path.stat().st_size for name in folders for path in (place / name).rglob("*") if path.is_file())


def _spreads(work: Path) -> Iterator[float]:
    """Yield the logarithms of the times of tasks over the mean of their round, as datatrove's logs have them."""
    for round_ in work.glob("*/log/*"):
        times = [seconds for log in sorted(round_.glob("logs/task_*.log")) if (seconds := _seconds(log)) is not None]
        mean = statistics.mean(times) if times else 0.0
        if len(times) > 1 and mean >= _LEAST_TASK_SECONDS:
            yield from (math.log(max(each, 1e-3) / mean) for each in times)


def _seconds(log: Path) -> float | None:
    times = [match[1] for line in log.read_text(encoding="utf-8").splitlines() if (match := _TIME.match(line))]
    if len(times) < 2:
        return None
    first, last = (datetime.fromisoformat(times[number]) for number in (0, -1))
    return (last - first).total_seconds()


def measure(inputs: Path) -> dict[str, Any]:
    """Measure in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scale.measure", "--data", str(inputs), "--here"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment())
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def run_seconds(inputs: Path, workers: int, keep: Path | None = None) -> tuple[float, float]:
    """Return processor and wall seconds of a `curate run`, imports included.

    Args:
        inputs: folder with the config.
        workers: processes at a time; with more than one the processor seconds are not all of them.
        keep: where the run is left; nowhere if None.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = str(keep or Path(folder) / "run")
        command = [sys.executable, "-m", "curation.cli", "run", str(inputs / CONFIG), "--out", out]
        command += ["--workers", str(workers)]
        begin, cpu = time.perf_counter(), _children_seconds()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=environment())
        return _children_seconds() - cpu, time.perf_counter() - begin


def _children_seconds() -> float:
    times = os.times()
    return times.children_user + times.children_system


def fitted(few: tuple[int, Mapping[str, Any]], many: tuple[int, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the rates of stages from what they took of two sizes; see `pipelines.cost.StageRate`.

    Args:
        few: records and figures of the smaller run.
        many: those of the larger one.
    """
    rates = {}
    for name, large in many[1].items():
        small = few[1][name]
        slope = max(0.0, (large["cpu"] - small["cpu"]) / (many[0] - few[0]))
        fixed = max(0.0, large["cpu"] - slope * many[0])
        held = few[0] / small["tasks"], many[0] / large["tasks"]
        rates[name] = {
            "cpu_us": round(slope * 1e6, 3),
            "task_seconds": round(fixed / large["tasks"], 4),
            "shuffled": round(large["shuffled"] / many[0], 1),
            "stored": round(large["stored"] / many[0], 1),
            "memory": round(max(0.0, large["memory"] - small["memory"]) / (held[1] - held[0]), 1),
            "rounds": large["rounds"],
            "serial": name in (BEFORE, AFTER),
        }
    return rates


def text_bytes(inputs: Path) -> tuple[int, int, int]:
    """Return records, bytes of their texts, and bytes of the files."""
    records = texts = size = 0
    for path in sorted(inputs.glob("*.parquet")):
        table = pq.read_table(path, columns=["query", "text"])
        records, size = records + table.num_rows, size + path.stat().st_size
        texts += sum(pc.sum(pc.binary_length(column)).as_py() or 0 for column in table.columns)
    return records, texts, size


def main() -> None:
    """Read the command line; measure, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of real text")
    parser.add_argument("--write", type=Path, help="file for the rates")
    parser.add_argument("--rows", default="20000,100000", help="pairs of two sizes")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        print(json.dumps(measure_here(options.data)))
        return
    text = json.dumps(rates(options.data, *map(int, options.rows.split(","))), indent=2) + "\n"
    if options.write:
        options.write.write_text(text, encoding="utf-8")
    else:
        print(text)


def rates(data: Path, few: int, many: int) -> dict[str, Any]:
    """Measure both sizes; return everything that a file of rates holds."""
    with tempfile.TemporaryDirectory() as folder:
        places = {rows: Path(folder) / str(rows) for rows in (_FEW, few, many)}
        for rows, place in places.items():
            write_corpus(data, place, rows)
        small, large = measure(places[few]), measure(places[many])
        records, texts, size = text_bytes(places[many])
        stages = fitted((few, small["stages"]), (many, large["stages"]))
        rounds = sum(rate["rounds"] for rate in stages.values() if not rate["serial"])
        starting = run_seconds(places[_FEW], 2)[1] - run_seconds(places[_FEW], 1)[1]
    spreads = [*small["spreads"], *large["spreads"]]
    return {
        "measured": f"{few:,} and {many:,} pairs, {datetime.now(UTC):%Y-%m-%d}, one core of {_processor()}",
        "text_bytes": round(texts / records, 1),
        "text_in_file": round(texts / size, 2),
        "base_memory": round(large["base"]),
        "launch_seconds": round(max(0.0, starting / rounds), 3),
        "spread": round(statistics.pstdev(spreads), 3) if spreads else 0.0,
        "stages": stages,
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


if __name__ == "__main__":
    main()
