"""`curate diff` as a user meets it, on releases of a few rows from a stranger."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_release import TEXTS, row, write_ledger, write_release

from curation.cli.main import run_command
from curation.files import sha256_file

LANGUAGES = sorted(TEXTS)
HOSTILE = "\x1b[2J\u202eevil"


@pytest.fixture
def places(tmp_path: Path) -> tuple[str, str]:
    rows = [row(number, LANGUAGES[number % 11]) for number in range(33)]
    old = write_release(tmp_path / "a" / "release", rows, name=HOSTILE)
    new = [*rows[12:20], *(each | {"source": HOSTILE} for each in rows[20:]), row(90)]
    write_release(tmp_path / "b" / "release", new, config={"name": "weather", HOSTILE: [HOSTILE]})
    write_ledger(tmp_path / "b" / "ledger", {"filter": [(rows[0]["id"], HOSTILE)]})
    return str(old.path), str(tmp_path / "b" / "release")


def test_text_is_plain_and_cut(places: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["diff", *places, "--limit", "2"]) == 0
    shown = capsys.readouterr().out
    assert not {"\x1b", "\u202e"} & set(shown)
    assert "filter/\\u001b[2J\\u202eevil" in shown
    assert "... and 9 more (--limit 11, or --json)" in shown
    assert "unknown: no ledger" in shown
    assert shown.endswith("the next version is 1.3.0 or greater\n")


def test_json_is_whole(places: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["diff", *places, "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["removed"]["by_reason"] == {"not read": 11, f"filter/{HOSTILE}": 1}
    assert (value["added"]["rows"], value["changed"]["rows"], value["shared"]) == (1, 13, 21)
    assert value["changed"]["trained_on"] == 0
    assert sum(cell["rows"] for cell in value["removed"]["cells"]) == 12
    assert len(value["removed"]["by_language"]) == 11


def test_a_ledger_can_be_named(places: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = write_ledger(tmp_path / "elsewhere", {"mine": [(row(90)["id"], "negative_shortage")]})
    assert run_command(["diff", *places, "--ledger-a", str(ledger), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["added"]["by_reason"] == {"mine/negative_shortage": 1}
    assert run_command(["diff", *places, "--ledger-b", str(tmp_path / "nowhere")]) == 2
    assert "--ledger-b" in capsys.readouterr().err


def test_rows_without_texts_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = "recipe/tha_Thai/train-00000-of-00001.parquet"
    file = tmp_path / "recipe.parquet"
    pq.write_table(pa.table({"id": ["a", "b"]}), file)
    old = write_release(tmp_path / "a", [row(1)])
    new = write_release(tmp_path / "b", [row(1)])
    (new.path / path).parent.mkdir(parents=True)
    shutil.copy(file, new.path / path)
    entry = {"path": path, "bytes": 1, "sha256": sha256_file(file), "rows": 2}
    manifest = new.manifest | {"files": [*new.manifest["files"], entry]}
    (new.path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert run_command(["diff", str(old.path), str(new.path)]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"without texts +rows\nadded +2\nremoved +0\nchanged +0\n", shown)
    assert "minor: records have changed" in shown
    pq.write_table(pa.table({"no_id": ["a"]}), new.path / path)
    assert run_command(["diff", str(old.path), str(new.path)]) == 1
    assert "curate verify" in capsys.readouterr().err


def test_a_folder_that_is_no_release(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["diff", str(tmp_path), str(tmp_path)]) == 1
    assert "not a release" in capsys.readouterr().err
