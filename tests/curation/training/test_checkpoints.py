"""A training that was cut goes on and ends with the same bits."""

from __future__ import annotations

from pathlib import Path

import pytest
from courses import toy_course

from curation.training.checkpoints import Checkpoints
from curation.training.fit import Course


class CutError(Exception):
    """The process ends here."""


def silent(*_: object) -> None:
    return


def weights(course: Course) -> bytes:
    return b"".join(value.numpy().tobytes() for _, value in sorted(course.module.state_dict().items()))


def cut_after(steps: int, checkpoints: Checkpoints) -> object:
    def after(course: Course) -> None:
        checkpoints(course)
        if len(course.losses) == steps:
            raise CutError

    return after


@pytest.mark.parametrize("kind", ["bag", "decoder"])
@pytest.mark.parametrize("cut", [1, 5, 9, 11])
def test_a_cut_changes_nothing(kind: str, cut: int, tmp_path: Path) -> None:
    whole = toy_course(kind)
    whole.run(silent)
    checkpoints = Checkpoints(tmp_path, "spec", seconds=0.0)
    with pytest.raises(CutError):
        toy_course(kind).run(silent, cut_after(cut, checkpoints))  # type: ignore[arg-type]
    again = toy_course(kind)
    checkpoints.restore(again)
    assert len(again.losses) == cut
    again.run(silent, checkpoints)
    assert again.losses == whole.losses
    assert weights(again) == weights(whole)
    checkpoints.clear()
    assert list(tmp_path.iterdir()) == []


def test_a_state_is_kept_when_it_is_time(tmp_path: Path) -> None:
    now = iter([0.0, 10.0, 61.0, 61.0, 62.0])
    checkpoints = Checkpoints(tmp_path, "spec", clock=lambda: next(now))
    course = toy_course("bag", steps=1)
    course.run(silent)
    checkpoints(course)
    assert list(tmp_path.iterdir()) == []
    checkpoints(course)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.safetensors"]


@pytest.mark.parametrize("damage", ["other spec", "cut", "empty", "other shapes", "none"])
def test_a_state_that_is_no_use_is_passed_over(damage: str, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, "spec")
    course = toy_course("decoder" if damage == "other shapes" else "bag")
    course.run(silent)
    checkpoints.save(course)
    path = tmp_path / "checkpoint.safetensors"
    if damage in ("cut", "empty"):
        path.write_bytes(path.read_bytes()[: 1_000 if damage == "cut" else 0])
    if damage == "none":
        path.unlink()
    fresh, untouched = toy_course("bag"), toy_course("bag")
    Checkpoints(tmp_path, "another" if damage == "other spec" else "spec").restore(fresh)
    assert fresh.losses == []
    assert weights(fresh) == weights(untouched)
