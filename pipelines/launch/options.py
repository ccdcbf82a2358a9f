"""The options after `--` that choose a launcher and set it up."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, NoReturn, TypeAlias

from curation.errors import ConfigError

_RETRIES = 3
_ADDRESS = re.compile(r"auto|[A-Za-z0-9.\-]+:\d{1,5}|\[[0-9A-Fa-f:]+\]:\d{1,5}")
# `minutes`, `minutes:seconds`, `hours:minutes:seconds`, `days-hours[:minutes[:seconds]]`: what Slurm takes.
_TIME = re.compile(r"\d+|\d+:\d\d(:\d\d)?|\d+-\d+(:\d\d){0,2}")
_SRUN_ARG = re.compile(r"([a-z][a-z0-9-]*)(?:=(.+))?", re.DOTALL)
# What the launcher sets itself, or would talk between it and its workers.
_OWN_SRUN_ARGS = {
    **dict.fromkeys(("input", "output", "error", "label", "pty", "multi-prog"), "the launcher speaks through these"),
    **dict.fromkeys(("ntasks", "nodes", "array"), "a worker is one task on one node: use --workers"),
    "partition": "use --slurm-partition",
    **{name: f"use --{name}" for name in ("time", "cpus-per-task", "mem-per-cpu", "gpus-per-task")},
}


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """This machine.

    Attributes:
        workers: processes at a time; 1 runs in the program's own.
    """

    workers: int


@dataclass(frozen=True, slots=True)
class RayOptions:
    """A Ray cluster.

    Attributes:
        workers: ranks at a time.
        address: `auto` or `HOST:PORT` of a cluster; None starts one on this machine for the run.
        cpus_per_task: processors that a rank reserves.
        mem_per_cpu: GiB of memory that it reserves for each of these, None for no reservation.
        gpus_per_task: graphics processors that it reserves; without one it sees none.
        retries: times that a rank runs again after its worker was lost.
    """

    workers: int
    address: str | None = None
    cpus_per_task: int = 1
    mem_per_cpu: float | None = None
    gpus_per_task: int = 0
    retries: int = _RETRIES


@dataclass(frozen=True, slots=True)
class SlurmOptions:
    """A Slurm cluster, or an allocation on one.

    Attributes:
        workers: worker jobs, or steps of the allocation that the program runs in.
        slurm_partition: partition, None for the cluster's default.
        time: time limit of a worker, as Slurm writes it; None for the partition's.
        cpus_per_task: processors of a worker.
        mem_per_cpu: GiB of memory for each of these, None for the cluster's default.
        gpus_per_task: graphics processors of a worker.
        retries: times that a rank runs again after its worker was lost.
        srun_args: further long options of `srun`, as (name, value), with an empty value for a flag.
        env_command: shell code that a worker runs first; `python` is then looked up in its PATH.
    """

    workers: int
    slurm_partition: str | None = None
    time: str | None = None
    cpus_per_task: int = 1
    mem_per_cpu: float | None = None
    gpus_per_task: int = 0
    retries: int = _RETRIES
    srun_args: tuple[tuple[str, str], ...] = ()
    env_command: str = ""


LaunchOptions: TypeAlias = LocalOptions | RayOptions | SlurmOptions
_KINDS: dict[str, type[Any]] = {"local": LocalOptions, "ray": RayOptions, "slurm": SlurmOptions}


def launch_options(arguments: Sequence[str], workers: int) -> LaunchOptions:
    """Read the options of datatrove's launchers.

    Args:
        arguments: what follows `--` on the command line.
        workers: the command line's own `--workers`, which `--workers` here replaces.

    Raises:
        ConfigError: for an option that the launcher does not have, or a value that it cannot use.
    """
    chooser = _Parser("curate run")
    chooser.add_argument("--launcher", choices=sorted(_KINDS), default="local")
    chosen, others = chooser.parse_known_args(arguments)
    kind = _KINDS[chosen.launcher]
    parser = _parser(chosen.launcher)
    found, unknown = parser.parse_known_args(others)
    if unknown:
        raise _unknown(unknown[0], chosen.launcher)
    values = {name: value for name, value in vars(found).items() if value is not None}
    if "srun_args" in values:
        values["srun_args"] = tuple(values["srun_args"])
    options: LaunchOptions = kind(**{"workers": workers} | values)
    return options


class _Parser(argparse.ArgumentParser):
    """argparse, without its abbreviations, its help and its way of ending the program."""

    def __init__(self, name: str) -> None:
        super().__init__(prog=name, allow_abbrev=False, add_help=False)

    def error(self, message: str) -> NoReturn:
        raise ConfigError("An option after `--` cannot be used", why=message, hint="see docs/running.md")


def _parser(launcher: str) -> _Parser:
    readers: dict[str, dict[str, Any]] = {
        "workers": {"type": _whole(1)},
        "address": {"type": _matching(_ADDRESS, "`auto` or HOST:PORT")},
        "slurm_partition": {},
        "time": {"type": _matching(_TIME, "a time such as 02:00:00 or 1-12:00:00")},
        "cpus_per_task": {"type": _whole(1)},
        "mem_per_cpu": {"type": _gibibytes},
        "gpus_per_task": {"type": _whole(0)},
        "retries": {"type": _whole(0)},
        "srun_args": {"type": _srun_arg, "action": "append"},
        "env_command": {},
    }
    parser = _Parser(f"--launcher {launcher}")
    for field in _names(launcher):
        parser.add_argument(_flag(field), dest=field, **readers[field])
    return parser


def _names(launcher: str) -> list[str]:
    return [field.name for field in fields(_KINDS[launcher])]


def _flag(field: str) -> str:
    # Given once for each argument, and kept as several.
    return "--srun-arg" if field == "srun_args" else f"--{field.replace('_', '-')}"


def _unknown(argument: str, launcher: str) -> ConfigError:
    name = argument.partition("=")[0]
    what = f"The launcher {launcher} has no option {name!r}"
    elsewhere = [other for other in _KINDS if name in map(_flag, _names(other))]
    if elsewhere:
        hint = f"that is an option of --launcher {' and --launcher '.join(elsewhere)}"
        return ConfigError(what, why="it is an option of another launcher", hint=hint)
    known = ["--launcher", *map(_flag, _names(launcher))]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]}?" if close else f"its options: {', '.join(known)}"
    return ConfigError(what, why="options after `--` go to the launcher; Beam's need --engine beam", hint=hint)


def _whole(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} on")
        return int(text)

    return read


def _matching(pattern: re.Pattern[str], wanted: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not pattern.fullmatch(text):
            raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
        return text

    return read


def _gibibytes(text: str) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII) or float(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of GiB above 0, such as 4 or 0.5")
    return float(text)


def _srun_arg(text: str) -> tuple[str, str]:
    found = _SRUN_ARG.fullmatch(text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE, such as account=mine, or NAME")
    name, value = found[1], found[2] or ""
    if name in _OWN_SRUN_ARGS:
        raise argparse.ArgumentTypeError(f"{name} cannot be set: {_OWN_SRUN_ARGS[name]}")
    return name, value
