"""Held-out pairs that come back with a word changed, in any script; neighbours in a template are left in peace."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from pairs_of_gate import SENTENCES, Pair

from curation.config.gate import Gate
from curation.gate.data.corpus import Corpus
from curation.gate.data.near_leaks import check_near_leaks

Corpora = Callable[..., Corpus]


def pairs(place: int) -> list[Pair]:
    """Return the pairs of half the sentences; the other half shares no sentence with them."""
    return [Pair(*both[place], positive_language=code) for code, both in SENTENCES.items()]


def share(corpus: Corpus) -> float:
    (check,) = check_near_leaks(corpus, Gate())
    assert check.id == "data.near_leaks.test"
    assert check.value is not None
    return check.value


def test_other_pairs_are_no_leak(corpus_of: Corpora) -> None:
    assert share(corpus_of(train=pairs(0), test=pairs(1))) == 0


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text,
        str.upper,
        lambda text: text.rstrip(".。।։") + " !",
        lambda text: "".join(reversed(text.partition(" "))) if " " in text else text,
    ],
)
def test_a_pair_that_was_lightly_edited(corpus_of: Corpora, edit: Callable[[str], str]) -> None:
    leaked = [
        Pair(edit(pair.anchor), edit(pair.positive), positive_language=pair.positive_language) for pair in pairs(1)
    ]
    (check,) = check_near_leaks(corpus_of(train=[*pairs(0), *leaked], test=pairs(1)), Gate())
    assert check.status == "fail"
    assert check.detail.split()[0] == check.detail.split()[2]


@pytest.mark.parametrize(
    ("anchor", "positive", "leaked"),
    [
        ("My sister writes short letters today.", "Моя сестра пишет короткие письма сегодня.", True),
        ("Sister writes short letters.", "Сестра пишет короткие письма.", True),
        ("My uncle writes short letters.", "Мой дядя пишет короткие письма.", False),
        ("My sister writes short letters.", "Погода вчера была очень плохой.", False),
        ("Everybody ran.", "Моя сестра пишет короткие письма.", False),
    ],
)
def test_a_word_more_and_a_word_less(corpus_of: Corpora, anchor: str, positive: str, leaked: bool) -> None:
    test = [Pair(*SENTENCES["rus_Cyrl"][1], positive_language="rus_Cyrl")]
    train = [*pairs(0), Pair(anchor, positive, positive_language="rus_Cyrl")]
    assert (share(corpus_of(train=train, test=test)) > 0) is leaked


def test_another_language_is_no_leak(corpus_of: Corpora) -> None:
    moved = [Pair(pair.anchor, pair.positive, positive_language="und_Zzzz") for pair in pairs(1)]
    assert share(corpus_of(train=[*pairs(0), *moved], test=pairs(1))) == 0


@pytest.mark.parametrize("missing", ["train", "test"])
def test_nothing_is_held_out(corpus_of: Corpora, missing: str) -> None:
    splits = {"train": pairs(0), "test": pairs(1)} | {missing: []}
    (check,) = check_near_leaks(corpus_of(**splits), Gate())
    assert (check.id, check.status) == ("data.near_leaks", "skipped")


def test_short_texts_are_not_judged(corpus_of: Corpora) -> None:
    (check,) = check_near_leaks(corpus_of(train=pairs(0), test=[Pair("Yes", "Ja")]), Gate())
    assert check.status == "skipped"


def test_signatures_bound_what_a_text_lacks(corpus_of: Corpora) -> None:
    corpus = corpus_of(train=pairs(0), test=pairs(1))
    features = [set(corpus.features[[row]].indices.tolist()) for row in range(len(corpus.folded))]
    for left, right in itertools.permutations(range(len(features)), 2):
        lacking = int(np.bitwise_count(corpus.signatures[left] & ~corpus.signatures[right]).sum())
        assert lacking <= len(features[left] - features[right])
