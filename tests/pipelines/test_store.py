from __future__ import annotations

import uuid
from pathlib import Path

import pyarrow as pa
import pytest
from toys import rows

from curation.ledger import empty_ledger, ledger_rows
from curation.outcome import Outcome
from pipelines.store import ConservationError, StageStore, Store, in_batches, part_name


@pytest.fixture(params=["local", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> StageStore:
    where = tmp_path if request.param == "local" else f"memory://{uuid.uuid4().hex}"
    return Store.at(where).stage("s", "0123")


def test_nothing_is_finished_before_the_marker(place: StageStore) -> None:
    part = place.write(part_name(0, 1), Outcome.keep(rows(range(10))), 10)
    assert place.done() is None
    place.finish([part])
    done = place.done()
    assert done is not None
    assert (done.rows_in, done.rows_out, done.ledgered) == (10, 10, 0)


def test_a_lost_row_ends_the_run(place: StageStore) -> None:
    with pytest.raises(ConservationError, match="lost or invented"):
        place.write(part_name(0, 1), Outcome.keep(rows(range(9))), 10)
    assert place.folder.names("records") == place.folder.names("ledger") == place.folder.names("counts") == []


@pytest.mark.parametrize("parts", [1, 3, 5])
@pytest.mark.parametrize("world", [1, 2, 8])
def test_shares_together_are_every_row_once(place: StageStore, parts: int, world: int) -> None:
    table = rows(range(50))
    cuts = [table.slice(n * 50 // parts, (n + 1) * 50 // parts - n * 50 // parts) for n in range(parts)]
    place.finish([place.write(part_name(n, parts), Outcome.keep(c), c.num_rows) for n, c in enumerate(cuts)])
    shares = [place.share(rank, world) for rank in range(world)]
    assert all(share.schema == table.schema for share in shares)
    assert sorted(pa.concat_tables(shares)["id"].to_pylist()) == sorted(table["id"].to_pylist())
    batches = [batch for rank in range(world) for batch in place.share_batches(rank, world, 7)]
    assert max(batch.num_rows for batch in batches) <= 7
    assert sum(batch.num_rows for batch in batches) == 50


def test_a_part_can_be_written_piece_by_piece(place: StageStore) -> None:
    lost = ledger_rows(rows(range(1)), stage="s", decision="dropped", reason="r")
    pieces = [(Outcome.keep(rows(range(5))), 5), (Outcome(rows(range(5, 9)), lost), 5)]
    part = place.write_all(part_name(0, 1), iter(pieces))
    assert (part.rows_in, part.rows_out, part.ledgered) == (10, 9, 1)
    assert place.counts(part.name) == part
    place.finish([part])
    assert place.ledgers().num_rows == 1
    assert place.finished_parts() == 1


def test_tallies(place: StageStore) -> None:
    tally = pa.table({"n": [3]})
    place.finish([place.write(part_name(0, 1), Outcome(rows(range(3)), empty_ledger()), 3, tally)])
    assert [found.equals(tally) for found in place.tallies()] == [True]


@pytest.mark.parametrize(("total", "size", "lengths"), [(0, 3, [0]), (3, 3, [3]), (7, 3, [3, 3, 1])])
def test_batches(total: int, size: int, lengths: list[int]) -> None:
    assert [batch.num_rows for batch in in_batches(rows(range(total)), size)] == lengths
