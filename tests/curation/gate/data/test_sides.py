"""Pairs whose sides are exchanged, and texts that the language identifier knows for another language."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from pairs_of_gate import SENTENCES, Pair

from curation.config.gate import Gate
from curation.config.model import Identify
from curation.gate.data.corpus import Corpus
from curation.gate.data.identified import check_identified
from curation.gate.data.sides import check_sides
from curation.gate.data.voices import Voices, listen

# Twice, for a language is judged from twenty texts on.
PAIRS = [
    Pair(f"{english} ({number})", f"{text} ({number})", positive_language=code)
    for code, both in SENTENCES.items()
    for english, text in both
    for number in range(15)
]


def exchanged(pairs: Sequence[Pair], every: int) -> list[Pair]:
    return [
        replace(pair, anchor=pair.positive, positive=pair.anchor) if number % every == 0 else pair
        for number, pair in enumerate(pairs)
    ]


def heard(corpus: Corpus) -> list[Voices]:
    assert corpus.train is not None
    return list(listen(corpus, corpus.train, Identify()))


@pytest.mark.parametrize("every", [1, 3])
def test_sides_that_are_exchanged(corpus_of: Callable[..., Corpus], every: int) -> None:
    checks = check_sides(heard(corpus_of(train=exchanged(PAIRS, every))), Gate())
    assert checks[0].status == "fail"
    assert checks[0].value is not None
    assert checks[0].value > 0.8 / every
    assert {check.language for check in checks[1:]} >= {"rus_Cyrl", "ell_Grek", "heb_Hebr", "jpn_Jpan", "tha_Thai"}


def test_sound_pairs(corpus_of: Callable[..., Corpus]) -> None:
    voices = heard(corpus_of(train=PAIRS))
    assert [check.status for check in check_sides(voices, Gate())] == ["pass"]
    assert {check.status for check in check_identified(voices, Gate())} == {"pass"}


def test_pairs_of_one_language_have_no_sides_to_tell_apart(corpus_of: Callable[..., Corpus]) -> None:
    pairs = [replace(pair, query_language="eng_Latn", positive_language="eng_Latn") for pair in PAIRS[:30]]
    (check,) = check_sides(heard(corpus_of(train=pairs)), Gate())
    assert (check.status, check.detail) == ("skipped", "no pairs are in two languages")


@pytest.mark.parametrize(
    ("label", "real"),
    [("deu_Latn", "rus_Cyrl"), ("hin_Deva", "deu_Latn"), ("ell_Grek", "jpn_Jpan"), ("ben_Beng", "deu_Latn")],
)
def test_a_label_whose_texts_are_all_of_another_language(
    corpus_of: Callable[..., Corpus], label: str, real: str
) -> None:
    """Nothing in the release itself speaks against it."""
    rest = [pair for pair in PAIRS if pair.positive_language not in (label, real)]
    wrong = [replace(pair, positive_language=label) for pair in PAIRS if pair.positive_language == real]
    checks = check_identified(heard(corpus_of(train=[*rest, *wrong])), Gate())
    assert {check.language for check in checks if check.status == "fail"} == {label}


def test_a_source_of_another_language(corpus_of: Callable[..., Corpus]) -> None:
    right = [pair for pair in PAIRS if pair.positive_language == "deu_Latn"]
    wrong = [
        replace(pair, positive_language="deu_Latn", source="docs") for pair in PAIRS if "rus" in pair.positive_language
    ]
    (check,) = (
        item for item in check_identified(heard(corpus_of(train=[*right, *wrong])), Gate()) if item.status == "fail"
    )
    assert (check.language, check.detail) == ("deu_Latn", "positives of docs in deu_Latn, 30 asked about")


def test_a_language_unknown_to_the_model(corpus_of: Callable[..., Corpus]) -> None:
    """Igbo is not among its languages; German is not Igbo for that."""
    wrong = [replace(pair, positive_language="ibo_Latn") for pair in PAIRS if pair.positive_language == "deu_Latn"]
    (check,) = (item for item in check_identified(heard(corpus_of(train=wrong)), Gate()) if item.status == "fail")
    assert (check.id, check.language) == ("data.identified.unknown", "ibo_Latn")
    assert check.detail.endswith("deu_Latn")


def test_nothing_to_judge(corpus_of: Callable[..., Corpus]) -> None:
    (check,) = check_identified(heard(corpus_of(train=PAIRS[:3])), Gate())
    assert check.status == "skipped"
