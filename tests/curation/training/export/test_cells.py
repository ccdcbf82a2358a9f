"""Which part of a model can be exported."""

from __future__ import annotations

import pytest

from curation.errors import ConfigError
from curation.training.export.cells import Nesting

NESTING = Nesting(depths=(0, 1, 2), dims=(8, 16, 32), ranks=(8, 16))


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        ({}, NESTING),
        ({"depth": 0}, Nesting((0,), (8, 16, 32), (8, 16))),
        ({"depth": 1, "dim": 16}, Nesting((0, 1), (8, 16), (8, 16))),
        ({"depth": 2, "dim": 32, "rank": 8}, Nesting((0, 1, 2), (8, 16, 32), (8,))),
    ],
)
def test_a_part_holds_what_is_nested_in_it(cut: dict[str, int], expected: Nesting) -> None:
    assert NESTING.cut(**cut) == expected


@pytest.mark.parametrize(
    ("cut", "where"),
    [
        ({"depth": 3}, "depth"),
        ({"depth": -1}, "depth"),
        ({"dim": 0}, "dim"),
        ({"dim": 24}, "dim"),
        ({"rank": 9}, "rank"),
    ],
)
def test_sizes_that_were_not_trained_are_refused(cut: dict[str, int], where: str) -> None:
    with pytest.raises(ConfigError) as refused:
        NESTING.cut(**cut)
    assert refused.value.where == where
    assert str(next(iter(cut.values()))) in refused.value.why
