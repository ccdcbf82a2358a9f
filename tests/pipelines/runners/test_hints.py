from __future__ import annotations

import pytest
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from curation.errors import ConfigError
from pipelines.runners.hints import MachineOptions, hints_of, set_worker_memory

GPU = "type:nvidia-tesla-t4;count:1;install-nvidia-driver:5xx"


def test_options_become_hints() -> None:
    options = PipelineOptions([f"--teacher_accelerator={GPU}", "--teacher_min_ram=16GB", "--mining_min_ram", "1.5TB"])
    hints = hints_of(options)
    assert hints.teacher == {"accelerator": GPU, "min_ram": "16GB"}
    assert hints.mining == {"min_ram": "1.5TB"}
    assert hints.has_accelerator


def test_nothing_is_asked_for_by_default() -> None:
    hints = hints_of(PipelineOptions([]))
    assert (hints.teacher, hints.mining, hints.has_accelerator) == ({}, {}, False)


def test_the_memory_of_all_workers_joins_the_hints_that_are_there() -> None:
    options = PipelineOptions(["--worker_min_ram=4GB", "--resource_hint=cpu_count=4"])
    set_worker_memory(options)
    assert options.view_as(StandardOptions).resource_hints == ["cpu_count=4", "min_ram=4GB"]


@pytest.mark.parametrize("value", ["much", "16", "GB", "16 apples", ""])
@pytest.mark.parametrize("name", ["teacher_min_ram", "mining_min_ram", "worker_min_ram"])
def test_what_is_no_size_is_refused(name: str, value: str) -> None:
    options = PipelineOptions([f"--{name}={value}"])
    with pytest.raises(ConfigError, match=rf"--{name}[\s\S]*{value!r}[\s\S]*16GB"):
        set_worker_memory(options) if name == "worker_min_ram" else hints_of(options)


@pytest.mark.parametrize(
    "value",
    [
        "l4",
        "type:l4",
        "count:1;type:l4",
        "type:l4;count:0",
        "type:l4;count:1;",
        "type:l4;count:1\n",
        "type:größe;count:1",
    ],
)
def test_what_is_no_accelerator_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match=r"--teacher_accelerator[\s\S]*type:nvidia-l4;count:1"):
        hints_of(PipelineOptions([f"--teacher_accelerator={value}"]))


def test_beam_knows_the_options() -> None:
    known = PipelineOptions(["--teacher_min_ram=16GB"]).get_all_options()
    assert known["teacher_min_ram"] == "16GB"
    assert MachineOptions in PipelineOptions.__subclasses__()
