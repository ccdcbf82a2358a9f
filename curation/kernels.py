"""Which kernels are used: compiled ones where numba is installed, or those of a library that is there anyway."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from curation.errors import ConfigError

T = TypeVar("T")


def compiled_or_none(variable: str, portable: str, compiled: Callable[[], T | None]) -> T | None:
    """Return the compiled kernels, or None where the portable ones are to be used.

    Args:
        variable: of the environment: `numba`, the name of the portable kernels, or `auto`, which is the default.
        portable: name of the portable kernels.
        compiled: returns the compiled kernels, or None where they cannot be used.

    Raises:
        ConfigError: if the environment asks for kernels that there are not.
    """
    wanted = os.environ.get(variable, "auto")
    if wanted not in ("auto", "numba", portable):
        raise ConfigError(
            f"There are no kernels called {wanted!r}", where=variable, hint=f"use auto, numba or {portable}"
        )
    found = None if wanted == portable else compiled()
    if found is None and wanted == "numba":
        raise ConfigError("numba cannot be used", where=variable, hint="pip install numba")
    return found
