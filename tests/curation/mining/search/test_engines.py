from __future__ import annotations

import numpy as np
import pytest

from curation.errors import ConfigError
from curation.mining.search import engines
from curation.mining.search.bfloat16 import Bfloat16Engine, DeviceEngine, _bits_below
from curation.mining.search.corpus import ArrayCorpus
from curation.mining.search.int8 import MOST_DIMENSIONS, Int8Engine
from curation.mining.search.tiles import Engine, Float32Engine, listed
from tests.curation.mining.search.vectors import randomly, stored, with_outliers

NOTHING = (np.empty(0, np.int64), np.empty(0, np.int64))


@pytest.mark.parametrize("engine", [Float32Engine(), Bfloat16Engine(), Int8Engine(10**6), DeviceEngine("cpu")])
@pytest.mark.parametrize("make", [randomly, with_outliers])
@pytest.mark.parametrize("dimensions", [1, 5, 512])
def test_scores_are_within_their_bounds(engine: Engine, make: type[randomly], dimensions: int) -> None:
    left, right = make(1, 50, dimensions), make(2, 500, dimensions)
    exact = (left.astype(np.float64) @ right.T.astype(np.float64)).astype(np.float32)
    floors = np.full(50, -np.inf, np.float32)
    (tile,) = engine.tiles(ArrayCorpus(right), 0, 500)
    hits = list(engine.hits(engine.load(left), slice(10, 40), tile, floors, NOTHING))
    assert sum(len(listed(part).rows) for part in hits) == 30 * 500
    for part in map(listed, hits):
        scores = exact[part.queries, part.rows]
        assert (part.lowers <= scores).all()
        assert (scores <= part.uppers).all()
        assert (part.uppers - part.lowers).max() < 0.3


def test_stored_codes_leave_half_of_the_error() -> None:
    engine, corpus, queries = Int8Engine(10**6), stored(1, 50, 256), randomly(2, 5, 256)
    prepared = engine.load(queries)
    (as_codes,), (as_floats,) = engine.tiles(corpus, 0, 50), engine.tiles(ArrayCorpus(corpus.read(0, 50)), 0, 50)
    part = slice(0, 5)
    assert (engine.errors(prepared, part, as_codes) < 0.75 * engine.errors(prepared, part, as_floats)).all()


@pytest.mark.parametrize("value", [1.0, -1.0, 1.001, -1.001, 0.0, 1e-45, -1e-45, 0.3, -0.3, -3.3e38, 3.3e38])
def test_a_threshold_is_rounded_down_to_the_next_bfloat16(value: float) -> None:
    bits = _bits_below(np.array([value])).astype(np.uint32)
    below = float((bits << np.uint32(16)).view(np.float32)[0])
    assert below <= value
    assert value - below <= 2**-7 * abs(value) + 1e-40


def test_all_engines_pass_their_trial_here_or_are_left_out() -> None:
    assert engines._works("float32")
    assert engines.fastest() in {"float32", "bfloat16", "int8", "device:cuda"}


@pytest.mark.parametrize("fastest", ["float32", "bfloat16", "int8"])
def test_only_a_large_search_is_worth_a_trial(fastest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "fastest", lambda: fastest)
    assert engines.engine_for("auto", 10, 10, 8).name == "float32"
    assert engines.engine_for("auto", 10**6, 10**6, 512).name == fastest
    beyond = MOST_DIMENSIONS + 1
    assert engines.engine_for("auto", 10**4, 10**4, beyond).name == ("float32" if fastest == "int8" else fastest)


@pytest.mark.parametrize(("name", "dimensions"), [("fp8", 4), ("int8", MOST_DIMENSIONS + 1)])
def test_an_engine_that_cannot_be(name: str, dimensions: int) -> None:
    with pytest.raises(ConfigError, match=r"engine"):
        engines.engine_for(name, 1, 1, dimensions)
