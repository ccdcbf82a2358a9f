from __future__ import annotations

import numpy as np
import pyarrow as pa

from curation.decontamination.ngrams import ngram_sets
from curation.decontamination.postings import COMMON, count_ngrams, list_passages
from curation.ngrams import Codepoints, codepoints

SENTENCES = [
    "Библиотека закрывается в восемь часов вечера.",
    "ห้องสมุดปิดเวลาสองทุ่มในวันจันทร์แรกของทุกเดือน",
    "図書館は毎月第一月曜日の夜八時に閉まります。",
    "पुस्तकालय हर महीने के पहले सोमवार को बंद हो जाता है।",
]


def points(texts: list[str]) -> Codepoints:
    return codepoints(pa.array(texts, pa.large_string()))


def test_the_census_counts_each_passage_once() -> None:
    passages = points([*SENTENCES, SENTENCES[0], "hahahahahaha"])
    census = count_ngrams(passages)
    hashes, offsets = ngram_sets(passages)
    assert census.sizes.tolist() == np.diff(offsets).tolist()
    assert set(census.frequency(hashes[offsets[0] : offsets[1]]).tolist()) == {2}
    assert set(census.frequency(hashes[offsets[1] : offsets[2]]).tolist()) == {1}


def test_passages_are_listed_under_their_rarest_ngrams() -> None:
    passages = points([f"{SENTENCES[0]} {number}" for number in range(5)] + SENTENCES)
    census = count_ngrams(passages)
    listed = np.full(len(passages), 2, dtype=np.int64)
    listed[6] = 0
    postings, by_any = list_passages(passages, listed, np.ones(len(passages), dtype=np.int64), census)
    assert not by_any.any()
    assert np.bincount(postings.passages, minlength=len(passages)).tolist() == listed.tolist()
    hashes, offsets = ngram_sets(passages)
    listing = np.repeat(postings.ngrams, np.diff(postings.offsets))
    for passage in (0, 4, 5, 7):
        rarest = np.sort(census.frequency(hashes[offsets[passage] : offsets[passage + 1]]))[:2]
        chosen = census.frequency(listing[postings.passages == passage])
        assert sorted(chosen.tolist()) == rarest.tolist()


def test_find_knows_what_is_listed_and_nothing_else() -> None:
    passages = points(SENTENCES)
    sizes = count_ngrams(passages).sizes
    postings, _ = list_passages(passages, sizes, np.ones(len(passages), dtype=np.int64), count_ngrams(passages))
    hashes, _ = ngram_sets(passages)
    at, which = postings.find(hashes)
    assert at.tolist() == list(range(len(hashes)))
    assert (postings.ngrams[which] == hashes).all()
    assert len(postings.find(~hashes)[0]) == 0


def test_one_of_a_template_stands_for_the_others() -> None:
    count = 2 * COMMON
    passages = points([f"{SENTENCES[2]}{chr(0x4E00 + number)}" for number in range(count)])
    census = count_ngrams(passages)
    postings, by_any = list_passages(passages, census.sizes, np.ones(count, dtype=np.int64), census)
    assert by_any.sum() == count - 1
    assert np.diff(postings.offsets).max() <= 2
