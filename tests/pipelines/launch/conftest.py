from __future__ import annotations

from pathlib import Path

import pytest
from commands import curate, digests


@pytest.fixture(scope="session")
def expected(base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the digests of a run by the command line in one process."""
    out = tmp_path_factory.mktemp("expected")
    done = curate(base / "messages.yml", out, "--workers", "1")
    assert done.returncode == 0, done.stderr
    return digests(out)
