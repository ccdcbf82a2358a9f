"""A plan that is missing, damaged or meant to lead elsewhere is refused with a word on what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation.errors import CurationError
from pipelines.plan import PLAN, read_config, read_plan

PLANNED = {
    "name": "a",
    "version": "1.0.0",
    "engine": {"name": "beam"},
    "partitions": 3,
    "stages": [{"stage": "near_dedup", "folder": "work/near_dedup-0af1", "cached": False}],
}


def test_what_a_plan_says(tmp_path: Path) -> None:
    (tmp_path / PLAN).write_text(json.dumps(PLANNED), encoding="utf-8")
    plan = read_plan(tmp_path)
    assert (plan.name, plan.version, plan.engine, plan.partitions) == ("a", "1.0.0", "beam", 3)
    assert [(place.stage, str(place.folder)) for place in plan.places] == [
        ("near_dedup", str(tmp_path / "work" / "near_dedup-0af1"))
    ]


def test_the_config_of_a_finished_run(finished: Path) -> None:
    assert read_config(finished).name == "messages"


@pytest.mark.parametrize("read", [read_plan, read_config])
def test_no_run(tmp_path: Path, read: Callable[[Path], Any]) -> None:
    with pytest.raises(CurationError, match="holds no run") as caught:
        read(tmp_path)
    assert "curate run --out" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        json.dumps({**PLANNED, "stages": None}),
        json.dumps({**PLANNED, "partitions": "many"}),
        json.dumps({**PLANNED, "stages": [{"stage": "read", "folder": "work/../../read-0a"}]}),
        json.dumps({**PLANNED, "stages": [{"stage": "read", "folder": "/etc/read-0a"}]}),
        json.dumps({**PLANNED, "stages": [{"stage": "mine", "folder": "work/read-0a"}]}),
        json.dumps({**PLANNED, "stages": [{"stage": 7, "folder": 8}]}),
    ],
)
def test_a_plan_that_no_run_has_written(tmp_path: Path, text: str) -> None:
    (tmp_path / PLAN).write_text(text, encoding="utf-8")
    with pytest.raises(CurationError, match="plan of the run cannot be read") as caught:
        read_plan(tmp_path)
    assert PLAN in str(caught.value)
