"""The command that starts workers, and a real Slurm of one node on the loopback interface."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from commands import command, curate, digests
from slurm_cluster import missing, slurm
from steps import WITH_RETRIES, Touch, tries

from curation.errors import ConfigError, CurationError
from pipelines.launch.base import Launcher
from pipelines.launch.options import SlurmOptions, launch_options
from pipelines.launch.slurm import SlurmLauncher, last_word, srun_command

OPTIONS = ("--launcher", "slurm", "--slurm-partition", "cpu", "--time", "00:10:00", "--workers", "2")
COMMON = ["srun", "--quiet", "--ntasks=1", "--nodes=1"]
WORKER = [sys.executable, "-m", "pipelines.launch.worker"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", [*COMMON, "--cpus-per-task=1", "--job-name=curate", "--mpi=none", *WORKER]),
        (
            "--slurm-partition cpu --time 02:00:00 --mem-per-cpu 1.5 --cpus-per-task 3 --gpus-per-task 1",
            [
                *COMMON,
                "--cpus-per-task=3",
                "--mem-per-cpu=1536M",
                "--gpus-per-task=1",
                "--partition=cpu",
                "--time=02:00:00",
                "--job-name=curate",
                "--mpi=none",
                *WORKER,
            ],
        ),
        (
            "--srun-arg account=x;rm --srun-arg exclusive",
            [*COMMON, "--cpus-per-task=1", "--job-name=curate", "--mpi=none", "--account=x;rm", "--exclusive", *WORKER],
        ),
    ],
)
def test_the_command(options: str, expected: list[str]) -> None:
    found = launch_options(["--launcher", "slurm", *options.split()], 2)
    assert isinstance(found, SlurmOptions)
    assert srun_command(found) == expected


@pytest.mark.parametrize("prepare", ["export GREETING=สวัสดี; echo loaded", "export GREETING=สวัสดี # comment"])
def test_a_worker_runs_the_users_command_first_and_keeps_its_answers_to_itself(prepare: str, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$GREETING $*"\n')
    python.chmod(0o755)
    command = srun_command(SlurmOptions(1, env_command=f"{prepare}\nPATH={tmp_path}:$PATH"))
    done = subprocess.run(command[command.index("bash") :], capture_output=True, text=True, check=True)
    assert done.stdout == "สวัสดี -m pipelines.launch.worker\n"


def test_a_worker_does_not_start_where_the_users_command_fails() -> None:
    command = srun_command(SlurmOptions(1, env_command="false"))
    done = subprocess.run(command[command.index("bash") :], capture_output=True, check=False)
    assert done.returncode == 1


def test_without_slurm_the_user_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match="Slurm is not here"):
        SlurmLauncher(SlurmOptions(1))


def test_a_job_that_nobody_knows_has_no_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert last_word("1") == ("", False)


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Start Slurm, and have this process and what it starts use it."""
    if why := missing():
        pytest.skip(why)
    with slurm() as config, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(config))
        yield


def jobs(states: str = "all") -> list[dict[str, str]]:
    lines = subprocess.run(
        ["squeue", "--noheader", f"--states={states}", "--format=%i %T"], capture_output=True, text=True, check=True
    )
    return [dict(zip(("id", "state"), line.split(), strict=True)) for line in lines.stdout.splitlines()]


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


slurm_only = [pytest.mark.slow, pytest.mark.slurm, pytest.mark.usefixtures("cluster"), pytest.mark.timeout(900)]


class TestOnSlurm:
    pytestmark = slurm_only

    @pytest.mark.parametrize("check", WITH_RETRIES, ids=lambda check: check.__name__)
    def test_what_every_launcher_does(self, check: Callable[[Launcher, Path], None], tmp_path: Path) -> None:
        with closing(SlurmLauncher(SlurmOptions(2, "cpu", "10", mem_per_cpu=1.0, retries=1))) as launcher:
            check(launcher, tmp_path)
        wait_for(lambda: not jobs("running,pending"))

    def test_a_cancelled_job_is_not_replaced(self, tmp_path: Path) -> None:
        def cancel() -> None:
            wait_for(lambda: tries(tmp_path))
            for job in jobs("running"):
                subprocess.run(["scancel", job["id"]], check=True)

        canceller = threading.Thread(target=cancel)
        canceller.start()
        with closing(SlurmLauncher(SlurmOptions(1))) as launcher:
            with pytest.raises(CurationError, match="Task 0 of 2 of the stage touch failed") as caught:
                launcher.launch(Touch(tmp_path, sleeping=(0,)), tasks=2, log=str(tmp_path / "log"))
            canceller.join()
        assert "CANCELLED" in caught.value.why
        assert tries(tmp_path) == {0: 1}

    def test_a_refused_job_is_an_error_with_what_slurm_says(self, tmp_path: Path) -> None:
        refused = pytest.raises(CurationError, match="No worker could be started")
        with closing(SlurmLauncher(SlurmOptions(2, "gpu"))) as launcher, refused as caught:
            launcher.launch(Touch(tmp_path), tasks=2, log=str(tmp_path / "log"))
        assert "nvalid partition" in caught.value.why

    def test_more_workers_than_processors_begin_when_they_can(self, tmp_path: Path) -> None:
        # The node has four processors: two of four workers wait in the queue, and nobody waits for them.
        with closing(SlurmLauncher(SlurmOptions(4, cpus_per_task=2))) as launcher:
            launcher.launch(Touch(tmp_path), tasks=6, log=str(tmp_path / "log"))
        assert tries(tmp_path) == dict.fromkeys(range(6), 1)
        wait_for(lambda: not jobs("running,pending"))

    def test_a_run_is_launched_by_the_same_command(self, base: Path, expected: dict[str, str], tmp_path: Path) -> None:
        done = curate(base / "messages.yml", tmp_path / "out", *OPTIONS)
        assert done.returncode == 0, done.stderr
        assert digests(tmp_path / "out") == expected
        wait_for(lambda: not jobs("running,pending"))

    def test_a_cancelled_job_ends_the_run_and_another_resumes_it(
        self, base: Path, expected: dict[str, str], tmp_path: Path
    ) -> None:
        out = tmp_path / "out"
        before = {job["id"] for job in jobs()}
        with (tmp_path / "errors").open("w") as errors:
            process = subprocess.Popen(
                command(base / "messages.yml", out, *OPTIONS), stdout=subprocess.DEVNULL, stderr=errors
            )
            wait_for(lambda: list((out / "work").glob("identify-*/log/*/logs/*")))
            for job in jobs("running,pending"):
                if job["id"] not in before:
                    subprocess.run(["scancel", job["id"]], check=True)
            assert process.wait(timeout=300) == 1
        told = (tmp_path / "errors").read_text()
        assert "failed" in told or "No worker could be started" in told
        assert "CANCELLED" in told
        assert "Traceback" not in told
        assert curate(base / "messages.yml", out, *OPTIONS).returncode == 0
        assert digests(out) == expected

    def test_a_failing_task_ends_the_run_with_a_paragraph_and_another_resumes_it(
        self, base: Path, expected: dict[str, str], tmp_path: Path
    ) -> None:
        config, out = tmp_path / "messages.yml", tmp_path / "out"
        config.write_text((base / "messages.yml").read_text(encoding="utf-8"), encoding="utf-8")
        (tmp_path / "extra.tsv").write_bytes((base / "extra.tsv").read_bytes())
        # A folder stands where the third stage wants to write its records.
        stage = identify_folder(config, out)
        (stage / "records").parent.mkdir(parents=True)
        (stage / "records").write_text("in the way")
        done = curate(config, out, *OPTIONS)
        assert done.returncode == 1
        assert "The operating system refuses to read or write" in done.stderr
        assert f"where: {stage}/records" in done.stderr
        assert "File exists" in done.stderr or "Not a directory" in done.stderr
        assert "Traceback" not in done.stderr
        (stage / "records").unlink()
        assert curate(config, out, *OPTIONS).returncode == 0
        assert digests(out) == expected

    def test_inside_an_allocation_workers_are_steps_of_it(self, tmp_path: Path) -> None:
        code = (
            "import sys; from pathlib import Path; from steps import Touch\n"
            "from pipelines.launch.slurm import SlurmLauncher, SlurmOptions\n"
            "launcher = SlurmLauncher(SlurmOptions(2, mem_per_cpu=1.0)); folder = Path(sys.argv[1])\n"
            "launcher.launch(Touch(folder), tasks=4, log=str(folder / 'log')); launcher.close()\n"
        )
        before = len(jobs())
        allocation = ["salloc", "--quiet", "--ntasks=2", "--mem=4000M"]
        subprocess.run([*allocation, sys.executable, "-c", code, str(tmp_path)], check=True, timeout=300)
        assert tries(tmp_path) == dict.fromkeys(range(4), 1)
        assert len(jobs()) == before + 1


def identify_folder(config: Path, out: Path) -> Path:
    plan = [sys.executable, "-m", "curation.cli", "plan", str(config), "--json", "--set", "gate.enabled=false"]
    stages = json.loads(subprocess.run(plan, check=True, capture_output=True).stdout)["stages"]
    return out / next(stage["folder"] for stage in stages if stage["stage"] == "identify")
