"""A step that can go wrong in every way, and what any launcher has to make of it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from datatrove.pipeline.base import PipelineStep
from loguru import logger

from curation.errors import CurationError, SourceError
from pipelines.launch.base import Launcher

REFUSED = SourceError("Die Datei пуста", where="सूची.tsv:3", why="ไม่มีแถว", hint="curate plan config.yml")


class Touch(PipelineStep):  # type: ignore[misc]
    """Writes a file with the process id for each rank, and one more for each time that it is run."""

    name = "touch"
    type = "toys"

    def __init__(self, folder: Path, **bad: tuple[int, ...]) -> None:
        super().__init__()
        self.folder, self.bad = folder, bad

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        yield from data or ()
        sys.stdout.write(f"noise of rank {rank}\n")
        tries = self.folder / f"tries-{rank}"
        with tries.open("a") as file:
            file.write(f"{os.getpid()}\n")
        if rank in self.bad.get("killed", ()) or (
            rank in self.bad.get("killed_once", ()) and len(tries.read_text().split()) == 1
        ):
            os.kill(os.getpid(), signal.SIGKILL)
        if rank in self.bad.get("sleeping", ()):
            time.sleep(600)
        if rank in self.bad.get("raising", ()):
            logger.info("на строке 7: \x1b[31mред\u202eче")
            raise ValueError("गलत पंक्ति")
        if rank in self.bad.get("refused", ()):
            raise REFUSED
        (self.folder / f"rank-{rank}-of-{world_size}").write_text(str(os.getpid()))


def ranks(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("rank-*"))


def tries(folder: Path) -> dict[int, int]:
    return {int(path.name[6:]): len(path.read_text().split()) for path in folder.glob("tries-*")}


def processes(folder: Path) -> set[str]:
    return {path.read_text() for path in folder.glob("rank-*")}


def each_rank_runs_once_and_never_again(launcher: Launcher, folder: Path) -> None:
    for _ in range(2):
        launcher.launch(Touch(folder), tasks=5, log=str(folder / "log"))
        assert ranks(folder) == [f"rank-{rank}-of-5" for rank in range(5)]
        assert tries(folder) == dict.fromkeys(range(5), 1)


def what_is_missing_runs_alone(launcher: Launcher, folder: Path) -> None:
    launcher.launch(Touch(folder), tasks=4, log=str(folder / "log"))
    (folder / "log" / "completions" / "00002").unlink()
    launcher.launch(Touch(folder), tasks=4, log=str(folder / "log"))
    assert tries(folder) == {0: 1, 1: 1, 2: 2, 3: 1}


def a_rank_that_raises_is_named_with_its_log(launcher: Launcher, folder: Path) -> None:
    with pytest.raises(CurationError, match="Task 1 of 2 of the stage touch failed") as caught:
        launcher.launch(Touch(folder, raising=(1,)), tasks=2, log=str(folder / "log"))
    assert caught.value.where == str(folder / "log" / "logs" / "task_00001.log")
    assert Path(caught.value.where).exists()
    assert "ValueError: गलत पंक्ति" in caught.value.why, caught.value.why
    assert "\x1b" not in str(caught.value)
    launcher.close()
    launcher.launch(Touch(folder), tasks=2, log=str(folder / "log"))
    assert ranks(folder) == ["rank-0-of-2", "rank-1-of-2"]


def what_a_rank_says_to_the_user_arrives_as_it_is(launcher: Launcher, folder: Path) -> None:
    with pytest.raises(SourceError) as caught:
        launcher.launch(Touch(folder, refused=(0, 1)), tasks=2, log=str(folder / "log"))
    assert caught.value.args == REFUSED.args


def processes_serve_all_steps(launcher: Launcher, folder: Path) -> None:
    found = set()
    for number in range(6):
        (folder / str(number)).mkdir()
        launcher.launch(Touch(folder / str(number)), tasks=3, log=str(folder / f"log-{number}"))
        found |= processes(folder / str(number))
    assert 1 <= len(found) <= 2


def a_killed_worker_is_replaced(launcher: Launcher, folder: Path) -> None:
    launcher.launch(Touch(folder, killed_once=(0, 2)), tasks=3, log=str(folder / "log"))
    assert ranks(folder) == [f"rank-{rank}-of-3" for rank in range(3)]
    assert tries(folder) == {0: 2, 1: 1, 2: 2}


def a_rank_that_kills_its_workers_ends_the_run(launcher: Launcher, folder: Path) -> None:
    """With `retries` of 1."""
    with pytest.raises(CurationError, match="Task 0 of 2 of the stage touch failed") as caught:
        launcher.launch(Touch(folder, killed=(0,)), tasks=2, log=str(folder / "log"))
    assert "lost" in caught.value.why
    assert tries(folder)[0] == 2


EVERYWHERE = [
    each_rank_runs_once_and_never_again,
    what_is_missing_runs_alone,
    a_rank_that_raises_is_named_with_its_log,
    what_a_rank_says_to_the_user_arrives_as_it_is,
    processes_serve_all_steps,
]
WITH_RETRIES = [*EVERYWHERE, a_killed_worker_is_replaced, a_rank_that_kills_its_workers_ends_the_run]
