"""Ranks as Ray tasks, on a cluster that is there or on one for this run.

These are plain Ray tasks, and not datatrove's `RayPipelineExecutor`: that makes a placement group, an actor and a pool
of forked processes for each rank, so that nothing which a worker has loaded serves the next step; it ends without an
error when a rank has raised one; and it waits for ever for a rank whose forked process was killed.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from datatrove.pipeline.base import PipelineStep

from curation.errors import ConfigError, CurationError
from pipelines.launch.options import RayOptions
from pipelines.launch.rank import Task

_GIB = 1 << 30
# Nothing but steps goes through Ray's object store, and these are small.
_STORE_BYTES = 100 << 20


class RayLauncher:
    """Runs ranks on a Ray cluster."""

    is_here = False

    def __init__(self, options: RayOptions) -> None:
        """Set the options.

        Raises:
            ConfigError: if Ray is not installed.
        """
        try:
            import ray  # noqa: F401
        except ImportError as error:
            hint = "pip install 'ml-embed-curation[ray]', here and where the workers run"
            raise ConfigError("Ray is not installed", why=str(error), hint=hint) from error
        self.options = options
        self._started_here = False

    def launch(self, step: PipelineStep, *, tasks: int, log: str) -> None:
        """Run the ranks that are left. See `Launcher`.

        Raises:
            CurationError: also if the cluster cannot be reached.
        """
        task = Task(step, tasks, log)
        ranks = task.left()
        if ranks:
            self._start()
            for rank in self._run(task, ranks):
                task.check_marker(rank)

    def close(self) -> None:
        """Leave the cluster; one that was started for this run ends."""
        if self._started_here:
            import ray

            ray.shutdown()
            self._started_here = False

    def _start(self) -> None:
        import ray

        if ray.is_initialized():
            return
        # A cluster of our own reports to nobody.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            ray.init(**self._where(), log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, RuntimeError, ValueError) as error:
            hint = "start one with `ray start --head`, or leave --address out for a cluster on this machine"
            where = self.options.address or "this machine"
            raise CurationError("There is no Ray cluster to work on", where, str(error), hint) from error
        self._started_here = True

    def _where(self) -> dict[str, Any]:
        options = self.options
        if options.address:
            return {"address": options.address}
        resources = {"num_cpus": options.workers * options.cpus_per_task}
        if options.gpus_per_task:
            resources["num_gpus"] = options.workers * options.gpus_per_task
        # Without an address Ray would join whatever cluster was started here last.
        own = {"address": "local", "include_dashboard": False, "object_store_memory": _STORE_BYTES}
        return own | resources

    def _run(self, task: Task, ranks: Sequence[int]) -> Iterator[int]:
        """Run ranks, at most `workers` at a time, and yield those that are done; give the others up at an error."""
        import ray

        # The step goes along with each call: an object that is put would have to be fetched from this process.
        remote = ray.remote(_run_rank).options(**self._resources())
        waiting, working = deque(ranks), dict[Any, int]()
        try:
            while waiting or working:
                while waiting and len(working) < self.options.workers:
                    rank = waiting.popleft()
                    working[remote.remote(task, rank)] = rank
                (first, *_), _ = ray.wait(list(working), num_returns=1)
                self._settle(task, working[first], first)
                yield working.pop(first)
        finally:
            for given_up in working:
                ray.cancel(given_up, force=True)

    def _resources(self) -> dict[str, Any]:
        options = self.options
        memory = options.mem_per_cpu and int(options.mem_per_cpu * options.cpus_per_task * _GIB)
        return {
            "num_cpus": options.cpus_per_task,
            "num_gpus": options.gpus_per_task,
            **({"memory": memory} if memory else {}),
            # A rank whose worker or machine was lost runs again; one that raised an error would raise it again.
            "max_retries": options.retries,
            "retry_exceptions": False,
        }

    def _settle(self, task: Task, rank: int, done: Any) -> None:
        import ray

        try:
            ray.get(done)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, CurationError):
                raise error.cause from error
            hint = "the project must be installed where the workers run, in the same version: see docs/running.md"
            raise task.error(
                rank, f"its worker could not run it: {_last_line(error)}; its log ends with", hint
            ) from error
        except ray.exceptions.RayError as error:
            why = f"its worker was lost {self.options.retries + 1} times: {_last_line(error)}; its log ends with"
            raise task.error(rank, why) from error


def _run_rank(task: Task, rank: int) -> None:
    task.run(rank)


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:500] if lines else type(error).__name__
