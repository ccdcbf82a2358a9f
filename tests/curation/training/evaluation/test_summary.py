"""What is written of an evaluation."""

from __future__ import annotations

import json

import numpy as np
import pytest

from curation.training.evaluation.grid import Cell, Evaluation, Outcome
from curation.training.evaluation.retrieval import Score
from curation.training.evaluation.summary import summarise


def outcome(language: str, ranks: list[int]) -> Outcome:
    ids = tuple(f"{language}-{number}" for number in range(len(ranks)))
    return Outcome(language, ids, np.array([ranks, ranks], np.int32))


def test_cells_languages_and_means() -> None:
    full = (outcome("heb_Hebr", [1, 1, 1, 5]), outcome("tha_Thai", [1, 1]))
    corner = (outcome("heb_Hebr", [1, 2, 3, 5]), outcome("tha_Thai", [2, 1]))
    unmeasured = Score(0.5, 0.6, float("nan"), float("nan"), float("nan"))
    found = summarise(Evaluation((Cell(0, 8, 16, unmeasured),), full, corner), seed=1)
    assert found["grid"][0] | {"accuracy": 0.5, "ndcg": None} == found["grid"][0]
    assert found["full"]["accuracy"] == pytest.approx((0.75 + 1) / 2)
    assert found["corner"]["accuracy"] == pytest.approx((0.25 + 0.5) / 2)
    assert found["languages"]["heb_Hebr"]["pairs"] == 4
    thai = found["languages"]["tha_Thai"]["full"]
    assert thai == {"accuracy": 1.0, "low": 1.0, "high": 1.0}
    hebrew = found["languages"]["heb_Hebr"]["full"]
    assert hebrew["low"] < 0.75 <= hebrew["high"]
    json.dumps(found, allow_nan=False)


def test_nothing_evaluated() -> None:
    assert summarise(Evaluation((), (), ()), seed=1) == {"grid": [], "full": None, "corner": None, "languages": {}}
