from __future__ import annotations

import numpy as np
import pytest
from worlds import Row, at_cosine, miner_of, record, table

from curation.ledger import LEDGER_SCHEMA
from curation.mining.leaving import leaving_rows
from curation.mining.miner import Mined, Miner
from curation.mining.scopes import searches

TEXTS = ["лодка", "नाव", "เรือ", "船", "قارب"]


def world(**options: object) -> tuple[list[Row], Miner, Mined]:
    """Return five records; the positive of the last ranks behind all others with its query."""
    rows = [record(n, f"q{n}", text) for n, text in enumerate(TEXTS)]
    vectors = {text: at_cosine(0.9 - 0.1 * n, n) for n, text in enumerate(TEXTS)}
    vectors |= {f"q{n}": vectors[TEXTS[n]] if n < 4 else [1.0, 0.0, 0.0] for n in range(5)}
    miner = miner_of(table(*rows), vectors, **options)
    return rows, miner, miner.mine(searches(table(*rows), miner.pool, np.full(5, 3), miner.options))


def reasons(rows: list[Row], miner: Miner, mined: Mined, found: list[int]) -> dict[int, str]:
    left = leaving_rows(table(*rows), miner, mined, np.full(5, 3), np.array(found))
    assert all(ledger.schema == LEDGER_SCHEMA and ledger.num_rows == len(numbers) for numbers, ledger in left)
    return {
        int(number): row["reason"]
        for numbers, ledger in left
        for number, row in zip(numbers, ledger.to_pylist(), strict=True)
    }


@pytest.mark.parametrize(
    ("options", "found", "expected"),
    [
        ({}, [3, 3, 3, 3, 3], {}),
        ({}, [3, 2, 3, 0, 3], {1: "negative_shortage", 3: "negative_shortage"}),
        ({"max_positive_rank": 3}, [3, 3, 3, 3, 3], {4: "inconsistent_pair"}),
        ({"max_positive_rank": 3}, [3, 3, 3, 3, 1], {4: "inconsistent_pair"}),
        ({"max_positive_rank": 5}, [3, 3, 3, 3, 3], {}),
    ],
)
def test_each_leaves_once_for_the_first_reason(
    options: dict[str, int], found: list[int], expected: dict[int, str]
) -> None:
    assert reasons(*world(**options), found) == expected


def test_a_record_without_a_vector_leaves_as_such_whatever_else_it_lacks() -> None:
    rows, miner, mined = world(max_positive_rank=3)
    miner.space.sound[[1, 4]] = False  # type: ignore[attr-defined]
    assert reasons(rows, miner, mined, [3, 0, 0, 3, 3]) == {
        1: "not_embeddable",
        2: "negative_shortage",
        4: "not_embeddable",
    }


def test_the_ledger_says_what_was_found_and_what_the_rules_did() -> None:
    rows, miner, mined = world(skip_rank=1)
    [*_, (_, short)] = leaving_rows(table(*rows), miner, mined, np.full(5, 3), np.array([2, 3, 3, 3, 3]))
    [row] = short.to_pylist()
    assert (row["score"], row["threshold"], row["decision"]) == (2.0, 3.0, "dropped")
    assert row["detail"] == "skip_rank 1"
