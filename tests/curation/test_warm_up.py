from __future__ import annotations

import subprocess
import sys

import pytest


def test_afterwards_every_kernel_is_loaded() -> None:
    pytest.importorskip("numba")
    code = (
        "import sys; from curation.warm_up import warm_up; warm_up(); "
        "assert {'curation.dedup.compiled', 'curation.mining.lexical.compiled', 'curation.mining.search.compiled'} "
        "<= set(sys.modules), sorted(name for name in sys.modules if 'compiled' in name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
