"""Pairs that repeat each other, or nearly."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pairs_of_gate import SENTENCES, Pair

from curation.config.gate import Gate
from curation.gate.data.corpus import Corpus
from curation.gate.data.duplicates import check_near_duplicates

ROWS = [Pair(*pair, positive_language=code) for code, both in SENTENCES.items() for pair in both]


@pytest.mark.parametrize(
    ("added", "repeated"),
    [
        ([], 0),
        ([ROWS[0]], 1),
        ([Pair("The weather is very good today!", "Das Wetter ist heute sehr gut!")], 1),
        ([Pair("The weather is very good today.", "Погода вчера была очень плохой.")], 0),
        ([Pair(ROWS[0].anchor, ROWS[0].positive, positive_language="ltz_Latn")], 0),
        ([ROWS[4], ROWS[4], ROWS[9]], 3),
    ],
)
def test_pairs_that_repeat(corpus_of: Callable[..., Corpus], added: list[Pair], repeated: int) -> None:
    check = check_near_duplicates(corpus_of(train=[*ROWS, *added]), Gate())
    assert check.value == pytest.approx(repeated / (len(ROWS) + len(added)))
    assert check.status == ("fail" if repeated > 1 else "pass")


def test_without_training_data(corpus_of: Callable[..., Corpus]) -> None:
    assert check_near_duplicates(corpus_of(test=ROWS), Gate()).status == "skipped"
