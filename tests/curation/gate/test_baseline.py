"""An earlier release counts only where its figures were made in the same way."""

from __future__ import annotations

from typing import Any

import pytest

from curation.gate.baseline import comparable, figure, overlap

MINE = {"training_sha256": "ab", "seeds": 3, "held_out_ids": [f"{number:016x}" for number in range(100)]}


@pytest.mark.parametrize(
    ("verdict", "why"),
    [
        ({}, "no verdict"),
        ({"metrics": {}}, "no verdict"),
        ({"metrics": "many"}, "no verdict"),
        ({"metrics": {"held_out": {}}}, "does not say"),
        ({"metrics": {"settings": MINE | {"training_sha256": "cd"}}}, "other settings"),
        ({"metrics": {"settings": MINE | {"held_out_ids": ["f" * 16]}}}, "held-out pairs"),
        ({"metrics": {"settings": MINE | {"held_out_ids": None}}}, "held-out pairs"),
        ({"metrics": {"settings": MINE | {"held_out_ids": [1, {}]}}}, "held-out pairs"),
    ],
)
def test_why_a_baseline_does_not_count(verdict: dict[str, Any], why: str) -> None:
    assert why in comparable(verdict, MINE).why


def test_a_baseline_that_counts() -> None:
    assert comparable({"metrics": {"settings": dict(MINE)}}, MINE).why == ""


@pytest.mark.parametrize(
    ("mine", "theirs", "share"),
    [([], [], 1.0), (["a"], ["a"], 1.0), (["a"], ["b"], 0.0), (["a", "b"], ["b", "c"], 1 / 3), (["a"], None, 0.0)],
)
def test_overlap(mine: list[str], theirs: object, share: float) -> None:
    assert overlap(mine, theirs) == pytest.approx(share)


@pytest.mark.parametrize(
    ("value", "found"),
    [(0.5, 0.5), (1, 1.0), (True, None), ("0.5", None), (None, None), (float("nan"), None), ([1], None)],
)
def test_a_figure_is_a_finite_number(value: object, found: float | None) -> None:
    assert figure({"a": {"b": value}}, "a", "b") == found
    assert figure({"a": value}, "a", "b") is None
