"""What the stage promises about any records, pools and rules: vectors are chosen, so that many cases run in seconds."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import Row, ToyTeacher, Vectors, by_number, record, table

from curation.config.mining import Mining
from curation.mining import encoder
from curation.mining.pools import pools_of
from curation.mining.stage import mine_records
from curation.outcome import Outcome
from curation.text import fold

LANGUAGES = ("deu_Latn", "hin_Deva", "jpn_Jpan")
WORDS = ("Boot", "नाव", "船", "เรือ", "лодка", "قارب", "סירה", "ጀልባ", "ნავი", "படகு", "배", "βάρκα")


def place_of(text: str) -> Vectors:
    """Return the same place for a text in every pool."""
    vector = np.random.default_rng([*text.encode()]).standard_normal(4)
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


@pytest.fixture(autouse=True)
def _hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "load_teacher", lambda _: ToyTeacher(place_of, 4))


@st.composite
def worlds(draw: st.DrawFn) -> list[Row]:
    rows = []
    for number in range(draw(st.integers(1, 16))):
        query, positive = (" ".join(draw(st.permutations(WORDS))[:4]) for _ in range(2))
        rows.append(
            record(
                number,
                query,
                positive,
                positive_language=draw(st.sampled_from(LANGUAGES)),
                query_language=draw(st.sampled_from(LANGUAGES)),
                source=draw(st.sampled_from("ab")),
                group=draw(st.sampled_from("ghijklmn")),
                split=draw(st.sampled_from(["train", "train", "test"])),
                task=draw(st.sampled_from(["retrieval", "bitext", "classification"])),
                label=draw(st.sampled_from("xy")),
                negatives=draw(st.lists(st.sampled_from(WORDS), max_size=2)),
            )
        )
    return rows


POOLS: list[list[dict[str, Any]]] = [
    [{"scope": "positive_language"}],
    [{"scope": "source_language"}],
    [{"scope": "source"}],
    [{"scope": "source", "negatives": 2}, {"scope": "source_language", "negatives": 1}],
    [{"scope": "query_language"}],
    [{"scope": "all"}],
    [{"scope": "positive_language", "negatives": 2}, {"scope": "other_languages", "negatives": 1}],
]

OPTIONS = st.fixed_dictionaries(
    {
        "pools": st.sampled_from(POOLS),
        "anchor": st.sampled_from(["query", "positive", "both"]),
        "sampling": st.sampled_from(["top", "random"]),
        "top_k": st.sampled_from([2, 100]),
        "max_score": st.sampled_from([0.3, None]),
        "max_positive_ratio": st.sampled_from([0.95, None]),
        "skip_survivors": st.sampled_from([0, 1]),
        "hub_cap": st.sampled_from([None, 1, 3]),
        "on_shortage": st.sampled_from(["pad", "drop", "keep", "relax"]),
        "negatives_by_task": st.sampled_from([{}, {"classification": 1}, {"retrieval": 2, "bitext": 0}]),
    }
)


def mine(rows: list[Row], options: dict[str, Any], seed: int = 0) -> Outcome:
    mining = Mining.model_validate({"teacher": "hashed", "num_negatives": 3, "skip_rank": 0, **options})
    return mine_records(table(*rows), mining, seed=seed)


def key(text: str) -> str:
    return str(fold(pa.array([text]))[0])


@pytest.mark.slow
@settings(max_examples=25)
@given(worlds(), OPTIONS, st.randoms(use_true_random=False))
def test_every_promise_on_any_records(rows: list[Row], options: dict[str, Any], shuffler: random.Random) -> None:
    outcome = mine(rows, options)
    before = {int(row["id"], 16): row for row in rows}
    found = by_number(outcome)
    gone = {int(entry["id"], 16) for entry in outcome.ledger.to_pylist()}
    assert found.keys() | gone == before.keys()
    assert not found.keys() & gone
    uses: Counter[tuple[str, str]] = Counter()
    for number, row in found.items():
        origin = before[number]
        assert len(row["negatives"]) == 3
        distinct = {key(text) for text in row["negatives"]}
        assert len(distinct) == 3 or row["shortage"] == "kept"
        assert not distinct & {key(origin["query"]), key(origin["positive"])}
        mined = {
            text
            for text, kind in zip(row["negatives"], row["negative_origins"], strict=True)
            if kind not in ("given", "random")
        }
        assert len(mined) == row["mined"]
        limit = options["negatives_by_task"].get(row["task"], 3)
        assert row["mined"] <= limit
        uses.update((row["split"], key(text)) for text in mined)
        for text in mined:
            sources = {other["source"] for other in rows if other["positive"] == text}
            if row["task"] == "classification" or options["pools"][0]["scope"].startswith("source"):
                assert row["source"] in sources
    if options["hub_cap"] is not None:
        assert max(uses.values(), default=0) <= options["hub_cap"]
    again = mine(shuffler.sample(rows, len(rows)), options)
    assert again.records.equals(outcome.records)
    assert again.ledger.sort_by("id").equals(outcome.ledger.sort_by("id"))


@settings(max_examples=25)
@given(worlds(), OPTIONS)
def test_partitions_that_share_a_worker_change_nothing(rows: list[Row], options: dict[str, Any]) -> None:
    """The records of a pool get the same, whether another pool's are in the same partition or not."""
    mining = Mining.model_validate({"teacher": "hashed", "num_negatives": 3, "skip_rank": 0, **options})
    keys = pools_of(table(*rows), None, mining).tolist()
    together = mine(rows, options)
    parts = [
        mine([row for row, own in zip(rows, keys, strict=True) if own == one], options) for one in sorted(set(keys))
    ]
    assert pa.concat_tables([part.records for part in parts]).sort_by("id").equals(together.records)
    ledger = pa.concat_tables([part.ledger for part in parts]).sort_by("id")
    assert ledger.equals(together.ledger.sort_by("id"))


def test_what_fills_up_comes_from_the_first_pools_scope_as_far_as_it_goes() -> None:
    rows = [record(n, f"q{n}", f"p{n}", positive_language="eng_Latn") for n in range(6)]
    rows += [record(n, f"q{n}", f"p{n}", positive_language="deu_Latn") for n in range(10, 60)]
    pools = [{"scope": "positive_language", "negatives": 6}, {"scope": "other_languages", "negatives": 1}]
    options = Mining.model_validate({"teacher": "vectors", "num_negatives": 7, "pools": pools, "max_score": -2.0})
    for row in mine_records(table(*rows), options, seed=0).records.to_pylist()[:6]:
        assert row["negative_origins"] == ["random"] * 7
        assert Counter(row["negative_languages"]) == {"eng_Latn": 5, "deu_Latn": 2}
