"""The least plausible pairs of each language, and what fits better."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from curation.gate.signal import Trial, find_suspects, suspects
from curation.gate.signal.alignment import PairFit
from curation.release import Release


def test_suspects_of_a_release(sound: Release, trial: Trial) -> None:
    found = find_suspects(sound, trial.rows, trial.fit)
    counts = Counter(suspect["language"] for suspect in found)
    assert counts
    assert set(counts.values()) <= {suspects.EACH}
    ids = set(sound.read("full", split="train", columns=["id"])["id"].to_pylist())
    for suspect in found:
        assert suspect["id"] in ids
        assert (suspect["better"] in ids) == (suspect["margin"] < 0)
        assert suspect["better"] != suspect["id"]
    margins = [suspect["margin"] for suspect in found if suspect["language"] == found[0]["language"]]
    assert margins == sorted(margins)


def fit(margins: list[float]) -> PairFit:
    rows = np.arange(len(margins))
    return PairFit(rows, np.zeros(len(rows)), np.ones(len(rows)), np.array(margins), rows[::-1])


def test_small_languages_and_what_is_no_number_are_left_out() -> None:
    languages = np.array(["deu_Latn"] * 60 + ["kat_Geor"] * 10, dtype=object)
    chosen = suspects.least_plausible(fit([float("nan")] * 2 + [float(-row) for row in range(68)]), languages)
    assert chosen.tolist() == list(range(59, 39, -1))


def test_the_list_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspects, "MAX_SUSPECTS", 10)
    languages = np.array(["deu_Latn"] * 60 + ["kat_Geor"] * 60, dtype=object)
    chosen = suspects.least_plausible(fit([float(row) for row in range(120)]), languages)
    assert chosen.tolist() == [0, 1, 2, 3, 4, 60, 61, 62, 63, 64]
