"""The gate on this machine: a process of this Python, which lives on when whoever waits for it is killed."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.release import layout
from hub_upload.triggers.protocol import Handle, Request, Status
from hub_upload.triggers.verdicts import MAX_VERDICT_BYTES
from hub_upload.triggers.workplace import Workplace, read_bounded

NAME = "local"


@dataclass(frozen=True, slots=True)
class LocalBackend:
    """Runs `curate gate`.

    Attributes:
        state: folder in which runs are remembered.
    """

    state: Path

    @property
    def name(self) -> str:
        """See `Backend`."""
        return NAME

    def payload(self, request: Request) -> dict[str, Any]:
        """Return the command, and where its log and verdict go."""
        place = self._place(request.key)
        argv = gate_command(request, place.folder / "out")
        return {"argv": argv, "log": str(place.log), "verdict": str(_verdict(place))}

    def submit(self, request: Request) -> Handle:
        """Start the process, unless there is or was one of this key."""
        place = self._place(request.key)
        with place.reserved():
            found = place.recorded() is not None
            if not found:
                place.record(request)
                place.launch(gate_command(request, place.folder / "out"))
        return Handle(request.key, place.folder.name, found=found)

    def poll(self, handle: Handle) -> Status:
        """Say `done` once the process has ended and has left a verdict."""
        place = self._place(handle.key)
        if place.is_running():
            return Status("running")
        if _verdict(place).is_file():
            return Status("done")
        return Status("failed", place.log_tail() or "it ended without a word, or was killed")

    def fetch_verdict(self, handle: Handle) -> bytes:
        """Read the file."""
        return read_bounded(_verdict(self._place(handle.key)), MAX_VERDICT_BYTES)

    def _place(self, key: str) -> Workplace:
        return Workplace.of(self.state, NAME, key)


def gate_command(request: Request, out: Path) -> list[str]:
    """Return the command that checks a request's release with this very Python and writes `out`/gate."""
    # -P: a file of the current folder must not stand in for a module.
    argv = [sys.executable, "-P", "-m", "curation.cli", "gate", request.release.reference, "--out", str(out)]
    return [*argv, "--baseline", request.baseline.reference] if request.baseline else argv


def _verdict(place: Workplace) -> Path:
    return place.folder / "out" / layout.VERDICT
