"""What the datatrove adapter asks of whoever runs the tasks of a step."""

from __future__ import annotations

from typing import Protocol

from datatrove.pipeline.base import PipelineStep


class Launcher(Protocol):
    """Runs the tasks of one step after another's.

    What takes time to start (processes, a cluster, jobs) is started by the first step that has something to do, and
    serves all that follow until `close`. A closed launcher may be used again.

    Attributes:
        is_here: whether all tasks run on this machine.
    """

    is_here: bool

    def launch(self, step: PipelineStep, *, tasks: int, log: str) -> None:
        """Run the ranks 0 to `tasks` - 1 of a step that have no completion marker yet, and return when all have one.

        Args:
            step: the step; it is sent to whatever process runs a rank of it, and nothing else is.
            tasks: number of ranks.
            log: folder for markers and logs, of this step and this number of ranks only.

        Raises:
            CurationError: if a rank fails, with the stage, the rank, the place of its log and the log's last lines,
                or with what the rank itself had to say to the user.
        """

    def close(self) -> None:
        """Stop whatever was started, at once: ranks that are still at work are given up."""
