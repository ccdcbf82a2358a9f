"""A training's state on disk, so that a training that was cut goes on and ends with the same bits."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import safetensors
import torch
from safetensors.torch import load_file, save_file

from curation.files import atomic_path
from curation.training.fit import Course

_FILE = "checkpoint.safetensors"
_WEIGHT, _MOMENT = "weight/", "moment/"
_BROKEN = (OSError, ValueError, KeyError, RuntimeError, safetensors.SafetensorError)


@dataclass
class Checkpoints:
    """Where and how often the state of one training is kept.

    Attributes:
        folder: holds the newest state, written whole or not at all.
        spec: digest of everything that the training depends on; a state of another one is passed over.
        seconds: time between two states.
        clock: tells the time in seconds.
    """

    folder: Path
    spec: str
    seconds: float = 60.0
    clock: Callable[[], float] = time.monotonic
    _last: float = field(init=False)

    def __post_init__(self) -> None:
        self._last = self.clock()

    def restore(self, course: Course) -> None:
        """Bring a fresh course to where the newest state was, if there is one of this training."""
        path = self.folder / _FILE
        try:
            with safetensors.safe_open(path, framework="pt") as file:
                described = json.loads((file.metadata() or {})["course"])
            if described["spec"] != self.spec:
                return
            tensors = load_file(path)
            weights = {name.removeprefix(_WEIGHT): value for name, value in tensors.items() if name.startswith(_WEIGHT)}
            if {name: value.shape for name, value in weights.items()} != _shapes(course):
                return
            course.module.load_state_dict(weights)
        except _BROKEN:
            # A state that cannot be read is worth no more than none: the training starts anew.
            return
        course.optimiser.restore(
            {name.removeprefix(_MOMENT): value for name, value in tensors.items() if name.startswith(_MOMENT)}
        )
        course.losses[:] = described["losses"]

    def __call__(self, course: Course) -> None:
        """Save the state if it is time."""
        if course.workers.first and self.clock() - self._last >= self.seconds:
            self.save(course)

    def save(self, course: Course) -> None:
        """Save the state now."""
        weights = {_WEIGHT + name: value for name, value in course.module.state_dict().items()}
        moments = {_MOMENT + name: value for name, value in course.optimiser.state().items()}
        tensors = {name: value.detach().contiguous() for name, value in (weights | moments).items()}
        described = json.dumps({"spec": self.spec, "losses": course.losses})
        with atomic_path(self.folder / _FILE) as temporary:
            save_file(tensors, temporary, metadata={"course": described})
        self._last = self.clock()

    def clear(self) -> None:
        """Remove the state of a training that has ended."""
        (self.folder / _FILE).unlink(missing_ok=True)


def _shapes(course: Course) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in course.module.state_dict().items()}
