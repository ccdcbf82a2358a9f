"""Which engine scores the tiles."""

from __future__ import annotations

from curation.mining.search.tiles import Engine, Float32Engine


def engine_for(name: str, queries: int, passages: int, dimensions: int) -> Engine:
    return Float32Engine()
