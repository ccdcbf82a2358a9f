from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import SCHEMA, record, table

from curation.mining.assemble import COUNTS_TYPE, NOTHING, Chosen, Findings, given_negatives, with_negatives
from curation.mining.origins import Origin
from curation.mining.pool import Pool, build_pool
from curation.mining.rules import Verdict

TEXTS = ("лодка", "नाव", "เรือ", "船")


def rows(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def found(owners: list[int], entries: list[int], scores: list[float], origin: Origin = Origin.DENSE) -> Chosen:
    """Return pairs that stand at the ranks 11, 12, ..."""
    count = len(owners)
    return Chosen(
        rows(*owners),
        rows(*entries),
        np.array(scores, dtype=np.float32),
        np.arange(11, 11 + count, dtype=np.int32),
        np.full(count, origin, dtype=np.int8),
    )


@pytest.fixture
def records() -> pa.Table:
    given = [[], ["given", "also given"], [], ["last"]]
    languages = ("rus_Cyrl", "hin_Deva", "tha_Thai", "zho_Hans")
    return table(
        *(record(n, f"q{n}", text, negatives=given[n], positive_language=languages[n]) for n, text in enumerate(TEXTS))
    )


def ids(*numbers: int | None) -> list[str]:
    return ["" if number is None else f"{number:032x}" for number in numbers]


def nothing_found_out(count: int, **changes: object) -> Findings:
    values: dict[str, object] = {
        "positive_scores": np.ones(count, dtype=np.float32),
        "positive_ranks": np.zeros(count, dtype=np.int32),
        "verdicts": np.zeros((count, len(Verdict)), dtype=np.int32),
        "possible": NOTHING,
        "shortages": np.full(count, "", dtype=object),
        "teachers": np.full(count, "lexical", dtype=object),
        "recalls": np.full(count, np.nan, dtype=np.float32),
        "self_matches": np.zeros(count, dtype=bool),
    }
    return Findings(**(values | changes))  # type: ignore[arg-type]


def test_given_then_mined_then_random(records: pa.Table) -> None:
    pool = build_pool(records, 4)
    mined = found([0, 0, 1], [2, 1, 3], [0.7, 0.5, 0.25])
    padded = Chosen.unscored(rows(0, 2), rows(3, 0), Origin.RANDOM)
    result = with_negatives(records, pool, Chosen.join([mined, padded]), nothing_found_out(4), 4)
    assert result["negatives"].to_pylist() == [["เรือ", "नाव", "船"], ["given", "also given", "船"], ["лодка"], ["last"]]
    assert result["negative_ids"].to_pylist() == [ids(2, 1, 3), ids(None, None, 3), ids(0), ids(None)]
    assert result["negative_scores"].to_pylist() == [
        [pytest.approx(0.7), 0.5, None], [None, None, 0.25], [None], [None],
    ]  # fmt: skip
    assert result["negative_ranks"].to_pylist() == [[11, 12, None], [None, None, 13], [None], [None]]
    assert result["negative_origins"].to_pylist() == [
        ["dense", "dense", "random"], ["given", "given", "dense"], ["random"], ["given"],
    ]  # fmt: skip
    assert result["negative_languages"].to_pylist() == [
        ["tha_Thai", "hin_Deva", "zho_Hans"], ["", "", "zho_Hans"], ["rus_Cyrl"], [""],
    ]  # fmt: skip
    assert result["mined"].to_pylist() == [2, 1, 0, 0]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_no_record_has_more_than_the_limit(records: pa.Table, limit: int) -> None:
    pool = build_pool(records, limit)
    mined = found([0, 0, 1], [2, 1, 3], [0.7, 0.5, 0.25])
    result = with_negatives(records, pool, mined, nothing_found_out(4), limit)
    whole = [["เรือ", "नाव"], ["given", "also given", "船"], [], ["last"]]
    assert result["negatives"].to_pylist() == [texts[:limit] for texts in whole]
    assert result["mined"].to_pylist() == [min(2, limit), max(0, limit - 2), 0, 0]


def test_repeats_are_not_mined_again(records: pa.Table) -> None:
    mined = found([0], [2], [0.7])
    result = with_negatives(records, build_pool(records, 4), Chosen.join([mined] * 3), nothing_found_out(4), 4)
    assert result["negatives"][0].as_py() == ["เรือ"] * 3
    assert result["mined"][0].as_py() == 1


def test_what_was_found_out_stands_beside_each_record(records: pa.Table) -> None:
    verdicts = np.arange(4 * len(Verdict), dtype=np.int32).reshape(4, -1)
    findings = nothing_found_out(
        4,
        positive_scores=np.array([1.0, 0.5, 0.0, -0.25], dtype=np.float32),
        positive_ranks=np.array([0, 1, 7, 101], dtype=np.int32),
        verdicts=verdicts,
        possible=found([1, 1, 3], [0, 2, 1], [0.9, 0.8, 0.75]),
        shortages=np.array(["", "padded", "kept", "relaxed"], dtype=object),
        teachers=np.array(["lexical", "a/model@1", "lexical", "lexical"], dtype=object),
        recalls=np.array([np.nan, 0.5, 1.0, 0.0], dtype=np.float32),
        self_matches=np.array([True, False, False, True]),
    )
    result = with_negatives(records, build_pool(records, 4), NOTHING, findings, 4)
    assert result["positive_score"].to_pylist() == [1.0, 0.5, 0.0, -0.25]
    assert result["positive_rank"].to_pylist() == [None, 1, 7, 101]
    assert result["possible_ids"].to_pylist() == [[], ids(0, 2), [], ids(1)]
    assert result["possible_scores"].to_pylist() == [[], pytest.approx([0.9, 0.8]), [], [0.75]]
    assert result["shortage"].to_pylist() == ["", "padded", "kept", "relaxed"]
    assert result["teacher"].to_pylist() == ["lexical", "a/model@1", "lexical", "lexical"]
    assert result["teacher_recall"].to_pylist() == [None, 0.5, 1.0, 0.0]
    assert result["self_match"].to_pylist() == [True, False, False, True]
    counts = result["candidates"].to_pylist()
    assert [field.name for field in COUNTS_TYPE] == [v.name.lower() for v in Verdict if v != Verdict.ABSENT]
    for number in range(4):
        assert counts[number] == {v.name.lower(): verdicts[number, v] for v in Verdict if v != Verdict.ABSENT}


def test_columns_keep_their_places_and_those_of_lists_have_no_nulls(records: pa.Table) -> None:
    result = with_negatives(records, build_pool(records, 4), NOTHING, nothing_found_out(4), 4)
    assert result.column_names[: len(SCHEMA)] == SCHEMA.names
    assert result["negatives"].to_pylist() == records["negatives"].to_pylist()
    lists = [field.name for field in result.schema if pa.types.is_list(field.type)]
    assert lists == [
        "negatives", "negative_ids", "negative_scores", "negative_ranks", "negative_origins", "negative_languages",
        "possible_ids", "possible_scores",
    ]  # fmt: skip
    assert not any(result.schema.field(name).nullable for name in lists)


def test_no_records_give_the_same_schema(records: pa.Table) -> None:
    some = with_negatives(records, build_pool(records, 4), NOTHING, nothing_found_out(4), 4)
    empty = table()
    none = with_negatives(empty, build_pool(empty, 4), NOTHING, nothing_found_out(0), 4)
    assert none.num_rows == 0
    assert none.schema == some.schema


def test_given_negatives_are_numbered_after_the_entries(records: pa.Table) -> None:
    pool: Pool = build_pool(records, 4)
    given = given_negatives(pool)
    assert given.owners.tolist() == [1, 1, 3]
    assert given.entries.tolist() == [4, 5, 6]
    assert set(given.origins.tolist()) == {Origin.GIVEN}


PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=12)


@given(st.lists(PAIRS, min_size=1, max_size=3))
def test_joined_parts_stand_by_record_in_order_of_the_parts(parts: list[list[tuple[int, int]]]) -> None:
    made = [
        found([o for o, _ in sorted(part)], [e for _, e in sorted(part)], [0.5] * len(part), Origin(number))
        for number, part in enumerate(parts)
    ]
    joined = Chosen.join(made)
    expected = [
        (owner, entry, number)
        for owner in range(4)
        for number, part in enumerate(parts)
        for own, entry in sorted(part)
        if own == owner
    ]
    assert list(zip(joined.owners, joined.entries, joined.origins, strict=True)) == expected
    distinct = joined.distinct()
    pairs = list(zip(distinct.owners, distinct.entries, strict=True))
    assert pairs == list(dict.fromkeys((owner, entry) for owner, entry, _ in expected))
    firsts = {}
    for owner, entry, number in expected:
        firsts.setdefault((owner, entry), number)
    assert distinct.origins.tolist() == list(firsts.values())
