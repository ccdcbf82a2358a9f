from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_teachers import HashTeacher
from worlds import record, table

from curation.config.mining import Mining
from curation.mining import competence, encoder
from curation.mining.keys import key_array, keys_of, text_keys
from curation.mining.pools import plan_pools
from curation.mining.stage import mine_records
from curation.mining.wanted import WANTED_SCHEMA, merge_masks, wanted_texts
from curation.quota.counts import count_rows

WORDS = ("дом", "家", "घर", "منزل", "בית", "บ้าน", "σπίτι", "տուն", "სახლი", "casa", "ቤት", "집", "အိမ်")


def records(count: int) -> pa.Table:
    """Return records of which some were not chosen; positives repeat, also in other case."""
    rows = [
        record(
            number,
            f"{WORDS[number % 5]} {number % 40}",
            (f"{WORDS[number % 13]} Zz {number % 31}", f"{WORDS[number % 13]} zZ {number % 31}")[number % 2],
            positive_language=("deu_Latn", "hin_Deva")[number % 3 == 0],
            split=("train", "validation")[number % 7 == 0],
        )
        for number in range(count)
    ]
    made = table(*rows)
    made = made.append_column("component", made["group"])
    made = made.append_column("quota_rank", pa.array([number % 4 for number in range(count)], pa.int64()))
    return made.append_column("quota_limit", pa.array([2] * count, pa.int64()))


OPTIONS: list[dict[str, Any]] = [
    {},
    {"anchor": "positive"},
    {"anchor": "both"},
    {"fallback": {"min_recall": 0.5}},
    {"fallback": {"min_recall": 0.5}, "pools": [{"scope": "all"}], "max_pool_rows": 60, "anchor": "positive"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@given(data=st.data(), seed=st.integers(0, 99))
@settings(max_examples=8)
def test_parts_tell_of_every_text_that_the_whole_embeds(
    options: dict[str, Any], data: st.DataObject, seed: int
) -> None:
    mining, whole, teacher = Mining(teacher="model", **options), records(120), HashTeacher()
    pools = plan_pools(count_rows(whole), mining)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder, "load_teacher", lambda _: teacher)
        patch.setattr(competence, "PAIRS", 7)
        patch.setattr(competence, "PASSAGES", 11)
        patch.setattr(competence, "LEAST", 2)
        mine_records(whole, mining, seed=seed, pools=pools)
        parts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=120, max_size=120)))
        wanted = [
            wanted_texts(whole.filter(pa.array(parts == part)), mining, seed=seed, pools=pools) for part in range(4)
        ]
    told = {text for each in wanted for text in each["text"].to_pylist()}
    assert set(teacher.asked) <= told
    everything = {*whole["query"].to_pylist(), *whole["positive"].to_pylist()}
    assert told <= everything
    assert told < everything or options.get("anchor") != "positive"


def test_a_text_is_told_of_once_with_all_its_roles() -> None:
    whole = table(record(1, "дом", "家"), record(2, "家", "घर"), record(3, "منزل", "घर"))
    found = wanted_texts(whole, Mining(teacher="model"), seed=0, pools=None)
    assert found.schema == WANTED_SCHEMA
    roles = dict(zip(found["text"].to_pylist(), found["roles"].to_pylist(), strict=True))
    assert roles == {"дом": 2, "家": 3, "घर": 1, "منزل": 2}
    assert keys_of(found["key"]).tolist() == text_keys(found["text"]).tolist()


def test_without_records_nothing_is_wanted() -> None:
    found = wanted_texts(records(3).slice(0, 0), Mining(teacher="model"), seed=0, pools=None)
    assert found.equals(WANTED_SCHEMA.empty_table())


@given(st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 3), st.sampled_from([1, 2, 3]))))
def test_wishes_of_one_home_for_one_text_are_joined(wishes: list[tuple[str, int, int]]) -> None:
    keys = text_keys([word for word, _, _ in wishes])
    homes = np.array([home for _, home, _ in wishes], dtype=np.uint32)
    first, masks, theirs = merge_masks(keys, homes, np.array([mask for _, _, mask in wishes], dtype=np.uint8))
    expected: dict[tuple[str, int], int] = {}
    for word, home, mask in wishes:
        expected[word, home] = expected.get((word, home), 0) | mask
    found = [(wishes[row][0], home) for row, home in zip(first.tolist(), theirs.tolist(), strict=True)]
    assert dict(zip(found, masks.tolist(), strict=True)) == expected
    assert len(found) == len(set(found))


def test_keys_survive_arrow_and_slicing() -> None:
    keys = text_keys(WORDS)
    column = pa.chunked_array([key_array(keys).slice(2, 5), key_array(keys).slice(9)])
    assert keys_of(column).tolist() == [*keys[2:7].tolist(), *keys[9:].tolist()]
    assert keys_of(key_array(keys[:0])).tolist() == []
