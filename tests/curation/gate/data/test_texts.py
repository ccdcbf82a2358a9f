"""Faults of single rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pairs_of_gate import SENTENCES, Pair

from curation.config.gate import Gate
from curation.gate.data.corpus import Corpus
from curation.gate.data.texts import check_texts


def statuses(corpus: Corpus) -> dict[str, str]:
    return {check.id.removeprefix("data."): check.status for check in check_texts(corpus, Gate())}


def pairs(**changes: object) -> list[Pair]:
    rows = [
        Pair(english, text, positive_language=code, negatives=(SENTENCES[code][1 - place][1],))
        for code, both in SENTENCES.items()
        for place, (english, text) in enumerate(both)
    ]
    first = rows[0]
    return [Pair(**{**{name: getattr(first, name) for name in Pair.__dataclass_fields__}, **changes}), *rows[1:]]


def test_sound_pairs_pass(corpus_of: Callable[..., Corpus]) -> None:
    assert set(statuses(corpus_of(train=pairs())).values()) == {"pass"}


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({"anchor": ""}, "empty_texts"),
        ({"anchor": " \u2003"}, "empty_texts"),
        ({"positive": ""}, "empty_texts"),
        ({"negatives": ("",)}, "empty_texts"),
        ({"anchor": "ER SCHLÄFT", "positive": "er schläft"}, "copied_anchors"),
        ({"negatives": ("THE WEATHER IS VERY GOOD TODAY.",)}, "negatives_are_right"),
        ({"negatives": ("Das Wetter ist heute sehr gut!",)}, "false_negatives"),
    ],
)
def test_one_fault(corpus_of: Callable[..., Corpus], changes: dict[str, object], failing: str) -> None:
    found = statuses(corpus_of(train=pairs(**changes)))
    assert [name for name, status in found.items() if status == "fail"] == [failing]


def test_a_pair_that_stands_twice(corpus_of: Callable[..., Corpus]) -> None:
    rows = pairs()
    assert statuses(corpus_of(train=[*rows, rows[3]]))["repeated_pairs"] == "fail"
    # In two languages it is two pairs.
    other = Pair(rows[0].anchor, rows[0].positive, positive_language="gsw_Latn", negatives=rows[0].negatives)
    assert statuses(corpus_of(train=[*rows, other]))["repeated_pairs"] == "pass"


def test_no_negatives(corpus_of: Callable[..., Corpus]) -> None:
    found = check_texts(corpus_of(train=[Pair("Hello.", "Hallo.")]), Gate())[-1]
    assert (found.id, found.status, found.detail) == ("data.false_negatives", "skipped", "the release has no negatives")
