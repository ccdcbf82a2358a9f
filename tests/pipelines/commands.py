"""The command line in a process of its own, and what it leaves."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path


def digests(out: Path) -> dict[str, str]:
    """Return a digest of every file of the release and the ledgers."""
    files = sorted([*(out / "release").rglob("*"), *(out / "ledger").rglob("*")])
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.is_file()
    }


def command(config: Path, out: Path, *options: str) -> list[str]:
    run = [sys.executable, "-m", "curation.cli", "run", str(config), "--out", str(out), "--set", "gate.enabled=false"]
    return [*run, "--", *options]


def curate(config: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(config, out, *options), check=False, capture_output=True, text=True)
