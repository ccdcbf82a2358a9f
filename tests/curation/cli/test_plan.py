"""What `curate plan` tells before anything is run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from curation.cli.main import run_command
from curation.cli.plan import plan_text
from pipelines.plan import read_plan
from pipelines.store import Part, part_name


def stage(name: str, **facts: Any) -> dict[str, Any]:
    nothing = ("rows_in", "rows_in_are", "rows_out", "core_seconds", "shuffled_bytes", "stored_bytes")
    return {"stage": name, "cached": False, **dict.fromkeys(nothing), **facts}


def source(**facts: Any) -> dict[str, Any]:
    return {"files": 1, "bytes": 10, "sha256": "ab" * 32, "revision": None, "rows": 7, **facts}


ESTIMATE = {
    "records": 1_234_567,
    "records_factor": 3.0,
    "core_hours": 0.5,
    "hours": 0.02,
    "workers": 25,
    "shuffled_gb": 0.0123,
    "stored_gb": 1_234.5,
    "dataflow_usd": None,
    "cost_factor": 2.0,
    "unmeasured": ["preselect", "mine"],
    "measured": "two pairs, on a Tuesday",
    "prices": None,
}
PLAN = {
    "name": "messages",
    "version": "1.2.0",
    "engine": {"name": "datatrove", "workers": 2, "options": [], "on": "slurm"},
    "partitions": 1_000,
    "sources": {"wiki": source(bytes=1_234, rows=123_456)},
    "licence": {"release": "CC0-1.0"},
    "stages": [stage("read", rows_in=9, rows_in_are="counted", rows_out=8, cached=True)],
    "estimate": ESTIMATE,
}


def told(*, looked: bool = True, **changes: Any) -> str:
    return "\n\n".join(plan_text({**PLAN, **changes}, looked=looked))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, r"messages 1\.2\.0, with datatrove on slurm, in 1,000 partition\(s\)"),
        ({"engine": {"name": "datatrove", "on": "local"}}, r".*with datatrove on this machine.*"),
        ({}, r"wiki +1 +1,234 +~ 120,000 +abababababab"),
        ({"sources": {"ヴィキ": source(rows=None)}}, r"ヴィキ +1 +10 +\? +abababababab"),
        (
            {"sources": {"hub": source(bytes=None, sha256=None, revision="cd" * 20, rows=None)}},
            r"hub +1 +\? +\? +none; revision cdcdcdcdcdcd",
        ),
        ({"sources": {"two": source(files=2, bytes=None, sha256=None, rows=None)}}, r"two +2 +\? +\? +when .* read"),
        ({"sources": {"\u202ewiki\x1b[2J": source()}}, r"\\u202ewiki\\u001b\[2J .*"),
        ({}, r"read +finished +9"),
        ({"stages": [stage("filter", rows_in=1_234, rows_in_are="at most")]}, r"filter +to do +<= 1,234 +\? +\?"),
        ({"stages": [stage("filter")]}, r"filter +to do +\? +\? +\?"),
        (
            {
                "stages": [
                    stage("x", rows_in=1_234, rows_in_are="estimated", core_seconds=5400.0, stored_bytes=2_345_678)
                ]
            },
            r"x +to do +~ 1,200 +1\.5 h +2\.3 MB",
        ),
        ({}, r"estimate, right within a factor of 2; rows within 3"),
        ({}, r"  1\.2 min with 25 worker\(s\), 30 min of one core"),
        ({}, r"  12 MB shuffled, 1\.2 TB in work/"),
        ({}, r"  not in it, since nobody measured it: the gate, preselect, mine"),
        ({}, r"  from the bytes of the inputs, .* two pairs, on a Tuesday, with datatrove"),
        (
            {"estimate": {**ESTIMATE, "hours": None, "workers": None, "dataflow_usd": 12.34, "prices": "Iowa, 2026"}},
            r"  12 US dollars; list prices of Iowa, 2026",
        ),
        ({"estimate": {**ESTIMATE, "hours": None, "workers": None}}, r"  30 min of one core; how long it takes .*"),
        ({"engine": {"name": "beam", "on": "FlinkRunner"}}, r"  from the bytes .*; Beam takes longer .*"),
        ({"estimate": None}, r"estimate  none: how much there is to read is known when it is read"),
        ({}, r"licence  CC0-1\.0"),
        ({"licence": {"release": None}}, r"licence  of each row"),
    ],
)
def test_what_a_plan_says(changes: dict[str, Any], line: str) -> None:
    assert [each for each in told(**changes).splitlines() if re.fullmatch(line, each)]


def test_dollars_are_named_only_where_google_is_paid() -> None:
    assert "dollars" not in told()
    assert "--out finds finished stages" not in told()
    assert "--out finds finished stages" in told(looked=False)


def test_plan_writes_nothing_without_out(base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["plan", str(base / "messages.yml"), "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert [stage["cached"] for stage in plan["stages"]] == [False] * 14
    assert {file["file"] for file in plan["inputs"]["extra"]} == {"extra.tsv"}
    assert plan["sources"]["extra"]["sha256"] == plan["inputs"]["extra"][0]["sha256"]
    assert plan["estimate"]["records"] == sum(each["records"] for each in plan["sources"].values()) > 0
    assert "mine" in plan["estimate"]["unmeasured"]
    assert run_command(["plan", str(base / "messages.yml"), "--out", str(tmp_path / "run")]) == 0
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["plan.json"]


def test_what_is_finished_is_counted(base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["plan", str(base / "messages.yml"), "--out", str(tmp_path), "--workers", "3"]
    assert run_command(command) == 0
    assert "once there is a release" in capsys.readouterr().out
    for place in read_plan(tmp_path).places[:2]:
        place.finish([Part(part_name(0, 1), 900, 900, 0)])
    (tmp_path / "release").mkdir()
    assert run_command(command) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^distinct +finished +900$", printed, re.MULTILINE)
    assert re.search(r"^identify +to do +900 ", printed, re.MULTILINE)
    assert re.search(r"^shard +to do +<= 900 ", printed, re.MULTILINE)
    assert re.search(r"^  \S+ min with 3 worker\(s\)|^  \S+ s with 3 worker\(s\)", printed, re.MULTILINE)
    next_command = f"curate plan {base / 'messages.yml'} --out {tmp_path} --repo ORG/NAME"
    assert printed.rstrip().endswith(f"{next_command} shows what publishing would change")


def test_dataflow_costs_dollars(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["plan", str(base / "messages.yml"), "--engine", "beam", "--json", "--", "--runner", "DataflowRunner"]
    assert run_command(command) == 0
    estimate = json.loads(capsys.readouterr().out)["estimate"]
    assert estimate["dataflow_usd"] > 0
    assert "2026" in estimate["prices"]
    assert estimate["hours"] is None
