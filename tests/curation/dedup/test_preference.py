from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.dedup.preference import ids_of, preference_ranks

LICENCES = ["CC0-1.0", "MIT", "CC-BY-SA-4.0", "GPL-3.0-only", "CC-BY-NC-4.0", "LicenseRef-x"]
TRUST = {"high": 90, "middle": 50, "none": 0}


def records(rows: list[tuple[str, str, str, float | None]]) -> pa.Table:
    ids, sources, licences, scores = zip(*rows, strict=True) if rows else ((), (), (), ())
    return pa.table(
        {
            "id": pa.array(ids, pa.string()),
            "source": pa.array(sources, pa.string()),
            "licence": pa.array(licences, pa.string()),
            "query_lid_score": pa.array(scores, pa.float32()),
        }
    )


rows = st.lists(
    st.tuples(
        st.text("0123456789abcdef", min_size=32, max_size=32),
        st.sampled_from(list(TRUST)),
        st.sampled_from(LICENCES),
        st.sampled_from([None, 0.0, 0.25, 0.5, 1.0]),
    ),
    max_size=12,
)


@given(rows, st.permutations(["trust", "licence", "quality"]), st.integers(0, 3))
def test_ranks_order_records_by_the_criteria_in_turn(
    values: list[tuple[str, str, str, float | None]], criteria: list[str], count: int
) -> None:
    prefer = tuple(criteria[:count])
    keys = {
        "trust": lambda row: -TRUST[row[1]],
        "licence": lambda row: LICENCES.index(row[2]),
        "quality": lambda row: -(row[3] or 0.0),
    }
    ranks = preference_ranks(records(values), prefer, TRUST).to_pylist()
    by_rank = sorted(range(len(values)), key=lambda i: ranks[i])
    expected = sorted(range(len(values)), key=lambda i: (*(keys[name](values[i]) for name in prefer), values[i][0]))
    assert [values[i][0] for i in by_rank] == [values[i][0] for i in expected]
    ids = ids_of(preference_ranks(records(values), prefer, TRUST), prefer)
    assert ids.to_pylist() == [row[0] for row in values]


def test_a_source_without_trust_is_an_error() -> None:
    with pytest.raises(KeyError, match="unheard of"):
        preference_ranks(records([("0" * 32, "unheard of", "MIT", 1.0)]), ("trust",), TRUST)
    assert len(preference_ranks(records([("0" * 32, "unheard of", "MIT", 1.0)]), ("licence",), TRUST)) == 1


@given(rows, st.integers(0, 3))
def test_the_id_can_be_told_from_the_rank(values: list[tuple[str, str, str, float | None]], count: int) -> None:
    prefer = ("trust", "licence", "quality")[:count]
    table = records(values)
    ranks = preference_ranks(table, prefer, TRUST)
    assert ids_of(ranks, prefer).to_pylist() == table["id"].to_pylist()
    assert ids_of(ranks[1:], prefer).to_pylist() == table["id"].to_pylist()[1:]
