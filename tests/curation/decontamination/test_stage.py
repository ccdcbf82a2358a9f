from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from curation.config.model import Decontaminate
from curation.decontamination.stage import IndexCache, drop_contaminated
from curation.records import RECORD_SCHEMA
from tests.curation.decontamination.helpers import index_of
from tests.curation.decontamination.test_match import SENTENCES

OPTIONS = Decontaminate()


def records(pairs: list[tuple[str, str]]) -> pa.Table:
    rows = [
        dict.fromkeys(RECORD_SCHEMA.names, "")
        | {"id": f"{number:032x}", "query": query, "positive": positive, "row": number, "negatives": []}
        for number, (query, positive) in enumerate(pairs)
    ]
    return pa.Table.from_pylist(rows, schema=RECORD_SCHEMA)


PAIRS = [(f"Question {number}, and nothing that is evaluated", text) for number, text in enumerate(SENTENCES.values())]
PAIRS += [(text.upper(), "An answer of some length that stands nowhere else") for text in SENTENCES.values()]
PAIRS += [("Something else", f"Something else again, number {number}") for number in range(5)]


def test_each_record_with_an_evaluation_text_is_dropped_with_the_reason() -> None:
    index = index_of(list(SENTENCES.values()), OPTIONS)
    outcome = drop_contaminated(records(PAIRS), index, OPTIONS)
    count = len(SENTENCES)
    assert outcome.records["row"].to_pylist() == list(range(2 * count, len(PAIRS)))
    ledger = outcome.ledger.to_pylist()
    assert {row["reason"] for row in ledger} == {"evaluation_exact"}
    assert [row["other_id"] for row in ledger] == [f"T:test:f.txt:{row['row'] % count + 1}:text" for row in ledger]
    assert [row["detail"].partition(":")[0] for row in ledger] == ["positive"] * count + ["query"] * count


@pytest.mark.parametrize("size", [1, 4, 100])
def test_batches_and_order_change_nothing(size: int) -> None:
    index = index_of(list(SENTENCES.values())[::2], OPTIONS)
    whole = drop_contaminated(records(PAIRS), index, OPTIONS)
    order = np.random.default_rng(0).permutation(len(PAIRS))
    shuffled = records(PAIRS).take(pa.array(order))
    parts = [drop_contaminated(shuffled[at : at + size], index, OPTIONS) for at in range(0, len(PAIRS), size)]
    ledger = pa.concat_tables([part.ledger for part in parts]).sort_by("id")
    assert ledger.equals(whole.ledger.sort_by("id"))
    assert pa.concat_tables([part.records for part in parts]).sort_by("id").equals(whole.records.sort_by("id"))


def test_an_index_is_built_once() -> None:
    cache = IndexCache()
    first = cache.get(OPTIONS, [])
    assert cache.get(Decontaminate(), []) is first
    assert cache.get(Decontaminate(near_threshold=0.9), []) is not first
