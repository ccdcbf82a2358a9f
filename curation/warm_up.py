"""Loads compiled code, or compiles it where that was never done."""

from __future__ import annotations

from curation.dedup import kernels as dedup
from curation.mining.lexical import kernels as lexical
from curation.mining.search import kernels as search
from curation.training import kernels as training


def warm_up() -> None:
    """Load all kernels: processes that are forked from this one, or come later, have them then."""
    for kernels in (dedup, lexical, search, training):
        kernels.warm_up()
