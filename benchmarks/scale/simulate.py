"""A whole run on a machine, simulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmarks.scale.schedule import Chance, Floats, makespan
from benchmarks.scale.workload import Languages, by_hash, cut, even
from pipelines.cost import RECORDS_PER_TASK, Prices, Rates, StageRate, dataflow_usd, tasks_of

_GB = 1e9
_HOUR, _HOURS_A_MONTH = 3_600.0, 730.0


@dataclass(frozen=True, slots=True)
class Machine:
    """What a run is on.

    Attributes:
        name: for the table.
        kind: how it is paid for: Dataflow by vCPU, or one machine by the hour.
        cores: vCPUs of all workers.
        disk_gb_s: gigabytes a second that all of them together write, and read.
        start_seconds: until the first task runs.
        launch_seconds: until the tasks of a round run; what was measured here if None.
        slowdown: how much longer a stage takes than with datatrove.
    """

    name: str
    kind: Literal["dataflow", "machine"]
    cores: int
    disk_gb_s: float
    start_seconds: float = 0.0
    launch_seconds: float | None = None
    slowdown: float = 1.0


@dataclass(frozen=True, slots=True)
class Workload:
    """What a run is of.

    Attributes:
        records: records of the measured size.
        languages: how they are shared out.
        by_language: stages whose tasks hold whole languages, unless these are cut.
        cut: whether large languages are cut and small ones joined.
        tasks: tasks of each round; by the number of records if None.
    """

    records: float
    languages: Languages
    by_language: tuple[str, ...]
    cut: bool = True
    tasks: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run took.

    Attributes:
        seconds: of each stage, from start to end.
        start_seconds: before the first.
        busy_seconds: of all cores, failed attempts included.
        alone_seconds: while one process worked and no worker was needed.
        shuffled: bytes.
        stored: bytes.
        memory: most bytes of one process.
    """

    seconds: Mapping[str, float]
    start_seconds: float
    busy_seconds: float
    alone_seconds: float
    shuffled: float
    stored: float
    memory: float

    @property
    def wall(self) -> float:
        """Seconds from start to end."""
        return self.start_seconds + sum(self.seconds.values())


def task_records(work: Workload, name: str, rate: StageRate) -> Floats:
    """Return the records of each task of a round of a stage."""
    tasks = tasks_of(work.records, rate) if work.tasks is None or rate.serial else work.tasks
    if name not in work.by_language:
        return even(work.records, tasks)
    languages = work.languages.records(work.records)
    return cut(languages, RECORDS_PER_TASK) if work.cut else by_hash(languages, tasks)


def simulate(work: Workload, machine: Machine, rates: Rates, chance: Chance) -> Outcome:
    """Run the stages one after the other, each in rounds; all tasks of a round end before the next one begins."""
    launch = rates.launch_seconds if machine.launch_seconds is None else machine.launch_seconds
    seconds: dict[str, float] = {}
    busy = memory = 0.0
    for number, (name, rate) in enumerate(rates.stages.items()):
        records = task_records(work, name, rate)
        memory = max(memory, rates.base_memory + float(records.max()) * rate.memory)
        slowdown = 1.0 if rate.serial else machine.slowdown
        once = (records * rate.cpu_us / 1e6 + rate.task_seconds) * slowdown / rate.rounds
        # What goes to disk and comes back, at the pace that all cores share.
        moved = 2 * work.records * (rate.stored + rate.shuffled) / rate.rounds / _GB / machine.disk_gb_s
        seconds[name] = 0.0
        for step in range(rate.rounds):
            took = once if rate.serial else chance.applied(once, number, step)
            busy += float(took.sum())
            seconds[name] += max(makespan(took, machine.cores), moved)
            seconds[name] += launch if machine.cores > 1 and not rate.serial else 0.0
    alone = sum(seconds[name] for name, rate in rates.stages.items() if rate.serial)
    shuffled = work.records * sum(rate.shuffled for rate in rates.stages.values())
    stored = work.records * sum(rate.stored for rate in rates.stages.values())
    return Outcome(seconds, machine.start_seconds, busy, alone, shuffled, stored, memory)


def dollars(outcome: Outcome, machine: Machine, prices: Prices) -> float:
    """Return what a run costs: workers are paid while they wait, too, and storage for as long as the run takes."""
    stored = outcome.stored / _GB * prices.storage_gb_month * outcome.wall / _HOUR / _HOURS_A_MONTH
    if machine.kind == "machine":
        return outcome.wall / _HOUR * prices.machine_hour + stored
    paid = (outcome.wall - outcome.alone_seconds) * machine.cores
    return dataflow_usd(paid, outcome.shuffled, prices) + stored


def busy_share(outcome: Outcome, machine: Machine) -> float:
    """Return the share of the time in which the cores are at work."""
    return float(np.divide(outcome.busy_seconds, outcome.wall * machine.cores))
