"""What a run will take: from measured rates of each stage and public prices, by arithmetic alone.

`rates.json` is written by `python -m benchmarks.scale.measure`; `prices.json` says where each price is from and when.
A cost goes by the text: the rates are of records of the measured size, and a record of twice the text counts as two.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

# Records that a partition is meant to have: more partitions than cores keep all cores busy.
RECORDS_PER_TASK = 125_000
# Text bytes in a byte of a file that is not packed: the rest is what marks its fields.
_PLAIN_TEXT = 0.9
# Formats differ by this factor either way, and the length of records by the second one.
TEXT_FACTOR, RECORDS_FACTOR = 2.0, 3.0
_PACKED = frozenset({".parquet", ".gz", ".bz2", ".xz", ".zst", ".zip"})
_GB = 1e9
_HOUR = 3_600.0


@dataclass(frozen=True, slots=True)
class StageRate:
    """What a stage takes.

    Attributes:
        cpu_us: microseconds of processor time a record.
        task_seconds: processor seconds that each of its tasks takes whatever it holds.
        shuffled: bytes that go from task to task, a record.
        stored: bytes of its results, a record.
        memory: bytes that a task needs, a record of its partition.
        rounds: how often all tasks wait for each other, the end of the stage included.
        serial: whether one process does it, while all others wait.
    """

    cpu_us: float
    task_seconds: float
    shuffled: float
    stored: float
    memory: float
    rounds: int = 1
    serial: bool = False


@dataclass(frozen=True, slots=True)
class Rates:
    """Measured rates.

    Attributes:
        measured: when, on what and how much of it.
        text_bytes: UTF-8 bytes of query and positive of a measured record.
        text_in_file: such bytes in a byte of the measured files, which are Parquet.
        base_memory: bytes that a process takes before it holds a record.
        launch_seconds: what it takes to start the tasks of one round with several processes.
        spread: standard deviation of the logarithm of the times of tasks of equal size.
        stages: the stages by name, in order.
    """

    measured: str
    text_bytes: float
    text_in_file: float
    base_memory: float
    launch_seconds: float
    spread: float
    stages: Mapping[str, StageRate]


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices in US dollars, of one region.

    Attributes:
        vcpu_hour: a vCPU of a Dataflow batch worker.
        memory_gb_hour: a gigabyte of its memory.
        disk_gb_hour: a gigabyte of its disk.
        shuffle_gb: a gigabyte through Dataflow Shuffle, without the reductions for the first terabytes.
        storage_gb_month: a gigabyte in Cloud Storage.
        memory_gb: gigabytes of memory that come with a vCPU.
        disk_gb: gigabytes of disk that come with a vCPU.
        machine_hour: a machine of 64 vCPUs.
    """

    vcpu_hour: float
    memory_gb_hour: float
    disk_gb_hour: float
    shuffle_gb: float
    storage_gb_month: float
    memory_gb: float
    disk_gb: float
    machine_hour: float

    def worker_hour(self) -> float:
        """Return the price of a vCPU with its memory and disk, an hour."""
        return self.vcpu_hour + self.memory_gb * self.memory_gb_hour + self.disk_gb * self.disk_gb_hour


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run takes, if nothing goes wrong and all tasks are of one size.

    Attributes:
        core_hours: of processor time.
        hours: from start to end on so many workers.
        shuffled_gb: through the shuffle.
        stored_gb: left in the work folder.
        dataflow_usd: on Dataflow, however many workers share the work.
        unmeasured: stages that are not in the figures, because no rate is known.
    """

    core_hours: float
    hours: float
    shuffled_gb: float
    stored_gb: float
    dataflow_usd: float
    unmeasured: tuple[str, ...]


@cache
def load_rates() -> Rates:
    """Return the rates that were measured last."""
    return rates_from(json.loads(_data("rates.json")))


@cache
def load_prices() -> Prices:
    """Return the prices that were looked up last."""
    return Prices(**json.loads(_data("prices.json"))["prices"])


def price_source() -> str:
    """Return where the prices of Dataflow are from, and when they were looked up."""
    said = json.loads(_data("prices.json"))
    return next(f"{said['region']}, {source}" for names, source in said["sources"].items() if "vcpu_hour" in names)


def _data(name: str) -> str:
    return files("pipelines").joinpath(name).read_text(encoding="utf-8")


def rates_from(value: Mapping[str, Any]) -> Rates:
    """Return rates from their JSON value.

    Raises:
        KeyError: if a figure is missing.
        TypeError: if there is one that is unknown.
    """
    stages = {name: StageRate(**stage) for name, stage in value["stages"].items()}
    figures = {
        name: value[name]
        for name in ("measured", "text_bytes", "text_in_file", "base_memory", "launch_seconds", "spread")
    }
    return Rates(**figures, stages=MappingProxyType(stages))


def tasks_of(records: float, rate: StageRate) -> int:
    """Return how many tasks a stage has."""
    return 1 if rate.serial else max(1, round(records / RECORDS_PER_TASK))


def cpu_seconds(records: float, rate: StageRate) -> float:
    """Return the processor seconds of all tasks of a stage."""
    return records * rate.cpu_us / 1e6 + tasks_of(records, rate) * rate.task_seconds


def dataflow_usd(core_seconds: float, shuffled: float, prices: Prices) -> float:
    """Return what so many vCPU seconds and shuffled bytes cost on Dataflow."""
    return core_seconds / _HOUR * prices.worker_hour() + shuffled / _GB * prices.shuffle_gb


def estimate(work: Mapping[str, float], workers: int, rates: Rates, prices: Prices) -> Estimate:
    """Return what some stages take.

    Args:
        work: records of the measured size that enter each of them.
        workers: processes at a time, each with a core of its own.
        rates: the measured rates.
        prices: the prices.
    """
    known = {name: (records, rates.stages[name]) for name, records in work.items() if name in rates.stages}
    together = sum(cpu_seconds(records, rate) for records, rate in known.values() if not rate.serial)
    alone = sum(cpu_seconds(records, rate) for records, rate in known.values() if rate.serial)
    rounds = sum(rate.rounds for _, rate in known.values() if not rate.serial)
    launches = rounds * rates.launch_seconds if workers > 1 else 0.0
    shuffled = sum(records * rate.shuffled for records, rate in known.values())
    return Estimate(
        core_hours=(together + alone) / _HOUR,
        hours=(together / workers + alone + launches) / _HOUR,
        shuffled_gb=shuffled / _GB,
        stored_gb=sum(records * rate.stored for records, rate in known.values()) / _GB,
        # The workers are gone when one process writes the release.
        dataflow_usd=dataflow_usd(together, shuffled, prices),
        unmeasured=tuple(name for name in work if name not in known),
    )


def records_in(inputs: Sequence[tuple[str, int]], rates: Rates) -> float | None:
    """Return about how many records of the measured size there are in some files, or None if nobody knows.

    Args:
        inputs: name and bytes of each file; 0 bytes where they are not known before it is read.
        rates: the measured rates.
    """
    if not inputs or not all(size for _, size in inputs):
        return None
    return text_bytes(inputs, rates) / rates.text_bytes


def text_bytes(inputs: Sequence[tuple[str, int]], rates: Rates) -> float:
    """Return about how many bytes of text there are to read, as far as sizes are known; `inputs` as of `records_in`."""
    packed = sum(size for name, size in inputs if PurePath(name).suffix.lower() in _PACKED)
    plain = sum(size for _, size in inputs) - packed
    return packed * rates.text_in_file + plain * _PLAIN_TEXT
