"""The crew of the Slurm launcher, with workers that this machine starts without Slurm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from steps import WITH_RETRIES, Touch, tries

from curation.errors import CurationError
from pipelines.launch.base import Launcher
from pipelines.launch.crew import Crew
from pipelines.launch.rank import Task
from pipelines.launch.slurm import SlurmLauncher, SlurmOptions

WORKER = [sys.executable, "-m", "pipelines.launch.worker"]
ALIVE = ("RUNNING", False)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the Slurm launcher start its workers without Slurm."""
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr("pipelines.launch.slurm.srun_command", lambda options: WORKER)
    monkeypatch.setattr("pipelines.launch.slurm.last_word", lambda job: ALIVE)


@pytest.mark.slow
@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("check", WITH_RETRIES, ids=lambda check: check.__name__)
def test_what_every_launcher_does(check: Callable[[Launcher, Path], None], tmp_path: Path) -> None:
    launcher = SlurmLauncher(SlurmOptions(2, retries=1))
    try:
        check(launcher, tmp_path)
    finally:
        launcher.close()
    assert not [child for child in psutil.Process().children() if "pipelines.launch.worker" in child.cmdline()]


def crew(command: list[str], workers: int = 1, state: tuple[str, bool] = ALIVE) -> Crew:
    made = Crew(command, workers=workers, retries=1, last_word=lambda job: state)
    made.start()
    return made


def task(folder: Path, **bad: tuple[int, ...]) -> Task:
    made = Task(Touch(folder, **bad), 2, str(folder / "log"))
    assert made.left() == [0, 1]
    return made


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (["bash", "-c", "echo 'srun: error: invalid partition specified: gpu' >&2; exit 1"], "invalid partition"),
        (["bash", "-c", "exit 3"], "it ended with code 3"),
        (["/no/such/command"], "No such file"),
        (["echo", "curate-worker"], "it ended with code 0"),
    ],
)
def test_workers_that_do_not_start_are_an_error_with_their_last_words(
    command: list[str], why: str, tmp_path: Path
) -> None:
    made = crew(command, workers=2)
    with pytest.raises(CurationError, match="No worker could be started") as caught:
        made.run(task(tmp_path), [0, 1])
    assert why in caught.value.why
    made.close()


@pytest.mark.slow
def test_one_worker_is_enough(tmp_path: Path) -> None:
    first = tmp_path / "first"
    # Whoever comes first makes the folder and is a worker; the other one is refused.
    command = f"mkdir {first} 2>/dev/null || {{ echo 'srun: error: QOSMaxJobsPerUserLimit' >&2; exit 1; }}; exec "
    made = crew(["bash", "-c", command + " ".join(WORKER)], workers=2)
    made.run(task(tmp_path), [0, 1])
    made.close()
    assert tries(tmp_path) == {0: 1, 1: 1}


@pytest.mark.slow
def test_what_a_shell_prints_is_no_answer(tmp_path: Path) -> None:
    made = crew(["bash", "-c", f"echo Willkommen, добро пожаловать; exec {' '.join(WORKER)}"])
    made.run(task(tmp_path), [0, 1])
    made.close()


def test_a_cancelled_job_ends_the_run_without_another_try(tmp_path: Path) -> None:
    made = crew(WORKER, state=("CANCELLED by 1000", True))
    with pytest.raises(CurationError, match="Task 0 of 2") as caught:
        made.run(task(tmp_path, killed=(0,)), [0])
    assert "CANCELLED by 1000" in caught.value.why
    assert tries(tmp_path) == {0: 1}
    made.close()


@pytest.mark.slow
def test_a_worker_ends_with_the_program_that_it_works_for() -> None:
    code = f"""
import subprocess, sys, time
worker = subprocess.Popen({WORKER!r}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
worker.stdout.readline()
print(worker.pid, flush=True)
time.sleep(100)
"""
    program = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert program.stdout is not None
    worker = psutil.Process(int(program.stdout.readline()))
    os.kill(program.pid, signal.SIGKILL)
    program.wait()
    end = time.monotonic() + 20
    while worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE and time.monotonic() < end:
        time.sleep(0.1)
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
    program.stdout.close()


@pytest.mark.slow
def test_a_step_that_a_worker_cannot_load_is_an_error(tmp_path: Path) -> None:
    # The worker is started without the folder that the step's module is in.
    command = ["env", f"PYTHONPATH={Path(__file__).parents[3]}", *WORKER]
    made = crew(command)
    with pytest.raises(CurationError, match="Task 0 of 2") as caught:
        made.run(task(tmp_path), [0])
    assert "No module named 'steps'" in caught.value.why
    made.close()
