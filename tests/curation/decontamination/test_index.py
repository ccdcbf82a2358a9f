from __future__ import annotations

from curation.config.model import Decontaminate
from curation.decontamination.index import MIN_NGRAMS
from tests.curation.decontamination.helpers import index_of

OPTIONS = Decontaminate()
LONG = "".join(chr(0x4E00 + 7 * number % 5000) for number in range(950))
SENTENCE = "The library closes at eight in the evening on the first Monday of every month."


def test_long_texts_are_cut_into_passages_and_short_ones_are_not() -> None:
    index = index_of([LONG, LONG[:399], SENTENCE], OPTIONS)
    assert index.text.tolist() == [0, 0, 0, 0, 0, 1, 2]
    assert index.passages.lengths.tolist() == [200] * 5 + [399, len(SENTENCE)]
    assert not index.near[:5].any()
    assert index.near[5:].all()


def test_what_says_nothing_is_sought_by_no_ngram() -> None:
    index = index_of(["ha" * 40, "Yes.", SENTENCE], OPTIONS)
    assert index.sizes[0] < MIN_NGRAMS
    assert index.contained.tolist() == [False, False, True]
    assert index.near.tolist() == [False, False, True]
    assert set(index.postings.passages.tolist()) == {2}


def test_switched_off_rules_list_nothing() -> None:
    off = Decontaminate(near_threshold=None, containment_threshold=None)
    assert len(index_of([SENTENCE], off).postings.passages) == 0
