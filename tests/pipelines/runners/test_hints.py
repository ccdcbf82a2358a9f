from __future__ import annotations

import apache_beam as beam
import pytest

from pipelines.runners.hints import hints_of, with_hints
from pipelines.runners.options import beam_options

GPU = "type:nvidia-l4;count:1;install-nvidia-driver"


@pytest.mark.parametrize(
    ("stage", "arguments", "expected"),
    [
        ("mine", (), {}),
        ("mine", (f"--teacher_accelerator={GPU}",), {"accelerator": GPU}),
        ("mine", ("--teacher_min_ram=30GB",), {"min_ram": "30GB"}),
        (
            "mine",
            (f"--teacher_accelerator={GPU}", "--teacher_min_ram=30 GiB"),
            {"accelerator": GPU, "min_ram": "30 GiB"},
        ),
        ("near_dedup", (f"--teacher_accelerator={GPU}", "--teacher_min_ram=30GB"), {}),
    ],
)
def test_only_the_teacher_s_stage_has_hints(stage: str, arguments: tuple[str, ...], expected: dict[str, str]) -> None:
    options = beam_options(arguments)
    assert hints_of(stage, options) == expected
    hinted = with_hints(beam.Map(str), stage, options)
    assert len(hinted.get_resource_hints()) == len(expected)
