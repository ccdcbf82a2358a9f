"""A whole run without teacher, gate and training, against the same work glued from libraries: records/s on one core.

    python -m benchmarks.end_to_end --data FOLDER [--rows N] [--glued-rows N,N] [--runs 3]

FOLDER is described in `benchmarks.corpus_of_pairs`, the other contender in `benchmarks.glued_pipeline`. Each run is a
process of its own with one thread a library; it first runs on a few hundred pairs, so that imports, models and compiled
code are there when the clock starts. Ours is `pipelines.run.run` with the engine datatrove and one worker, from finding
and hashing the inputs to the finished release. Figures are medians; processor seconds count, since the machine may have
other work, and wall seconds stand beside them.

The glued pipeline is measured on fewer pairs, of two sizes, so that what it costs to start can be told from what each
pair costs: ours is compared with the best of its rates, that between the two sizes included. The floor is what the
fastText runtime alone takes for the distinct texts of both sides: nothing that asks that model about each text can be
faster.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.corpus_of_pairs import CONFIG, write_corpus
from benchmarks.one_core import confine, environment, peak_megabytes
from benchmarks.stage_clock import AFTER, StageClock

RATE_GOAL, RATIO_GOAL = 25_000, 20
_WARM_UP = 600


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one contender.

    Attributes:
        records: pairs that went in.
        left: pairs that came out, or distinct texts of the floor.
        stages: processor and wall seconds of each stage.
        megabytes: most resident, imports and warm-up included.
    """

    records: int
    left: int
    stages: dict[str, tuple[float, float]]
    megabytes: float

    @property
    def cpu(self) -> float:
        """Processor seconds of all stages."""
        return sum(cpu for cpu, _ in self.stages.values())

    @property
    def wall(self) -> float:
        """Wall seconds of all stages."""
        return sum(wall for _, wall in self.stages.values())

    @property
    def rate(self) -> float:
        """Pairs in a second of processor time."""
        return self.records / self.cpu


def run_ours(inputs: Path, out: Path) -> tuple[int, dict[str, tuple[float, float]]]:
    """Run this project in this process; return the rows that came out and the seconds of each stage."""
    from curation.config import load_config
    from pipelines.run import RunOptions, run

    clock = StageClock()
    clock.start()
    run(load_config(inputs / CONFIG), inputs, out, RunOptions(workers=1), clock)
    clock.lap(AFTER)
    return clock.rows_out, clock.seconds


def run_peer(inputs: Path, out: Path) -> tuple[int, dict[str, tuple[float, float]]]:
    """Run the glued pipeline in this process; see `run_ours`."""
    from benchmarks.glued_pipeline.pipeline import run_glued

    ran = run_glued(inputs, out)
    return ran.rows["balance"], ran.seconds


def run_floor(inputs: Path, _out: Path) -> tuple[int, dict[str, tuple[float, float]]]:
    """Ask the fastText model about each distinct text once."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from curation.langid.model import load

    texts = [pq.read_table(path, columns=["query", "text"]) for path in sorted(inputs.glob("*.parquet"))]
    columns = [column for table in texts for column in table.columns]
    lines = [" ".join(text.split()) + "\n" for text in pc.unique(pa.chunked_array(columns, pa.string())).to_pylist()]
    predict = load().predict
    cpu, wall = time.process_time(), time.perf_counter()
    for line in lines:
        predict(line, 1, 0.0, "strict")
    return len(lines), {"fastText": (time.process_time() - cpu, time.perf_counter() - wall)}


CONTENDERS: dict[str, Callable[[Path, Path], tuple[int, dict[str, tuple[float, float]]]]] = {
    "ours": run_ours,
    "glued": run_peer,
    "floor": run_floor,
}


def measure_here(name: str, warm_up: Path, inputs: Path) -> Measured:
    """Run a contender in this process, after it has run on a little."""
    import pyarrow.parquet as pq

    confine()
    with tempfile.TemporaryDirectory() as folder:
        CONTENDERS[name](warm_up, Path(folder) / "warm-up")
        left, stages = CONTENDERS[name](inputs, Path(folder) / "out")
    records = sum(pq.read_metadata(path).num_rows for path in inputs.glob("*.parquet"))
    return Measured(records, left, stages, peak_megabytes())


def measure(name: str, warm_up: Path, inputs: Path, runs: int) -> Measured:
    """Run a contender in processes of its own, and return the run with the median of processor time."""
    found = []
    for _ in range(runs):
        command = [sys.executable, "-m", "benchmarks.end_to_end", "--data", "-", "--here", name]
        command += ["--folders", str(warm_up), str(inputs)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment())
        said = json.loads(done.stdout.strip().splitlines()[-1])
        stages = {stage: (cpu, wall) for stage, (cpu, wall) in said["stages"].items()}
        found.append(Measured(said["records"], said["left"], stages, said["megabytes"]))
    return sorted(found, key=lambda each: each.cpu)[len(found) // 2]


def table(name: str, measured: Measured) -> str:
    """Return the stages of a run as text."""
    head = f"{name}: {measured.records:,} pairs -> {measured.left:,}, peak {measured.megabytes:,.0f} MB"
    lines = [head, f"  {'stage':16}{'processor s':>12}{'wall s':>10}{'us/pair':>10}"]
    for stage, (cpu, wall) in measured.stages.items():
        lines.append(f"  {stage:16}{cpu:>12.2f}{wall:>10.2f}{cpu / measured.records * 1e6:>10.1f}")
    lines.append(
        f"  {'all':16}{measured.cpu:>12.2f}{measured.wall:>10.2f}{measured.cpu / measured.records * 1e6:>10.1f}"
    )
    return "\n".join([*lines, f"  {measured.rate:,.0f} pairs in a second of processor time\n"])


def report(ours: Measured, floor: Measured, peers: Sequence[Measured]) -> str:
    """Return the comparison as text: with the best rate that the peer has shown, between two sizes included."""
    rates = {f"{peer.records:,} pairs": peer.rate for peer in peers}
    for few, many in itertools.pairwise(peers):
        # What it costs to start, and to write many small files, does not count between two sizes.
        rates[f"from {few.records:,} to {many.records:,}"] = (many.records - few.records) / (many.cpu - few.cpu)
    ratio = ours.rate / max(rates.values())
    lines = [
        f"floor: {floor.left:,} distinct texts, {floor.cpu:.2f} s in fastText alone: at most {floor.rate:,.0f} pairs/s",
        "glued: pairs/s " + ", ".join(f"{rate:,.0f} ({what})" for what, rate in rates.items()),
        f"ours: {ours.rate:,.0f} pairs/s; goal {RATE_GOAL:,}: {_verdict(ours.rate >= RATE_GOAL)}",
        f"ours: {ours.cpu / floor.cpu:.2f} times the floor",
        f"ratio to the best of these: {ratio:.1f}; goal {RATIO_GOAL}: {_verdict(ratio >= RATIO_GOAL)}",
    ]
    return "\n".join(lines)


def _verdict(reached: bool) -> str:
    return "reached" if reached else "MISSED"


def main() -> None:
    """Read the command line; measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of real text")
    parser.add_argument("--rows", type=int, help="pairs for ours; all without this")
    parser.add_argument("--glued-rows", default="40000,160000", help="pairs for the glued pipeline, rising")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--here", choices=sorted(CONTENDERS), help=argparse.SUPPRESS)
    parser.add_argument("--folders", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        print(json.dumps(asdict(measure_here(options.here, *options.folders))))
        return
    with tempfile.TemporaryDirectory() as folder:
        warm_up, inputs = Path(folder) / "warm-up", Path(folder) / "ours"
        write_corpus(options.data, warm_up, _WARM_UP)
        write_corpus(options.data, inputs, options.rows)
        ours = measure("ours", warm_up, inputs, options.runs)
        print(table("ours", ours), flush=True)
        floor = measure("floor", warm_up, inputs, options.runs)
        peers = []
        for rows in map(int, options.glued_rows.split(",")):
            write_corpus(options.data, Path(folder) / str(rows), rows)
            peers.append(measure("glued", warm_up, Path(folder) / str(rows), options.runs))
            print(table("glued", peers[-1]), flush=True)
    print(report(ours, floor, peers))


if __name__ == "__main__":
    main()
