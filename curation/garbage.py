"""Python's collector of cycles, where it has nothing to find."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Leave cycles alone while very many objects without any are made, such as lists of numbers.

    Every so many new objects Python looks through all there are: 140,000 lists of token ids take half again as long.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
