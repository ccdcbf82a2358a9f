from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from curation.mining.assemble import Chosen, assemble, with_negatives
from curation.mining.pool import build_pool


def rows(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


@pytest.fixture
def records() -> pa.Table:
    texts = ["лодка", "नाव", "เรือ", "船"]
    return pa.table(
        {
            "id": ["a", "b", "c", "d"],
            "query": pa.array([f"q{index}" for index in range(4)]),
            "negatives": pa.array([[], ["given", "also given"], [], ["last"]], pa.list_(pa.string())),
            "positive": pa.array(texts),
            "group": pa.array([f"g{index}" for index in range(4)]),
        }
    )


def test_given_then_mined_then_random(records: pa.Table) -> None:
    mined = Chosen(rows(0, 0, 1), rows(2, 1, 3), np.array([0.7, 0.5, 0.25], dtype=np.float32))
    padded = Chosen.unscored(rows(0, 2), rows(3, 0))
    negatives = assemble(build_pool(records, 4), mined, padded)
    table = with_negatives(records, negatives, np.array([1.0, 0.5, 0.0, 1.0], dtype=np.float32))
    assert table["negatives"].to_pylist() == [["เรือ", "नाव", "船"], ["given", "also given", "船"], ["лодка"], ["last"]]
    assert table["negative_ids"].to_pylist() == [["c", "b", "d"], ["", "", "d"], ["a"], [""]]
    assert table["negative_scores"].to_pylist() == [[pytest.approx(0.7), 0.5, None], [None, None, 0.25], [None], [None]]
    assert table["mined"].to_pylist() == [2, 1, 0, 0]
    assert table["positive_score"].to_pylist() == [1.0, 0.5, 0.0, 1.0]


def test_the_column_of_negatives_keeps_its_place(records: pa.Table) -> None:
    nothing = Chosen.unscored(rows(), rows())
    negatives = assemble(build_pool(records, 4), nothing, nothing)
    table = with_negatives(records, negatives, np.ones(4, dtype=np.float32))
    assert table.column_names == [*records.column_names, "negative_ids", "negative_scores", "mined", "positive_score"]
    assert table["negatives"].to_pylist() == records["negatives"].to_pylist()
