"""The memory of this process."""

from __future__ import annotations

from pathlib import Path


def forget_peak() -> None:
    """Let the greatest memory count from now on."""
    Path("/proc/self/clear_refs").write_text("5")


def resident(field: str) -> float:
    """Return megabytes resident now (`VmRSS`), or at most (`VmHWM`)."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024 / 1e6
