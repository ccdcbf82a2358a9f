"""One rank of a step, the same in whatever process it runs: datatrove's log, statistics and completion marker."""

from __future__ import annotations

import contextlib
import io
import socket
import time
import unicodedata
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from datatrove.executor.base import PipelineExecutor
from datatrove.io import get_datafolder
from datatrove.pipeline.base import PipelineStep

from curation.errors import CurationError

# Of a log that may hold anything, so much is shown.
_LAST_LINES, _LINE_CHARS, _TAIL_BYTES = 5, 200, 16_384
# NFS may go on saying for a minute that a file is not there.
_MARKER_SECONDS = 60.0
_SHARED = "the folder of --out, and the sources, must lie on a file system that all workers share, at the same path"


class TaskError(CurationError):
    """A rank of a step failed, or was lost."""


@dataclass(frozen=True, slots=True)
class Task:
    """A step with everything that is needed to run a rank of it.

    Attributes:
        step: the step.
        tasks: number of its ranks.
        log: folder for markers and logs.
    """

    step: PipelineStep
    tasks: int
    log: str

    @property
    def stage(self) -> str:
        """What the step is called."""
        return str(self.step.name)

    def left(self) -> list[int]:
        """Return the ranks without a completion marker, and see to it that the folder for these exists."""
        executor = _RankExecutor(self)
        executor.logging_dir.makedirs("completions", exist_ok=True)
        ranks: list[int] = executor.get_incomplete_ranks()
        return ranks

    def error(self, rank: int, why: str, hint: str = "") -> TaskError:
        """Return the error for a rank that ended without a marker."""
        log = f"logs/task_{rank:05d}.log"
        return TaskError(
            f"Task {rank} of {self.tasks} of the stage {self.stage} failed",
            where=str(get_datafolder(self.log).resolve_paths(log)),
            why="\n    ".join([why, *self._last_lines(log)]),
            hint=hint or "read that log; a run that is started again does only what is missing",
        )

    def run(self, rank: int) -> None:
        """Run one rank in this process.

        Raises:
            CurationError: what the rank says to the user, or else a `TaskError` with the end of its log.
        """
        executor = _RankExecutor(self)
        # In a bucket there are no folders, and nothing that is not shared.
        if executor.logging_dir.is_local() and not executor.logging_dir.isdir("completions"):
            why = f"the worker on {socket.gethostname()} does not find this folder, which the run has made"
            raise CurationError("The work folder is not shared", where=self.log, why=why, hint=_SHARED)
        try:
            with _quiet():
                executor.run_rank(rank)
        except CurationError:
            raise
        except Exception as error:
            raise self.error(rank, f"{type(error).__name__}, and its log ends with") from error

    def check_marker(self, rank: int) -> None:
        """Refuse a rank that is said to be done where its marker is nowhere to be seen.

        Raises:
            CurationError: if there is no marker.
        """
        executor, end = _RankExecutor(self), time.monotonic() + _MARKER_SECONDS
        while not executor.is_rank_completed(rank):
            if time.monotonic() < end:
                time.sleep(_MARKER_SECONDS / 60)
                continue
            why = f"a worker has done task {rank} of the stage {self.stage}, but its completion marker is not here"
            raise CurationError("The work folder is not shared", where=self.log, why=why, hint=_SHARED)

    def _last_lines(self, log: str) -> list[str]:
        folder = get_datafolder(self.log)
        try:
            with folder.open(log, "rb") as stream:
                stream.seek(max(0, folder.size(log) - _TAIL_BYTES))
                text = stream.read().decode("utf-8", errors="replace")
        except OSError:
            return ["(there is no log)"]
        lines = [_plain(line.rstrip())[:_LINE_CHARS] for line in text.splitlines() if line.strip()]
        return lines[-_LAST_LINES:] or ["(the log is empty)"]


class _RankExecutor(PipelineExecutor):  # type: ignore[misc]
    """What datatrove does around a rank, without a way of its own to start any."""

    def __init__(self, task: Task) -> None:
        # A step gathers statistics as it runs: each rank begins with a fresh one.
        super().__init__([deepcopy(task.step)], logging_dir=task.log)
        self._tasks = task.tasks

    def run(self) -> None:
        """Run nothing: launchers choose ranks."""
        raise NotImplementedError

    def run_rank(self, rank: int) -> None:
        """Run one rank in this process, unless it has its marker."""
        self._run_for_rank(rank)

    @property
    def world_size(self) -> int:
        """Number of ranks."""
        return self._tasks

    def get_distributed_env(self, node_rank: int = -1) -> dict[str, str]:
        """Return what datatrove tells steps that span nodes; ours never do."""
        names = ("node_ips", "cpus_per_task", "mem_per_cpu", "gpus_on_node", "executor")
        return {f"datatrove_{name}": "" for name in names}


class _Nowhere(io.TextIOBase):
    """A text stream that swallows everything, and that loguru can go on holding."""

    def write(self, text: str) -> int:
        return len(text)


_NOWHERE = _Nowhere()


def _quiet() -> contextlib.AbstractContextManager[Any]:
    """Keep datatrove's console log, of which the task's log has every line, from the terminal."""
    return contextlib.redirect_stderr(_NOWHERE)


def _plain(line: str) -> str:
    return "".join(char for char in line if unicodedata.category(char) not in ("Cc", "Cf"))
