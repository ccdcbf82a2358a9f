"""What partitions send to each other arrives once, and nothing else does."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import WORDS

from pipelines.exchange import receive, send
from pipelines.routing import cut
from pipelines.store import StageStore, Store

SCHEMA = pa.schema(
    [
        pa.field("text", pa.string(), nullable=False),
        pa.field("number", pa.uint64()),
        pa.field("negatives", pa.list_(pa.string())),
    ]
)
ROWS = st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 2**64 - 1)), max_size=12)


def table(rows: list[tuple[str, int]]) -> pa.Table:
    values = [{"text": text, "number": number, "negatives": [text] * (number % 3)} for text, number in rows]
    return pa.Table.from_pylist(values, schema=SCHEMA)


def places() -> Iterator[StageStore]:
    yield Store.at(f"memory://{uuid.uuid4().hex}").stage("s", "01")
    with tempfile.TemporaryDirectory() as folder:
        yield Store.at(folder).stage("s", "01")


def sort_key(row: dict[str, object]) -> str:
    return str(row)


@settings(max_examples=40, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_everything_that_is_sent_is_received_once(sent: list[list[tuple[str, int]]], random: object) -> None:
    world = len(sent)
    targets = [[random.randrange(world) for _ in rows] for rows in sent]  # type: ignore[attr-defined]
    for place in places():
        for source, rows in enumerate(sent):
            homes = np.array(targets[source], dtype=np.int64)
            send(place, "rows", cut(table(rows), None, homes, world, always=source), source, world)
        for rank in range(world):
            found = receive(place, "rows", rank, world)
            assert [each.schema for each in found] == [SCHEMA] * world
            expected = [
                table([row for row, home in zip(rows, homes, strict=True) if home == rank])
                for rows, homes in zip(sent, targets, strict=True)
            ]
            assert [sorted(each.to_pylist(), key=sort_key) for each in found] == [
                sorted(each.to_pylist(), key=sort_key) for each in expected
            ]


def test_tables_of_many_batches_arrive_in_order() -> None:
    rows = table([(word, number) for number, word in enumerate(WORDS * 3)])
    pieces = pa.Table.from_batches(rows.to_batches(max_chunksize=5))
    for place in places():
        send(place, "rows", [(1, pieces), (0, pieces.slice(30))], 0, 2)
        send(place, "rows", [(1, pieces.slice(0, 0))], 1, 2)
        assert [each.to_pylist() for each in receive(place, "rows", 1, 2)] == [rows.to_pylist(), []]
        assert [each.to_pylist() for each in receive(place, "rows", 0, 2)] == [rows.slice(30).to_pylist(), []]


def test_what_is_sent_again_takes_the_place_of_the_first() -> None:
    for place in places():
        for turn in ("дом", "家"):
            send(place, "rows", [(0, table([(turn, 1)]))], 0, 1)
        assert receive(place, "rows", 0, 1)[0]["text"].to_pylist() == ["家"]


def test_two_exchanges_do_not_meet() -> None:
    for place in places():
        send(place, "round-0", [(0, table([("घर", 1)]))], 0, 1)
        send(place, "round-1", [(0, table([("บ้าน", 2)]))], 0, 1)
        assert receive(place, "round-0", 0, 1)[0]["text"].to_pylist() == ["घर"]
        assert receive(place, "round-1", 0, 1)[0]["text"].to_pylist() == ["บ้าน"]


def test_what_was_not_sent_is_missed() -> None:
    for place in places():
        send(place, "rows", [(0, table([]))], 0, 2)
        with pytest.raises(FileNotFoundError):
            receive(place, "rows", 0, 2)


def test_columns_without_rows_and_rows_without_columns() -> None:
    for place in places():
        send(place, "rows", [(0, pa.table({}))], 0, 1)
        assert receive(place, "rows", 0, 1) == [pa.table({})]
