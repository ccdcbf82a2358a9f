"""Which engine scores the tiles: all find the same, and one is the fastest on this machine."""

from __future__ import annotations

import functools
import importlib.util
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np

from curation.errors import ConfigError
from curation.mining.search.bfloat16 import Bfloat16Engine, DeviceEngine
from curation.mining.search.candidates import Vectors
from curation.mining.search.corpus import ArrayCorpus
from curation.mining.search.int8 import MOST_DIMENSIONS, Int8Engine
from curation.mining.search.tiles import Engine, Float32Engine, listed

ENGINES = ("auto", "float32", "bfloat16", "int8", "device:NAME")
"""What can be asked for; `device:NAME` is any device of torch, such as `device:cuda`."""

# Multiplications from which a trial pays: some three seconds of one core, or ten where torch has to be loaded first.
_LARGE = 1 << 37
_LARGE_WITHOUT_TORCH = 1 << 39
_PROBE = (256, 1024, 512)
# What is only a little faster loses it again to the survivors of its coarser scores.
_MUST_BE_FASTER = 1.3
_GPU = "device:cuda"


def engine_for(name: str, queries: int, passages: int, dimensions: int) -> Engine:
    """Return an engine for a search.

    Args:
        name: one of `ENGINES`. `auto` is a GPU if there is one, or else whichever engine a short trial found to be the
            fastest on this CPU; small searches are not worth one and are made in float32.
        queries: of the whole search.
        passages: of the whole search.
        dimensions: of the vectors.

    Raises:
        ConfigError: if there is no such engine.
    """
    if name == "auto":
        name = choose(queries, passages, dimensions)
    if name.startswith("device:"):
        return DeviceEngine(name.removeprefix("device:"))
    if name == "int8" and dimensions > MOST_DIMENSIONS:
        raise ConfigError(
            "The int8 engine cannot add up so many dimensions",
            why=f"they are {dimensions:,}, and {MOST_DIMENSIONS:,} at most",
            hint="use auto or float32",
        )
    makers: dict[str, Callable[[], Engine]] = {
        "float32": Float32Engine,
        "bfloat16": Bfloat16Engine,
        "int8": lambda: Int8Engine(queries * passages),
    }
    if name not in makers:
        raise ConfigError(f"There is no engine called {name!r}", hint=f"use one of {', '.join(ENGINES)}")
    return makers[name]()


def choose(queries: int, passages: int, dimensions: int) -> str:
    """Return the name of the engine that `auto` stands for in a search of this size: see `engine_for`."""
    large = _LARGE if "torch" in sys.modules else _LARGE_WITHOUT_TORCH
    name = fastest() if queries * passages * dimensions >= large else "float32"
    return "float32" if name == "int8" and dimensions > MOST_DIMENSIONS else name


def fastest() -> str:
    """Return the name of the fastest engine of this machine, found by trial."""
    seconds = trial()
    # A GPU that works is faster than any CPU; that a trial so short cannot tell.
    if _GPU in seconds:
        return _GPU
    handicapped = {name: value * (1 if name == "float32" else _MUST_BE_FASTER) for name, value in seconds.items()}
    return min(handicapped, key=lambda name: handicapped[name])


@functools.cache
def trial() -> Mapping[str, float]:
    """Return the seconds that a tile takes each engine that works here."""
    names = ["float32"]
    if importlib.util.find_spec("torch") is not None:
        import torch

        names += ["bfloat16", "int8", *([_GPU] if torch.cuda.is_available() else [])]
    return {name: _seconds(name) for name in names if _works(name)}


def _works(name: str) -> bool:
    """Say whether an engine runs and its scores are within their bounds: instructions may saturate, or be absent."""
    left, right = _trial_vectors()
    exact = left.astype(np.float64) @ right.T.astype(np.float64)
    floors = np.full(len(left), -np.inf, dtype=np.float32)
    nothing = np.empty(0, dtype=np.int64)
    engine = engine_for(name, *_PROBE)
    seen = 0
    try:
        queries = engine.load(left)
        for tile in engine.tiles(ArrayCorpus(right), 0, len(right)):
            for hits in engine.hits(queries, slice(0, len(left)), tile, floors, (nothing, nothing)):
                found = listed(hits)
                scores = exact[found.queries, found.rows].astype(np.float32)
                if not ((found.lowers <= scores) & (scores <= found.uppers)).all():
                    return False
                seen += len(scores)
    except (RuntimeError, NotImplementedError, TypeError):
        return False
    return seen == exact.size


def _seconds(name: str) -> float:
    """Return the least time of a few tiles whose floors nothing reaches."""
    left, right = _trial_vectors()
    engine = engine_for(name, *_PROBE)
    queries, nothing = engine.load(left), np.empty(0, dtype=np.int64)
    (tile,) = engine.tiles(ArrayCorpus(right), 0, len(right))
    floors = np.full(len(left), 2.0, dtype=np.float32)
    times = []
    for _ in range(4):
        begin = time.perf_counter()
        list(engine.hits(queries, slice(0, len(left)), tile, floors, (nothing, nothing)))
        times.append(time.perf_counter() - begin)
    return min(times)


def _trial_vectors() -> tuple[Vectors, Vectors]:
    """Return vectors of unit length; of each side the first has the same value everywhere, for the greatest sums."""
    count, others, dimensions = _PROBE
    vectors = np.random.default_rng(0).standard_normal((count + others, dimensions))
    vectors[[0, count]] = 1.0
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors[:count].astype(np.float32), vectors[count:].astype(np.float32)
