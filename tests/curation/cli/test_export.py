from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from small_release import FULL, row, write_release

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


SENTENCES = {
    "uzn_Latn": "Bugun havo yaxshi.",
    "azj_Latn": "Bu gün hava yaxşıdır.",
    "khk_Cyrl": "Өнөөдөр цаг агаар сайхан байна.",
    "urd_Arab": "آج موسم اچھا ہے۔",
}


@pytest.mark.parametrize("code", SENTENCES)
def test_a_language_is_exported_in_those_scripts_that_the_release_has(
    code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release = write_release(
        tmp_path / "release",
        [
            row(n) | {"language": each, "positive": text, "task": "sts"}
            for n, (each, text) in enumerate(SENTENCES.items())
        ],
        schema=FULL.append(pa.field("task", pa.string(), nullable=False)),
    )
    arguments = ["export", str(release.path), "--view", "flagembedding", "--out", str(tmp_path / "out")]
    assert run_command([*arguments, "--languages", code[:3], "--json"]) == 0
    assert [each["language"] for each in json.loads(capsys.readouterr().out)["datasets"]] == [code]
    assert run_command([*arguments, "--languages", f"{code},tha", "--force"]) == 2
    assert "no rows in tha_Thai" in capsys.readouterr().err
