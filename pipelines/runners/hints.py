"""What steps of a Beam pipeline need of the machines that run them: memory, and a GPU for the teacher."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.transforms.resources import parse_resource_hints

from curation.errors import ConfigError

# `type:T;count:N` and settings, as Dataflow reads it.
_ACCELERATOR = re.compile(r"type:[\w-]+;count:[1-9]\d*(;[\w-]+(:[\w.-]+)?)*", re.ASCII)


class MachineOptions(PipelineOptions):  # type: ignore[misc]
    """Options after `--` that say what machines steps need. Runners that choose no machines take no notice."""

    @classmethod
    def _add_argparse_args(cls, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--teacher_accelerator",
            default=None,
            help="GPU of the workers that embed, for instance type:nvidia-l4;count:1;install-nvidia-driver",
        )
        parser.add_argument("--teacher_min_ram", default=None, help="memory of the workers that embed, such as 16GB")
        parser.add_argument(
            "--mining_min_ram", default=None, help="memory of the workers that mine: they hold a partition's vectors"
        )
        parser.add_argument("--worker_min_ram", default=None, help="memory of all workers, at least")


@dataclass(frozen=True, slots=True)
class Hints:
    """Resource hints, as Beam's `with_resource_hints` takes them.

    Attributes:
        teacher: of the steps that embed.
        mining: of the steps that work with vectors.
    """

    teacher: Mapping[str, str]
    mining: Mapping[str, str]

    @property
    def has_accelerator(self) -> bool:
        """Whether what embeds has a GPU, which one copy of the model is to have for itself."""
        return "accelerator" in self.teacher


def hints_of(options: PipelineOptions) -> Hints:
    """Return the hints that the options ask for.

    Raises:
        ConfigError: if one of them is none.
    """
    asked = options.view_as(MachineOptions)
    teacher = {"min_ram": _memory("teacher_min_ram", asked), "accelerator": _accelerator(asked)}
    return Hints(_given(teacher), _given({"min_ram": _memory("mining_min_ram", asked)}))


def set_worker_memory(options: PipelineOptions) -> None:
    """Ask for the memory of all workers; where a step asks for more, it gets more.

    Raises:
        ConfigError: if it is no size.
    """
    size = _memory("worker_min_ram", options.view_as(MachineOptions))
    if size is not None:
        standard = options.view_as(StandardOptions)
        standard.resource_hints = [*standard.resource_hints, f"min_ram={size}"]


def _given(hints: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in hints.items() if value is not None}


def _memory(name: str, options: PipelineOptions) -> str | None:
    value: str | None = getattr(options, name)
    if value is None:
        return None
    try:
        parse_resource_hints({"min_ram": value})
    except ValueError as error:
        why = f"{value!r} is no size"
        raise ConfigError("A size of memory is not understood", f"--{name}", why, f"write --{name} 16GB") from error
    return value


def _accelerator(options: PipelineOptions) -> str | None:
    value: str | None = options.teacher_accelerator
    if value is not None and not _ACCELERATOR.fullmatch(value):
        hint = "write --teacher_accelerator 'type:nvidia-l4;count:1;install-nvidia-driver', in quotes"
        raise ConfigError("An accelerator is not understood", "--teacher_accelerator", f"it is {value!r}", hint)
    return value
