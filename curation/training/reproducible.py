"""A stretch of torch code whose result does not depend on the settings of the process around it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch.utils import deterministic

# Sums are split by thread, so their number is part of the result. One is the number that every machine has.
_THREADS = 1


@contextlib.contextmanager
def reproducible() -> Iterator[None]:
    """Run the block on one thread and with deterministic algorithms only; put the settings back afterwards.

    Equal inputs then give equal bits on one kind of processor and one version of torch, whatever OMP_NUM_THREADS says.
    """
    threads = torch.get_num_threads()
    strict = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    fill = deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.set_num_threads(_THREADS)
    torch.use_deterministic_algorithms(True)
    # Filling memory that is about to be overwritten helps to find bugs only, and costs a tenth of a step.
    deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
        torch.use_deterministic_algorithms(strict, warn_only=warn_only)
        torch.set_num_threads(threads)
