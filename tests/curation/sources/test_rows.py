from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.config.model import LanguageColumn
from curation.errors import SourceError
from curation.records import RAW_SCHEMA
from curation.sources import rows
from curation.sources.files import SourceFile
from curation.sources.rows import TEXT, TEXTS, Chunk, Layout, Rejected, Row, chunk_rows, require_columns, to_batch

FILE = SourceFile("s", "/data/x.jsonl", "x.jsonl")
NEGATIVE = st.none() | st.sampled_from(["", " ", "न", "b"])


def _chunk(**columns: pa.Array) -> Chunk:
    count = len(next(iter(columns.values())))
    return Chunk(pa.array(range(1, count + 1), pa.int64()), columns, [])


@given(
    table=st.lists(st.tuples(NEGATIVE, st.none() | st.lists(NEGATIVE, max_size=3), NEGATIVE), min_size=1, max_size=8),
    query=st.data(),
)
def test_negatives_are_joined_row_by_row(
    table: list[tuple[str | None, list[str | None] | None, str | None]], query: st.DataObject
) -> None:
    blank = query.draw(st.lists(st.booleans(), min_size=len(table), max_size=len(table)))
    one, many, other = zip(*table, strict=True)
    chunk = _chunk(
        query=pa.array(["" if is_blank else "q" for is_blank in blank]),
        positive=pa.array(["p"] * len(table)),
        one=pa.array(one, TEXT),
        many=pa.array(many, TEXTS),
        other=pa.array(other, TEXT),
    )
    batch = to_batch(chunk, Layout(negatives=("one", "many", "other")), FILE)
    joined = [[a, *(b or []), c] for a, b, c in table]
    expected = [
        [text for text in row if text and text.strip()]
        for row, is_blank in zip(joined, blank, strict=True)
        if not is_blank
    ]
    assert batch.rows.column("negatives").to_pylist() == expected
    assert batch.rows.num_rows + len(batch.rejected) == len(table)


def test_the_first_flaw_of_a_row_stands_and_rejects_are_in_order() -> None:
    chunk = _chunk(
        query=pa.array(["a", None, " ", "d"]),
        positive=pa.array(["", "b", None, "d"]),
        lang=pa.array(["xx-nothing", "de", "de", None]),
    )
    late = Rejected("x.jsonl", 2, "quarantined", "invalid_json", "")
    batch = to_batch(
        Chunk(chunk.rows, chunk.columns, [late]), Layout(query_language=LanguageColumn(column="lang")), FILE
    )
    assert [(reject.row, reject.reason) for reject in batch.rejected] == [
        (1, "empty"),
        (2, "invalid_json"),
        (2, "null"),
        (3, "empty"),
    ]
    assert batch.rows.to_pylist() == [
        {
            "query": "d",
            "positive": "d",
            "negatives": [],
            "query_language": "",
            "positive_language": "",
            "label": "",
            "document": "",
            "file": "x.jsonl",
            "row": 4,
        }
    ]


def test_one_column_may_be_query_positive_and_negative() -> None:
    batch = to_batch(_chunk(text=pa.array(["a", "b"])), Layout("text", "text", ("text",)), FILE)
    assert batch.rows.schema == RAW_SCHEMA
    assert batch.rows.column("negatives").to_pylist() == [["a"], ["b"]]


@given(sizes=st.lists(st.integers(1, 50), max_size=30), batch_rows=st.integers(1, 7), bad=st.sets(st.integers(0, 29)))
def test_chunks_hold_every_item_once_and_are_bounded(sizes: list[int], batch_rows: int, bad: set[int]) -> None:
    items: list[Row | Rejected] = [
        Rejected("x", number, "quarantined", "r", "") if number in bad else Row(number, size, ("q", "p"))
        for number, size in enumerate(sizes)
    ]
    chunks = list(chunk_rows(items, {"query": TEXT, "positive": TEXT}, FILE, batch_rows))
    assert [number for chunk in chunks for number in chunk.rows.to_pylist()] == [
        n for n in range(len(sizes)) if n not in bad
    ]
    assert [reject for chunk in chunks for reject in chunk.rejected] == [
        item for item in items if isinstance(item, Rejected)
    ]
    assert all(len(chunk.rows) + len(chunk.rejected) <= batch_rows for chunk in chunks)


def test_a_chunk_ends_before_it_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_CHUNK_BYTES", 100)
    items = [Row(number, 30, ("q",)) for number in range(1, 11)]
    sizes = [len(chunk.rows) for chunk in chunk_rows(items, {"query": TEXT}, FILE, 1000)]
    assert sizes == [4, 4, 2]


@pytest.mark.parametrize(
    ("wanted", "present", "what", "hint"),
    [
        ("positive", ["query", "positve"], "no column 'positive'", "did you mean 'positve'"),
        ("положительный", ["запрос"], "no column 'положительный'", "set `columns`"),
        ("query", [], "no column", "set `columns`"),
        ("query", ["query", "x", "query"], "Two columns", "set `columns`"),
    ],
)
def test_missing_columns(wanted: str, present: list[str], what: str, hint: str) -> None:
    with pytest.raises(SourceError, match=what) as caught:
        require_columns([wanted], present, FILE)
    assert hint in caught.value.hint
    assert all(repr(name) in caught.value.why for name in present)


@pytest.mark.parametrize(
    ("is_code", "codes"),
    [
        (True, ["typescript_Zzzz", "lua_Zzzz", "csharp_Zzzz", "eng_Latn", "python_Zzzz"]),
        (False, ["tso_Latn", "lua_Latn", "ces_Latn", "eng_Latn", "python_Zzzz"]),
    ],
)
def test_a_code_of_two_languages_is_a_program_where_there_is_code(is_code: bool, codes: list[str]) -> None:
    names = ["ts", "lua", "cs", "en", "python"]
    chunk = _chunk(query=pa.array(["q"] * 5), positive=pa.array(["p"] * 5), lang=pa.array(names))
    layout = Layout(positive_language=LanguageColumn(column="lang"), is_code=is_code)
    assert to_batch(chunk, layout, FILE).rows.column("positive_language").to_pylist() == codes


def test_a_class_that_is_missing_is_none_and_no_flaw() -> None:
    classes = pa.array([" spät ", None, "", "遅い"])
    batch = to_batch(
        _chunk(query=pa.array(list("abcd")), positive=pa.array(list("efgh")), kind=classes), Layout(label="kind"), FILE
    )
    assert batch.rows.column("label").to_pylist() == ["spät", "", "", "遅い"]
    assert not batch.rejected


def test_a_document_that_is_missing_is_none_and_no_flaw() -> None:
    documents = pa.array([" გვერდი 1 ", None, "", "ገጽ 2"])
    chunk = _chunk(query=pa.array(list("abcd")), positive=pa.array(list("efgh")), page=documents)
    batch = to_batch(chunk, Layout(document="page"), FILE)
    assert batch.rows.column("document").to_pylist() == ["გვერდი 1", "", "", "ገጽ 2"]
    assert not batch.rejected
