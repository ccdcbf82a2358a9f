"""A second release that replaces the first: changelog, version, and what may not depend on the parent."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from test_run import digests
from toys import Silent

from curation.cli.main import run_command
from curation.config import RunConfig
from curation.errors import ConfigError
from curation.release import layout, open_release
from curation.release.verify import verify_release
from pipelines.run import RunOptions, gate_and_report, plan_run, run


def following(config: RunConfig, before: Path, **release: Any) -> RunConfig:
    changes = {"parent": str(before / "release"), "version": "0.2.0"} | release
    options = type(config.release).model_validate(config.release.model_dump() | changes)
    # One rule, late in the graph: the run uses what the first one has made.
    balance = config.balance.model_copy(update={"budget": 1200})
    return config.model_copy(update={"release": options, "balance": balance})


@pytest.fixture(scope="module")
def second(base: Path, config: RunConfig, finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("following") / "run"
    shutil.copytree(finished / "work", out / "work")
    run(following(config, finished), base, out, RunOptions(), Silent())
    return out


def test_the_release_is_sound_and_names_its_parent(finished: Path, second: Path) -> None:
    release, findings = verify_release(second / "release")
    assert findings == []
    assert release.manifest["parent"] == open_release(finished / "release").digest
    assert str(finished) not in (second / "release" / layout.MANIFEST).read_text()


@pytest.mark.slow
def test_verdict_and_report_compare_with_the_parent(
    base: Path, config: RunConfig, finished: Path, second: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    shutil.copytree(second, out, ignore=shutil.ignore_patterns("work"))
    settings = following(config, finished)
    gate_and_report(settings, base, out, Silent())
    before, after = open_release(finished / "release"), open_release(out / "release")
    assert after.verdict is not None
    assert after.verdict["baseline"] == before.identity
    comparison = json.loads((out / "report.json").read_text(encoding="utf-8"))["comparison"]
    assert comparison["baseline"] == before.identity | {"is_parent": True}
    released = next(row for row in comparison["figures"] if row["name"] == "train")
    assert (released["before"], released["after"]) == (1500, 1200)
    assert "Compared with" in (out / "report.html").read_text(encoding="utf-8")


def test_the_changelog_is_what_the_diff_says(finished: Path, second: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["diff", str(finished / "release"), str(second / "release"), "--json"]) == 0
    diff = json.loads(capsys.readouterr().out)
    assert (diff["level"], diff["next_version"], diff["schema"]) == ("minor", "0.2.0", [])
    assert diff["removed"]["rows"] > 250
    assert set(diff["removed"]["by_reason"]) <= {"mine/over_quota", "balance/over_quota"}
    assert diff["added"]["rows"] == 0
    assert {change["key"]: (change["old"], change["new"]) for change in diff["settings"]} == {
        "balance.budget": (1500, 1200)
    }
    text = (second / "release" / layout.CHANGELOG).read_text(encoding="utf-8")
    older = (finished / "release" / layout.CHANGELOG).read_text(encoding="utf-8")
    assert text.startswith("# Changelog\n\n## 0.2.0\n\nAfter messages 0.1.0")
    assert f"{diff['removed']['rows']:,} removed" in text
    assert "- balance.budget: 1500 → 1200" in text
    assert text.endswith(older.removeprefix("# Changelog\n\n"))


def test_the_table_is_for_people(finished: Path, second: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["diff", str(second / "release"), str(finished / "release"), "--limit", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "messages 0.2.0 -> messages 0.1.0"
    assert lines[-1] == "minor: records have changed, their schema has not; the next version is 0.3.0 or greater"
    assert any(line.startswith("... and ") and line.endswith("or --json)") for line in lines)
    assert any(line.startswith("added because") for line in lines)


def test_a_folder_that_is_no_ledger(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = str(finished / "release")
    assert run_command(["diff", place, place, "--ledger-b", str(tmp_path)]) == 2
    assert "This is no ledger" in capsys.readouterr().err


def test_a_release_does_not_differ_from_itself(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["diff", str(finished / "release"), str(finished / "release")]) == 0
    assert capsys.readouterr().out.endswith("none: nothing but names has changed; no new version is needed\n")


@pytest.mark.parametrize("options", [RunOptions(), RunOptions(engine="beam")], ids=["datatrove", "beam"])
def test_where_the_parent_lies_and_which_engine_runs_changes_nothing(
    base: Path, config: RunConfig, finished: Path, second: Path, tmp_path: Path, options: RunOptions
) -> None:
    # Without the ledger beside it, as it comes from the Hub.
    shutil.copytree(finished / "release", tmp_path / "parent" / "release")
    shutil.copytree(finished / "work", tmp_path / "run" / "work")
    run(following(config, tmp_path / "parent"), base, tmp_path / "run", options, Silent())
    assert digests(tmp_path / "run") == digests(second)


def test_no_stage_looks_at_the_parent(base: Path, config: RunConfig, finished: Path, second: Path) -> None:
    plans = (
        plan_run(each, base, second, RunOptions())
        for each in (following(config, finished), following(config, finished, parent=None))
    )
    stages = [plan["stages"] for plan in plans]
    assert stages[0] == stages[1]
    assert all(stage["cached"] for stage in stages[0])


def test_a_version_that_is_not_greater_ends_before_anything_is_read(
    base: Path, config: RunConfig, finished: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="does not fit") as error:
        run(following(config, finished, version="0.1.0"), base, tmp_path, RunOptions(), Silent())
    assert "set it to 0.1.1" in error.value.hint
    assert not list((tmp_path / "work").glob("*"))
    with pytest.raises(ConfigError, match="does not fit"):
        plan_run(following(config, finished, version="0.0.9"), base, tmp_path, RunOptions())


def test_a_version_that_says_too_little_leaves_the_old_release(
    base: Path, config: RunConfig, finished: Path, second: Path, tmp_path: Path
) -> None:
    shutil.copytree(second, tmp_path / "run")
    before = digests(tmp_path / "run")
    with pytest.raises(ConfigError) as error:
        run(following(config, finished, version="0.1.9"), base, tmp_path / "run", RunOptions(), Silent())
    assert "at least 0.2.0" in error.value.hint
    assert "records have changed since 0.1.0" in error.value.why
    assert digests(tmp_path / "run") == before


def test_a_parent_in_the_place_of_the_release(base: Path, config: RunConfig, finished: Path) -> None:
    with pytest.raises(ConfigError, match="overwritten"):
        run(following(config, finished), base, finished, RunOptions(), Silent())
