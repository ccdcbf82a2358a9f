"""What the workers of some steps need: Beam's resource hints.

A runner that knows hints (Dataflow) gives the steps that have the same ones workers of their own kind; others ignore
them. Only the teacher's step is asked about: an accelerator for all workers would stand idle in every other stage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from curation.errors import ConfigError

if TYPE_CHECKING:
    from apache_beam import PTransform
    from apache_beam.options.pipeline_options import PipelineOptions

_TEACHER = "mine"
_Transform = TypeVar("_Transform", bound="PTransform")


def hints_of(stage: str, options: PipelineOptions) -> dict[str, str]:
    """Return the resource hints of a stage's steps, by Beam's names of them."""
    from pipelines.runners.options import CurationOptions

    ours = options.view_as(CurationOptions)
    return _hints(ours.teacher_accelerator, ours.teacher_min_ram) if stage == _TEACHER else {}


def with_hints(transform: _Transform, stage: str, options: PipelineOptions) -> _Transform:
    """Give a step the hints of its stage, and return it."""
    hints = hints_of(stage, options)
    if hints:
        transform.with_resource_hints(**hints)
    return transform


def check_hints(accelerator: str | None, min_ram: str | None) -> None:
    """Refuse hints that Beam cannot read.

    Raises:
        ConfigError: with what is wrong with them.
    """
    from apache_beam.transforms.resources import parse_resource_hints

    if accelerator is not None and not accelerator.startswith("type:"):
        hint = "for example --teacher_accelerator 'type:nvidia-l4;count:1;install-nvidia-driver'"
        raise ConfigError("This names no accelerator", "--teacher_accelerator", repr(accelerator), hint)
    try:
        parse_resource_hints(_hints(accelerator, min_ram))
    except ValueError as error:
        why = f"{min_ram!r}: {error}"
        raise ConfigError("This is no size of memory", "--teacher_min_ram", why, "for example 30GB") from None


def _hints(accelerator: str | None, min_ram: str | None) -> dict[str, str]:
    return {name: value for name, value in (("accelerator", accelerator), ("min_ram", min_ram)) if value}
