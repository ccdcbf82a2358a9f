"""Ranks in worker processes that `srun` starts: one job each, or one step each of an allocation that is there.

Not datatrove's `SlurmPipelineExecutor`, which submits a job array and a job to merge its statistics for every step: a
run has some 25 steps one after the other, so that each would wait in the queue and import everything anew. A worker
here waits in the queue once, and what it has loaded serves all steps. `srun` carries its standard input and output,
so that a worker ends with the program that it works for, and a job that is refused, cancelled or killed is heard of
at once.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time

from datatrove.pipeline.base import PipelineStep

from curation.errors import ConfigError
from pipelines.launch.crew import Crew
from pipelines.launch.options import SlurmOptions
from pipelines.launch.rank import Task

_WORKER = ["-m", "pipelines.launch.worker"]
_ASK_SECONDS = 30
_COMPLETING_SECONDS = 60


class SlurmLauncher:
    """Runs ranks on a Slurm cluster."""

    is_here = False

    def __init__(self, options: SlurmOptions) -> None:
        """Set the options.

        Raises:
            ConfigError: if Slurm's commands are not here.
        """
        if shutil.which("srun") is None:
            hint = "run this on a machine from which jobs are submitted, or inside a job"
            raise ConfigError("Slurm is not here", why="there is no command `srun`", hint=hint)
        self.options = options
        self._crew: Crew | None = None

    def launch(self, step: PipelineStep, *, tasks: int, log: str) -> None:
        """Run the ranks that are left. See `Launcher`."""
        task = Task(step, tasks, log)
        ranks = task.left()
        if ranks:
            self._crew = self._crew or self._start(min(self.options.workers, tasks))
            self._crew.run(task, ranks)

    def close(self) -> None:
        """End the workers, and their jobs with them."""
        crew, self._crew = self._crew, None
        if crew is not None:
            crew.close()

    def _start(self, workers: int) -> Crew:
        command = srun_command(self.options)
        crew = Crew(command, workers=workers, retries=self.options.retries, last_word=last_word)
        crew.start()
        return crew


def srun_command(options: SlurmOptions) -> list[str]:
    """Return the command that starts one worker and is the other end of its pipe."""
    asked = {
        "ntasks": "1",
        "nodes": "1",
        "cpus-per-task": str(options.cpus_per_task),
        "mem-per-cpu": f"{round(options.mem_per_cpu * 1024)}M" if options.mem_per_cpu else "",
        "gpus-per-task": str(options.gpus_per_task) if options.gpus_per_task else "",
        "partition": options.slurm_partition or "",
        "time": options.time or "",
        "job-name": "curate",
        # Workers are single processes: no MPI has to be set up for them.
        "mpi": "none",
    }
    flags = [f"--{name}={value}" for name, value in asked.items() if value]
    flags += [f"--{name}={value}" if value else f"--{name}" for name, value in options.srun_args]
    return ["srun", "--quiet", *flags, *_worker(options)]


def _worker(options: SlurmOptions) -> list[str]:
    if not options.env_command:
        return [sys.executable, *_WORKER]
    # What the user's command prints must not get between the answers of the worker.
    return ["bash", "-c", f"{{ {options.env_command}\n}} >&2 && exec {shlex.join(['python', *_WORKER])}"]


def last_word(job: str) -> tuple[str, bool]:
    """Return the state of a job, empty if Slurm does not say, and whether somebody wanted its end."""
    end = time.monotonic() + _COMPLETING_SECONDS
    # While its processes are cleared away, a job does not tell what ended it.
    while (state := _state(job)) == "COMPLETING" and time.monotonic() < end:
        time.sleep(1)
    return state, state.startswith("CANCELLED")


def _state(job: str) -> str:
    state = _ask("squeue", "--noheader", "--states=all", "--format=%T", f"--jobs={job}")
    return state or _ask("sacct", "--noheader", "--allocations", "--parsable2", "--format=State", f"--jobs={job}")


def _ask(*command: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command with the number of a job
            command, capture_output=True, text=True, timeout=_ASK_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip().partition("\n")[0]
