"""The toy graph run by an engine in a process of its own.

Threads that gRPC leaves behind do not survive the forks of datatrove's executor, so that what speaks gRPC with a job
service must not do so in the process of the tests.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from outcomes import outcome

from curation.errors import CurationError
from pipelines.beam import BeamEngine
from pipelines.launch.local import LocalLauncher
from pipelines.local import DatatroveEngine


def outcome_apart(engine: str, folder: Path, *arguments: str, poison: int = 0) -> dict[str, Any]:
    """Return the digests of what the toy graph left, or `error` and `exit_code`.

    Args:
        engine: `datatrove` or `beam`.
        folder: of the store.
        arguments: options of Beam.
        poison: the first so many of the 300 rows make a step raise.
    """
    command = [sys.executable, "-m", "apart", engine, str(folder), str(poison), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(engine: str, folder: str, poison: str, *arguments: str) -> None:
    used = DatatroveEngine(LocalLauncher(1), 1, 64) if engine == "datatrove" else BeamEngine(3, 64, arguments)
    try:
        found: dict[str, Any] = {**outcome(used, Path(folder), total=300, poison=tuple(range(int(poison))))}
    except CurationError as error:
        found = {"error": str(error), "exit_code": error.exit_code}
    sys.stdout.write(f"\n{json.dumps(found)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
