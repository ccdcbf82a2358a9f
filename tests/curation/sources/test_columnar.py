from __future__ import annotations

import pyarrow as pa
import pytest

from curation.errors import SourceError
from curation.sources.columnar import number_rows, require_text
from curation.sources.files import SourceFile
from curation.sources.rows import Layout, to_batch

FILE = SourceFile("s", "/data/x.parquet", "x.parquet")
LAYOUT = Layout("q", "p", ("n",))


@pytest.mark.parametrize(
    "negatives",
    [
        pa.string(),
        pa.large_string(),
        pa.null(),
        pa.list_(pa.string()),
        pa.large_list(pa.large_string()),
        pa.list_(pa.string(), 3),
        pa.list_(pa.null()),
        pa.dictionary(pa.int8(), pa.string()),
    ],
    ids=str,
)
def test_types_of_negatives_that_are_read(negatives: pa.DataType) -> None:
    require_text(LAYOUT, pa.schema({"q": pa.string(), "p": pa.string(), "n": negatives}), FILE)


@pytest.mark.parametrize(
    "kind", [pa.int32(), pa.binary(), pa.list_(pa.int8()), pa.list_(pa.list_(pa.string()))], ids=str
)
def test_types_that_are_not(kind: pa.DataType) -> None:
    with pytest.raises(SourceError, match="'n' holds"):
        require_text(LAYOUT, pa.schema({"q": pa.string(), "p": pa.string(), "n": kind}), FILE)


def test_a_list_is_no_query() -> None:
    with pytest.raises(SourceError, match="'q' holds"):
        require_text(LAYOUT, pa.schema({"q": pa.list_(pa.string()), "p": pa.string(), "n": pa.string()}), FILE)


def test_rows_are_numbered_across_batches() -> None:
    batch = pa.RecordBatch.from_pydict({"q": ["a", "b"], "p": ["c", "d"], "n": ["e", "f"], "x": [1, 2]})
    chunks = list(number_rows([batch, batch.slice(1), batch], LAYOUT))
    assert [chunk.rows.to_pylist() for chunk in chunks] == [[1, 2], [3], [4, 5]]
    assert set(chunks[0].columns) == {"q", "p", "n"}


@pytest.mark.parametrize("kind", [pa.int8(), pa.int64(), pa.string()], ids=str)
@pytest.mark.parametrize("field", ["label", "document"])
def test_classes_and_documents_may_be_numbers(field: str, kind: pa.DataType) -> None:
    layout = Layout("q", "p", **{field: "c"})
    batch = pa.record_batch({"q": pa.array(["лодка"]), "p": pa.array(["नाव"]), "c": pa.array([7]).cast(kind)})
    require_text(layout, batch.schema, FILE)
    [chunk] = number_rows([batch], layout)
    assert to_batch(chunk, layout, FILE).rows.column(field).to_pylist() == ["7"]


def test_a_query_is_no_number() -> None:
    with pytest.raises(SourceError, match="'q' holds int64"):
        require_text(Layout("q", "p", label="c"), pa.schema({"q": pa.int64(), "p": pa.string(), "c": pa.int8()}), FILE)
