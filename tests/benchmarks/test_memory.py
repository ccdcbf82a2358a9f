"""The memory of a run is booked to the stage that is at work, in whichever process of the tree it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.memory import Peak, at_work, most, stages_of, table, watch

RUN = """
import json, pathlib, subprocess, sys, time
run = pathlib.Path(sys.argv[1])
folders = {"read": "work/read-1", "shard": "work/shard-2"}
time.sleep(0.3)
run.mkdir()
plan = {"stages": [{"stage": name, "folder": folder} for name, folder in folders.items()]}
(run / "plan.new").write_text(json.dumps(plan))
(run / "plan.new").rename(run / "plan.json")
subprocess.run([sys.executable, "-c", "import time; x = bytearray(b'x' * 200_000_000); time.sleep(0.5)"], check=True)
for folder in folders.values():
    (run / folder).mkdir(parents=True)
    (run / folder / "DONE.json").write_text("{}")
    time.sleep(0.3)
"""


def test_the_peak_is_of_the_stage_that_is_at_work(tmp_path: Path) -> None:
    peaks = watch([sys.executable, "-c", RUN, str(tmp_path / "run")], tmp_path / "run")
    assert list(peaks) == ["plan", "read", "shard", "release"]
    assert peaks["read"].own > 200
    assert all(peaks[name].own < 150 for name in ("plan", "shard", "release"))
    assert all(peak.resident >= peak.own > 0 for peak in peaks.values())
    assert most(peaks) == peaks["read"].own


def test_a_run_that_fails_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        watch([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)


def test_stages_count_in_their_order(tmp_path: Path) -> None:
    assert stages_of(tmp_path) == []
    stages = [(name, tmp_path / name) for name in "abc"]
    assert at_work(stages, 0) == 0
    for name in "ac":
        (tmp_path / name).touch()
    assert at_work(stages, 0) == 1
    (tmp_path / "b").touch()
    assert at_work(stages, 1) == 3


def test_a_stage_that_only_one_size_has_shown_is_in_the_table_too() -> None:
    found = {100: {"read": Peak(20, 10)}, 200: {"read": Peak(20, 10), "shard": Peak(30, 25)}}
    lines = table(found).splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["read", "shard", "most"]
    assert lines[-1].split() == ["most", "10", "MB", "25", "MB"]
