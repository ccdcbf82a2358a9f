from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.alarms import SAMPLES, Alarm, describe, judge, samples
from curation.config.model import Alarms
from curation.funnel import COUNTS_SCHEMA, KEPT, sum_counts
from curation.ledger import LEDGER_SCHEMA

KHM, THA = "khm_Khmr", "tha_Thai"


def counts(*rows: tuple[str, str, int, dict[str, int]], decision: str = "dropped") -> pa.Table:
    """Return counts of (source, language, rows kept, {reason: rows taken})."""
    keys = COUNTS_SCHEMA.names
    found = [(source, language, KEPT, "", kept) for source, language, kept, _ in rows]
    found += [
        (source, language, decision, reason, n) for source, language, _, lost in rows for reason, n in lost.items()
    ]
    return pa.Table.from_pylist([dict(zip(keys, row, strict=True)) for row in found], schema=COUNTS_SCHEMA)


def judged(table: pa.Table, stage: str = "filter", **options: Any) -> list[tuple[str, str, str, int, int]]:
    found = judge(table, stage, Alarms.model_validate(options))
    return [("+".join(a.sources), a.language, a.reason, a.removed, a.rows) for a in found]


MOJIBAKE = "max_mojibake_share"


@pytest.mark.parametrize(
    ("rows", "options", "expected"),
    [
        pytest.param([("a", KHM, 50, {MOJIBAKE: 50})], {}, [], id="half is allowed"),
        pytest.param([("a", KHM, 49, {MOJIBAKE: 51})], {}, [("a", KHM, MOJIBAKE, 51, 100)], id="more than half is not"),
        pytest.param([("a", KHM, 0, {MOJIBAKE: 99})], {}, [], id="too few rows to judge"),
        pytest.param([("a", KHM, 0, {MOJIBAKE: 99})], {"min_rows": 99}, [("a", KHM, MOJIBAKE, 99, 99)], id="few"),
        pytest.param([("a", KHM, 20, {MOJIBAKE: 40, "min_chars": 40})], {}, [], id="two rules that share it"),
        pytest.param(
            [("a", KHM, 70, {MOJIBAKE: 30})],
            {"max_drop_share": 0.2},
            [("a", KHM, MOJIBAKE, 30, 100)],
            id="another share",
        ),
        pytest.param(
            [("a", KHM, 10, {MOJIBAKE: 90}), ("b", KHM, 900, {}), ("a", THA, 900, {})],
            {},
            [("a", KHM, MOJIBAKE, 90, 100)],
            id="one language of one source, whatever the others do",
        ),
        pytest.param(
            [(name, KHM, 10, {MOJIBAKE: 40}) for name in "abc"],
            {},
            [("a+b+c", KHM, MOJIBAKE, 120, 150)],
            id="small sources together",
        ),
        pytest.param(
            [("a", KHM, 900, {}), ("b", KHM, 0, {MOJIBAKE: 60}), ("c", KHM, 0, {MOJIBAKE: 60})],
            {},
            [("b+c", KHM, MOJIBAKE, 120, 120)],
            id="a large source does not hide the small ones",
        ),
        pytest.param(
            [("a", "", 0, {"undetermined": 60}), ("a", KHM, 40, {})],
            {},
            [("a", "", "undetermined", 60, 100)],
            id="rows without a language, of all rows of the source",
        ),
        pytest.param(
            [("a", "und_Khmr", 0, {"undetermined": 100}), ("a", KHM, 100, {})],
            {},
            [],
            id="und is no language that could lose all its rows",
        ),
        pytest.param(
            [("a", KHM, 0, {MOJIBAKE: 300}), ("b", THA, 0, {MOJIBAKE: 900})],
            {},
            [("b", THA, MOJIBAKE, 900, 900), ("a", KHM, MOJIBAKE, 300, 300)],
            id="most rows first",
        ),
    ],
)
def test_what_raises_an_alarm(rows: list[Any], options: dict[str, Any], expected: list[Any]) -> None:
    assert judged(counts(*rows), **options) == expected


@pytest.mark.parametrize(
    ("exceptions", "expected"),
    [
        ([{"language": KHM}], ["b"]),
        ([{"language": "km"}], ["b"]),
        ([{"source": "a"}], ["b"]),
        ([{"stage": "filter"}], []),
        ([{"stage": "identify"}], ["a", "b"]),
        ([{"reason": MOJIBAKE}], []),
        ([{"reason": "min_chars"}], ["a", "b"]),
        ([{"source": "a", "language": THA}], ["a", "b"]),
        ([{"source": "a", "language": KHM, "stage": "filter", "reason": MOJIBAKE}], ["b"]),
        ([{"language": KHM, "max_drop_share": 0.89}], ["a", "b"]),
        ([{"language": KHM, "max_drop_share": 0.9}], ["b"]),
        ([{"language": KHM, "max_drop_share": 0.1}, {"language": KHM}], ["a", "b"]),
        ([{"language": KHM}, {"language": KHM, "max_drop_share": 0.1}], ["b"]),
    ],
)
def test_exceptions(exceptions: list[dict[str, Any]], expected: list[str]) -> None:
    table = counts(("a", KHM, 10, {MOJIBAKE: 90}), ("b", THA, 10, {MOJIBAKE: 90}))
    assert [source for source, *_ in judged(table, exceptions=exceptions)] == expected


def test_an_exception_can_be_stricter() -> None:
    table = counts(("a", KHM, 80, {MOJIBAKE: 20}), ("b", KHM, 80, {MOJIBAKE: 20}))
    assert judged(table, exceptions=[{"source": "b", "max_drop_share": 0.1}]) == [("b", KHM, MOJIBAKE, 20, 100)]


def test_a_small_source_that_is_excepted_does_not_count_among_the_small_ones() -> None:
    table = counts(("a", KHM, 0, {MOJIBAKE: 60}), ("b", KHM, 50, {MOJIBAKE: 10}), ("c", KHM, 50, {}))
    assert judged(table, max_drop_share=0.3) == [("a+b+c", KHM, MOJIBAKE, 70, 170)]
    assert judged(table, max_drop_share=0.3, exceptions=[{"source": "a"}]) == []


@pytest.mark.parametrize(("decision", "expected"), [("quarantined", 1), ("dropped", 0)])
def test_what_a_reader_leaves_out_on_purpose_is_no_alarm(decision: str, expected: int) -> None:
    table = counts(("a", "", 0, {"untranslated": 90}), ("a", KHM, 10, {}), decision=decision)
    assert len(judged(table, "read")) == expected


CELL = st.tuples(
    st.sampled_from("abcd"),
    st.sampled_from([KHM, THA, "und_Latn", ""]),
    st.integers(0, 60),
    st.dictionaries(st.sampled_from(["min_chars", MOJIBAKE]), st.integers(1, 60)),
)
CELLS = st.lists(CELL, max_size=12, unique_by=lambda cell: cell[:2])


@given(CELLS, st.randoms(use_true_random=False))
def test_neither_order_nor_parts_of_the_counts_matter(cells: list[Any], random: object) -> None:
    table, options = counts(*cells), Alarms(min_rows=30, max_drop_share=0.4)
    rows = table.to_pylist()
    halves = [{**row, "rows": row["rows"] // 2} for row in rows]
    rests = [{**row, "rows": row["rows"] - row["rows"] // 2} for row in rows]
    pieces = halves + rests
    random.shuffle(pieces)  # type: ignore[attr-defined]
    cut = pa.Table.from_pylist(pieces, schema=COUNTS_SCHEMA)
    expected = judge(table, "filter", options)
    assert judge(cut, "filter", options) == judge(sum_counts([cut]), "filter", options) == expected


@given(CELLS)
def test_no_language_loses_too_much_unseen(cells: list[Any]) -> None:
    least, share = 30, 0.4
    alarmed = {
        (a.language, a.reason) for a in judge(counts(*cells), "filter", Alarms(min_rows=least, max_drop_share=share))
    }
    for language in (KHM, THA):
        own = [cell for cell in cells if cell[1] == language]
        large = [cell for cell in own if cell[2] + sum(cell[3].values()) >= least]
        for reason in ("min_chars", MOJIBAKE):
            rows = sum(kept + sum(lost.values()) for *_, kept, lost in large)
            removed = sum(lost.get(reason, 0) for *_, lost in large)
            assert removed <= share * rows or (language, reason) in alarmed


@given(CELLS)
def test_alarms_keep_to_the_numbers(cells: list[Any]) -> None:
    table, options = counts(*cells), Alarms(min_rows=30, max_drop_share=0.4)
    total = sum(row["rows"] for row in table.to_pylist())
    for alarm in judge(table, "filter", options):
        assert alarm.removed <= alarm.rows <= total
        assert alarm.rows >= options.min_rows
        assert alarm.share > options.max_drop_share
        assert Alarm.from_json(alarm.to_json()) == alarm


def test_in_words() -> None:
    alarm = Alarm("filter", MOJIBAKE, ("news",), KHM, 1200, 1044, 0.5)
    assert (
        describe(alarm)
        == "filter/max_mojibake_share took 1,044 of 1,200 rows of khm_Khmr from news (87.0%, at most 50.0% allowed)"
    )
    assert "all languages from news" in describe(Alarm("read", "null", ("news",), "", 9, 8, 0.5))
    assert "khm_Khmr from 2 small sources" in describe(Alarm("filter", "empty", ("a", "b"), KHM, 9, 8, 0.5))


def ledger(rows: list[tuple[str, str, str, int]]) -> pa.Table:
    blank = dict.fromkeys(LEDGER_SCHEMA.names, "") | {"stage": "filter", "decision": "dropped", "threshold": 0.0}
    found = [
        blank | {"reason": reason, "source": source, "language": language, "id": f"{n:032x}", "row": n, "score": n / 7}
        for reason, source, language, n in rows
    ]
    return pa.Table.from_pylist(found, schema=LEDGER_SCHEMA)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([MOJIBAKE, "min_chars"]),
            st.sampled_from("abc"),
            st.sampled_from([KHM, THA, ""]),
            st.integers(0, 10**6),
        ),
        max_size=150,
        unique_by=lambda row: row[3],
    ),
    st.randoms(use_true_random=False),
)
def test_samples_are_the_smallest_ids_whatever_the_pieces(rows: list[Any], random: object) -> None:
    alarms = [
        Alarm("filter", MOJIBAKE, ("a",), KHM, 200, 150, 0.5),
        Alarm("filter", MOJIBAKE, ("b", "c"), KHM, 200, 150, 0.5),
        Alarm("filter", "min_chars", ("a",), "", 200, 150, 0.5),
        Alarm("identify", "undetermined", ("a",), "", 200, 150, 0.5),
    ]
    expected = [
        sorted(n for r, s, lang, n in rows if r == alarm.reason and s in alarm.sources and alarm.language in ("", lang))
        for alarm in alarms
    ]
    random.shuffle(rows)  # type: ignore[attr-defined]
    found = samples(alarms, [ledger(rows[start : start + 40]) for start in range(0, len(rows), 40)])
    assert [[row["row"] for row in of_alarm] for of_alarm in found] == [numbers[:SAMPLES] for numbers in expected]


def test_scores_that_json_cannot_say() -> None:
    table = ledger([("min_chars", "a", KHM, 1)])
    table = table.set_column(table.schema.get_field_index("score"), "score", pa.array([float("inf")]))
    ((row,),) = samples([Alarm("filter", "min_chars", ("a",), KHM, 1, 1, 0.5)], [table])
    assert (row["score"], row["threshold"]) == (None, 0.0)


def test_a_stricter_exception_does_not_free_small_sources() -> None:
    table = counts(("a", KHM, 60, {MOJIBAKE: 5}), ("b", KHM, 10, {MOJIBAKE: 80}))
    together = [("a+b", KHM, MOJIBAKE, 85, 155)]
    assert judged(table) == together
    assert judged(table, exceptions=[{"source": "b", "max_drop_share": 0.1}]) == together
    assert judged(table, exceptions=[{"source": "b"}]) == []


def test_a_language_without_a_script_is_excepted_in_all_of_them() -> None:
    table = counts(("a", "srp_Cyrl", 0, {MOJIBAKE: 200}), ("a", "srp_Latn", 0, {MOJIBAKE: 200}))
    assert len(judged(table)) == 2
    assert judged(table, exceptions=[{"language": "sr"}]) == []
    assert [found[1] for found in judged(table, exceptions=[{"language": "srp_Latn"}])] == ["srp_Cyrl"]
