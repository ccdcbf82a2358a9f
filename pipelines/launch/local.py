"""Ranks in this process, or in worker processes of this machine.

The processes are those of the standard library, and not of datatrove's `LocalPipelineExecutor`: that starts new ones
for each step, together with a manager process, and waits for ever for a rank whose process was killed.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from datatrove.pipeline.base import PipelineStep

from pipelines.launch.rank import Task

_PRELOAD = ["pipelines.preload"]


class LocalLauncher:
    """Runs ranks on this machine."""

    is_here = True

    def __init__(self, workers: int) -> None:
        """Set the number of processes; 1 runs everything in this process."""
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def launch(self, step: PipelineStep, *, tasks: int, log: str) -> None:
        """Run the ranks that are left. See `Launcher`."""
        task = Task(step, tasks, log)
        if self.workers > 1 and tasks > 1:
            self._run_in_pool(task, task.left())
        else:
            for rank in task.left():
                task.run(rank)

    def close(self) -> None:
        """Stop the processes."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        # A public method of Python 3.14, `terminate_workers`, does just this.
        for process in list((pool._processes or {}).values()):
            process.terminate()
        pool.shutdown(cancel_futures=True)

    def _run_in_pool(self, task: Task, ranks: Sequence[int]) -> None:
        if not ranks:
            return
        self._pool = self._pool or _pool(self.workers)
        futures = {self._pool.submit(task.run, rank): rank for rank in ranks}
        done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        # In the order of ranks, so that of several errors the same one is told.
        for future in sorted(done, key=futures.__getitem__):
            try:
                future.result()
            except BrokenProcessPool as error:
                why = "a worker process was killed, by someone or for want of memory; the log of this or another ends"
                hint = "see `dmesg` for memory; run again, perhaps with fewer --workers or more engine.partitions"
                raise task.error(futures[future], why, hint) from error


def _pool(workers: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("forkserver")
    # The fork server imports what every worker needs, once instead of in each.
    context.set_forkserver_preload(_PRELOAD)
    return ProcessPoolExecutor(workers, mp_context=context)
