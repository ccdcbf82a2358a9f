from __future__ import annotations

import json
from pathlib import Path

import pytest

from curation.cli.main import run_command
from curation.release import open_release


def test_an_export_of_a_real_release_from_the_command_line(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["export", str(finished / "release"), "--view", "ml-embed", "--out", str(tmp_path / "out")]
    assert run_command([*arguments, "--languages", "th,hy", "--sources", "django", "--max-rows", "7", "--json"]) == 0
    printed = capsys.readouterr()
    value = json.loads(printed.out)
    assert value == json.loads((tmp_path / "out" / "export.json").read_text(encoding="utf-8"))
    assert [(each["name"], each["rows"]) for each in value["datasets"]] == [
        ("django_hye_Armn", 7),
        ("django_tha_Thai", 7),
    ]
    assert "Note: 14 rows of 2 datasets have 3 negatives" in printed.err


@pytest.mark.parametrize(("force", "code"), [([], 2), (["--force"], 0)])
def test_an_export_is_a_table_for_a_person_and_replaced_by_force(
    force: list[str], code: int, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release = open_release(finished / "release")
    arguments = ["export", str(release.path), "--view", "sentence-transformers", "--out", str(tmp_path / "out")]
    assert run_command(arguments) == 0
    rows = release.read("full", split="train", columns=["source", "language"])
    datasets = rows.group_by(["source", "language"]).aggregate([]).num_rows
    assert f"{rows.num_rows:,} rows of {datasets} datasets" in capsys.readouterr().out
    assert run_command([*arguments, "--split", "train", "--split", "test", *force]) == code
    assert ("--force" in capsys.readouterr().err) == (code == 2)
    assert (tmp_path / "out" / "data" / "django_tha_Thai" / "test-00000-of-00001.parquet").exists() == (code == 0)
