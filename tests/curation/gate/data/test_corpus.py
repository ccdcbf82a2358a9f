"""A release in memory holds what its shards hold, each text once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from curation.gate.data import corpus as corpora
from curation.gate.data.corpus import read_corpus
from curation.release import Release
from curation.text import fold


def test_the_rows_are_those_of_the_shards(sound: Release) -> None:
    corpus = read_corpus(sound)
    assert list(corpus.splits) == sound.splits
    for split, rows in corpus.splits.items():
        table = sound.read("full", split=split)
        assert len(rows) == table.num_rows
        for side, raw in zip(("anchor", "positive"), rows.raw, strict=True):
            assert corpus.texts.take(raw).to_pylist() == table[side].to_pylist()
        assert corpus.folded.take(rows.negatives[:, 1]).to_pylist() == fold(table["negative_2"]).to_pylist()
        for name, numbers in rows.facts.items():
            assert [corpus.names[number] for number in numbers] == table[name].to_pylist()
    assert len(set(corpus.texts.to_pylist())) == len(corpus.texts)
    assert len(set(corpus.folded.to_pylist())) == len(corpus.folded)


def test_groups_are_the_rows_of_each_name(sound: Release) -> None:
    corpus = read_corpus(sound)
    rows = corpus.splits["train"]
    groups = dict(corpus.groups(rows.facts["language"]))
    assert list(groups) == sound.languages
    assert sorted(place for here in groups.values() for place in here) == list(range(len(rows)))


def test_of_a_large_language_whole_groups_are_looked_at(
    sound: Release, alter: Callable[..., Release], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands twice is looked at twice or not at all, wherever it stands."""
    monkeypatch.setattr(corpora, "MAX_ROWS", 80)
    corpus = read_corpus(sound)
    assert 0 < len(corpus.splits["train"]) < sound.read("data", split="train").num_rows
    everything = sound.read("full", split="train", columns=["anchor", "language"])
    seen = corpus.folded.take(corpus.splits["train"].anchors).to_pylist()
    languages = [corpus.names[number] for number in corpus.splits["train"].facts["language"]]
    pairs = list(zip(languages, seen, strict=True))
    whole = list(zip(everything["language"].to_pylist(), fold(everything["anchor"]).to_pylist(), strict=True))
    assert all(pairs.count(pair) == whole.count(pair) for pair in set(pairs))
