"""The compiled kernels are the same code whether a process has just compiled them or found them in the cache."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Digests of all that the kernels fill in, from drawn numbers of a size at which loops run in lanes.
SCRIPT = """
import hashlib
import torch
from curation.training import kernels
draw = torch.Generator().manual_seed(7)
def normal(*shape): return torch.randn(*shape, generator=draw)
factors, weights, places = normal(60, 19), normal(60), torch.randint(60, (200,), generator=draw)
lengths = torch.full((20,), 10)
pooled, shares = kernels.pool(factors, weights, places, lengths)
found = [pooled, shares, *kernels.pool_gradient(factors, places, lengths, shares, pooled, normal(20, 19))]
grams, scales = normal(4, 2, 33, 71), (normal(4, 2, 33).abs() * 9, normal(4, 2, 71).abs())
found += [*kernels.soften(grams, *scales, torch.ones(33, 71), torch.rand(4, 2, generator=draw)), grams]
table, squares, last = normal(60, 19), normal(60, 19).abs(), torch.zeros(60, dtype=torch.int64)
options = {"step": 3, "rate": 0.1, "decay": 0.01, "beta": 0.999, "epsilon": 1e-8}
kernels.adam_rows(table, squares, last, torch.arange(30), normal(30, 19), **options)
for value in (*found, table, squares):
    print(hashlib.sha256(value.numpy().tobytes()).hexdigest())
"""


def digests(cache: Path) -> list[str]:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache), "CURATION_TRAINING_KERNELS": "numba"}
    command = [sys.executable, "-c", SCRIPT]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.slow
def test_compiled_just_now_or_found_the_numbers_are_the_same(tmp_path: Path) -> None:
    fresh = digests(tmp_path)
    assert len(fresh) == 10
    assert list(tmp_path.rglob("*.nbc"))
    assert digests(tmp_path) == fresh
    # As it is where two processes compile at the same time: one of them finds a part of what it needs.
    for file in tmp_path.rglob("compiled.soften*"):
        file.unlink()
    assert digests(tmp_path) == fresh
