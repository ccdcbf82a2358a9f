"""Large pools are divided at random, related records together, wherever the records lie."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import SCHEMA, record

from curation.config.mining import Mining
from curation.mining.pools import POOLS_SCHEMA, plan_pools, pools_of
from curation.mining.stage import mine_records
from curation.quota.counts import count_rows, merge_counts

WORDS = {
    "deu_Latn": "Das Boot liegt im Hafen",
    "rus_Cyrl": "Лодка стоит в гавани",
    "ell_Grek": "Η βάρκα είναι στο λιμάνι",
    "arb_Arab": "القارب في الميناء",
    "heb_Hebr": "הסירה בנמל",
    "hin_Deva": "नाव बंदरगाह में है",
    "tha_Thai": "เรืออยู่ที่ท่าเรือ",
    "jpn_Jpan": "船は港にある",
    "kor_Hang": "배는 항구에 있다",
    "kat_Geor": "ნავი ნავსადგურშია",
    "amh_Ethi": "ጀልባው ወደብ ላይ ነው",
}
OPEN: dict[str, Any] = {"num_negatives": 2, "skip_rank": 0, "max_score": None, "max_positive_ratio": None}


def mining(limit: int, scope: str = "positive_language") -> Mining:
    teacher = "lexical" if scope == "positive_language" else "vectors"
    return Mining.model_validate({**OPEN, "teacher": teacher, "max_pool_rows": limit, "pools": [{"scope": scope}]})


def table(rows: list[dict[str, Any]]) -> pa.Table:
    """Return records with their component, which is `component` or their own."""
    parts = pa.array([row.get("component", row["id"]) for row in rows], pa.string())
    return pa.Table.from_pylist(rows, schema=SCHEMA).append_column("component", parts)


def many(code: str, count: int, first: int = 0, **changes: Any) -> list[dict[str, Any]]:
    """Return records of which three at a time are related."""
    return [
        record(
            first + n,
            f"{WORDS[code]} {n}?",
            f"{n} {WORDS[code]} {n % 5}",
            positive_language=code,
            language=code,
            **changes,
        )
        | {"component": f"{code}{n // 3}"}
        for n in range(count)
    ]


def planned(records: pa.Table, options: Mining) -> pa.Table:
    return plan_pools(merge_counts([count_rows(records)]), options)


def test_a_pool_has_as_many_parts_as_it_needs() -> None:
    records = table([*many("tha_Thai", 10), *many("deu_Latn", 21, 100), *many("amh_Ethi", 1, 200)])
    pools = planned(records, mining(10))
    assert pools.schema == POOLS_SCHEMA
    assert pools.to_pylist() == [
        {"pool": "amh_Ethi", "parts": 1, "rows": 1},
        *[{"pool": "deu_Latn", "parts": 3, "rows": 7}] * 3,
        {"pool": "tha_Thai", "parts": 1, "rows": 10},
    ]


@pytest.mark.parametrize(
    ("scope", "names"), [("positive_language", ["deu_Latn", "tha_Thai"]), ("source", ["bible", "news"]), ("all", [""])]
)
def test_pools_are_what_the_scopes_make_them(scope: str, names: list[str]) -> None:
    records = table([*many("tha_Thai", 4, source="news"), *many("deu_Latn", 4, 100, source="bible")])
    pools = planned(records, mining(100, scope))
    assert pools["pool"].to_pylist() == names
    assert sum(pools["rows"].to_pylist()) == 8
    assert sorted(set(pools_of(records, pools, mining(100, scope)).tolist())) == list(range(len(names)))


def test_no_records_have_no_pools() -> None:
    assert planned(table([]), mining(5)).equals(POOLS_SCHEMA.empty_table())
    assert pools_of(table([]), planned(table([]), mining(5)), mining(5)).tolist() == []
    assert pools_of(table([]), None, mining(5)).tolist() == []


LANGUAGES = st.lists(st.tuples(st.sampled_from(list(WORDS)), st.integers(1, 40)), max_size=5, unique_by=lambda x: x[0])


@settings(deadline=None, max_examples=60)
@given(LANGUAGES, st.integers(1, 20), st.randoms(use_true_random=False), st.integers(1, 4))
def test_numbers_depend_on_the_record_and_the_plan_alone(
    sizes: list[tuple[str, int]], limit: int, chance: Any, cut: int
) -> None:
    rows = [row for place, (code, count) in enumerate(sizes) for row in many(code, count, 100 * place)]
    records, options = table(rows), mining(limit)
    parts = [records.slice(start, 7) for start in range(0, len(rows), 7)]
    pools = planned(records, options)
    counted = chance.sample([count_rows(part) for part in parts], len(parts))
    assert plan_pools(merge_counts(counted), options).equals(pools)
    assert pools["pool"].to_pylist() == sorted(code for code, count in sizes for _ in range(-(-count // limit)))
    numbers = pools_of(records, pools, options)
    names = pools["pool"].to_pylist()
    assert [names[number] for number in numbers] == records["positive_language"].to_pylist()
    order = chance.sample(range(len(rows)), len(rows))
    assert pools_of(records.take(pa.array(order, pa.int64())), pools, options).tolist() == numbers[order].tolist()
    assert [n for part in parts for n in pools_of(part, pools, options).tolist()] == numbers.tolist()
    homes: dict[str, set[int]] = {}
    for component, number in zip(records["component"].to_pylist(), numbers.tolist(), strict=True):
        homes.setdefault(component, set()).add(number)
    assert all(len(each) == 1 for each in homes.values())


def test_the_parts_of_a_pool_are_about_equal() -> None:
    rows = [row | {"component": row["id"]} for row in many("jpn_Jpan", 4_000)]
    records, options = table(rows), mining(500)
    sizes = Counter(pools_of(records, planned(records, options), options).tolist())
    assert sorted(sizes) == list(range(8))
    assert max(abs(size - 500) for size in sizes.values()) < 5 * np.sqrt(500)


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_divided_pools_are_mined_alike_in_any_partition(cut: int) -> None:
    rows = [row for place, code in enumerate(WORDS) for row in many(code, 12, 100 * place)]
    records, options = table(rows), mining(6)
    pools = planned(records, options)
    assert pools.num_rows == 2 * len(WORDS)
    whole = mine_records(records, options, seed=3, pools=pools)
    numbers = pools_of(records, pools, options)
    parts = [
        mine_records(records.filter(pa.array(numbers % cut == home)), options, seed=3, pools=pools)
        for home in range(cut)
    ]
    assert pa.concat_tables([part.records for part in parts]).sort_by("id").equals(whole.records)
    assert pa.concat_tables([part.ledger for part in parts]).sort_by("id").equals(whole.ledger.sort_by("id"))
    pool_of = dict(zip(records["positive"].to_pylist(), numbers.tolist(), strict=True))
    own = dict(zip(records["id"].to_pylist(), numbers.tolist(), strict=True))
    mined = [(own[row["id"]], pool_of[text]) for row in whole.records.to_pylist() for text in row["negatives"]]
    assert len(mined) > len(rows)
    assert all(mine == theirs for mine, theirs in mined)


def test_a_pool_that_is_not_divided_is_mined_as_without_a_plan() -> None:
    rows = [row for place, code in enumerate(list(WORDS)[:3]) for row in many(code, 12, 100 * place)]
    records, options = table(rows), mining(1_000)
    planned_outcome = mine_records(records, options, seed=3, pools=planned(records, options))
    assert planned_outcome.records.equals(mine_records(records, options, seed=3).records)
