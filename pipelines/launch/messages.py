"""What the program and a worker process say to each other, and how a line of it looks.

A line is a fixed word and one pickled object as base64: whatever else a module or a shell prints is skipped. Both ends
are processes of one user with the same code, so that a pickle is no more than a function call between them.
"""

from __future__ import annotations

import base64
import pickle
from dataclasses import dataclass
from typing import IO, Any

from curation.errors import CurationError
from pipelines.launch.rank import Task

_WORD = b"curate-worker "


@dataclass(frozen=True, slots=True)
class Hello:
    """A worker's first line.

    Attributes:
        host: name of its machine.
        job: number of its Slurm job, empty outside Slurm.
    """

    host: str
    job: str


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker is to do.

    Attributes:
        task: the step.
        rank: which rank of it.
    """

    task: Task
    rank: int


@dataclass(frozen=True, slots=True)
class Answer:
    """How an order ended.

    Attributes:
        error: None if it was carried out.
    """

    error: CurationError | None


def send(stream: IO[bytes], message: Hello | Order | Answer) -> None:
    """Write a message, and push it out."""
    stream.write(_WORD + base64.b64encode(pickle.dumps(message)) + b"\n")
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Return the next message, None at the end of the stream."""
    for line in stream:
        if line.startswith(_WORD) and line.endswith(b"\n"):
            return pickle.loads(base64.b64decode(line[len(_WORD) :]))  # noqa: S301 - from our own process
    return None
