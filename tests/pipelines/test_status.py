"""How far a run is, told from its files: whole, cut in the middle, at work, and of an earlier plan."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from curation.errors import CurationError
from pipelines.lock import locked
from pipelines.plan import read_plan
from pipelines.status import RunStatus, run_status
from pipelines.store import StageStore


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A copy of a finished run that may be damaged."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def path_of(place: StageStore) -> Path:
    return Path(str(place.folder))


def states(status: RunStatus) -> list[str]:
    return [stage.state for stage in status.stages]


def cut_in(run: Path, stage: str, parts: int) -> None:
    """Leave so many parts of a stage, and nothing of those after it."""
    places = read_plan(run).places
    number = next(n for n, place in enumerate(places) if place.stage == stage)
    (path_of(places[number]) / "DONE.json").unlink()
    for file in sorted((path_of(places[number]) / "counts").iterdir())[parts:]:
        file.unlink()
    for place in places[number + 1 :]:
        shutil.rmtree(path_of(place))


def test_a_finished_run(finished: Path) -> None:
    status = run_status(finished)
    assert (status.name, status.engine, status.state, status.verdict) == ("messages", "datatrove", "finished", None)
    assert set(states(status)) == {"done"}
    for above, below in zip(status.stages, status.stages[1:], strict=False):
        assert above.rows_out == below.rows_in
        assert above.rows_in == above.rows_out + above.ledgered
    assert all(stage.parts == stage.of for stage in status.stages)


@pytest.mark.parametrize("verdict", ["pass", "fail"])
def test_the_verdict(copied: Path, verdict: str) -> None:
    (copied / "release" / "gate").mkdir(exist_ok=True)
    (copied / "release" / "gate" / "verdict.json").write_text(json.dumps({"status": verdict}), encoding="utf-8")
    assert run_status(copied).verdict == verdict


def test_a_cut_run_and_the_same_at_work(copied: Path) -> None:
    whole = {stage.stage: stage for stage in run_status(copied).stages}
    cut_in(copied, "mine", 1)
    status = run_status(copied)
    names = [stage.stage for stage in status.stages]
    here = names.index("mine")
    assert status.state == "cut"
    assert states(status) == ["done"] * here + ["cut"] + ["waiting"] * (len(names) - here - 1)
    assert (status.stages[here].parts, status.stages[here].of) == (1, whole["mine"].of)
    assert 0 < status.stages[here].rows_out < whole["mine"].rows_out
    with locked(copied):
        status = run_status(copied)
    assert status.state == "running"
    assert states(status)[here:] == ["at work"] + ["waiting"] * (len(names) - here - 1)


def test_a_stage_that_has_not_written_anything_is_at_work(copied: Path) -> None:
    cut_in(copied, "mine", 0)
    assert "cut" not in states(run_status(copied))
    with locked(copied):
        assert states(run_status(copied)).count("at work") == 1


def test_the_note_of_a_part(copied: Path) -> None:
    cut_in(copied, "mine", 1)
    place = next(place for place in read_plan(copied).places if place.stage == "mine")
    place.write_note("00001-of-00004.arrow", "encoding 3 of 9")
    with locked(copied):
        notes = [stage.note for stage in run_status(copied).stages]
    assert [note for note in notes if note] == ["encoding 3 of 9"]


@pytest.mark.parametrize("what", ["no release", "another config", "an older release"])
def test_the_release_of_an_earlier_plan_is_none_of_this(copied: Path, what: str) -> None:
    config, manifest = copied / "config.yml", copied / "release" / "manifest.json"
    if what == "no release":
        shutil.rmtree(copied / "release")
    elif what == "another config":
        config.write_text(config.read_text(encoding="utf-8").replace("seed: 3", "seed: 4"), encoding="utf-8")
    else:
        last = read_plan(copied).places[-1]
        (path_of(last) / "DONE.json").touch()
        assert manifest.stat().st_mtime_ns < last.finished_ns()
    status = run_status(copied)
    assert (status.state, status.verdict) == ("cut", None)
    assert set(states(status)) == {"done"}


def test_only_files_are_read(finished: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    run_status(finished)
    assert before == {path: path.stat().st_mtime_ns for path in finished.rglob("*")}


def test_counts_that_are_damaged(copied: Path) -> None:
    place = read_plan(copied).places[0]
    (path_of(place) / "DONE.json").write_text('{"stage": "read"}', encoding="utf-8")
    with pytest.raises(CurationError, match="counts of the stage read") as caught:
        run_status(copied)
    assert str(path_of(place)) in str(caught.value)
