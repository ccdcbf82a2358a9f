from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from steps import EVERYWHERE, Touch, processes

from curation.errors import CurationError
from pipelines.launch.base import Launcher
from pipelines.launch.local import LocalLauncher


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("check", EVERYWHERE, ids=lambda check: check.__name__)
def test_what_every_launcher_does(check: Callable[[Launcher, Path], None], workers: int, tmp_path: Path) -> None:
    with closing(LocalLauncher(workers)) as launcher:
        check(launcher, tmp_path)


@pytest.mark.parametrize(("workers", "tasks"), [(1, 3), (2, 1)])
def test_what_one_process_can_do_needs_no_other(workers: int, tasks: int, tmp_path: Path) -> None:
    with closing(LocalLauncher(workers)) as launcher:
        launcher.launch(Touch(tmp_path), tasks=tasks, log=str(tmp_path / "log"))
    assert processes(tmp_path) == {str(os.getpid())}


def test_a_killed_process_ends_the_run_which_goes_on_when_it_is_started_again(tmp_path: Path) -> None:
    with closing(LocalLauncher(2)) as launcher:
        with pytest.raises(CurationError, match=r"Task \d of 3 of the stage touch failed") as caught:
            launcher.launch(Touch(tmp_path, killed_once=(1,)), tasks=3, log=str(tmp_path / "log"))
        assert "a worker process was killed" in caught.value.why
    with closing(LocalLauncher(2)) as again:
        again.launch(Touch(tmp_path, killed_once=(1,)), tasks=3, log=str(tmp_path / "log"))
    assert sorted(path.name for path in tmp_path.glob("rank-*")) == [f"rank-{rank}-of-3" for rank in range(3)]
