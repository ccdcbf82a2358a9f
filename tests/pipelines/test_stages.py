from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from toys import DropEvery, FirstOfEach, Numbers, WriteText, rows, toy_graph

from curation.errors import CurationError
from curation.outcome import Outcome
from pipelines.stages import Graph, apply_or_quarantine


@pytest.mark.parametrize("poison", [(), (0,), (49,), (3, 4, 5), tuple(range(8, 50))])
def test_only_the_rows_that_raise_are_quarantined(poison: tuple[int, ...]) -> None:
    outcome = apply_or_quarantine(DropEvery(1000, poison), rows(range(1, 51)))
    bad = outcome.ledger.filter(pc.equal(outcome.ledger["decision"], "quarantined"))
    assert sorted(bad["row"].to_pylist()) == [number for number in poison if number]
    assert outcome.records.num_rows == 50 - bad.num_rows
    assert set(bad["detail"].to_pylist()) <= {"ValueError: a poisoned row"}


def test_a_few_rows_that_all_raise_are_quarantined() -> None:
    outcome = apply_or_quarantine(DropEvery(1000, tuple(range(9))), rows(range(9)))
    assert (outcome.records.num_rows, outcome.ledger.num_rows) == (0, 9)


def test_a_batch_without_survivors_has_the_columns_of_the_stage() -> None:
    class Adds(DropEvery):
        def apply(self, records: pa.Table, side: pa.Table | None) -> Outcome:
            outcome = super().apply(records, side)
            return Outcome(outcome.records.append_column("score", outcome.records["row"]), outcome.ledger)

    stage = Adds(1000, (1, 2, 3))
    assert (
        apply_or_quarantine(stage, rows(range(1, 4))).records.schema
        == stage.apply(rows(range(4, 6)), None).records.schema
    )


def test_a_stage_that_fails_on_every_row_ends_the_run() -> None:
    with pytest.raises(CurationError, match="fails on every row") as caught:
        apply_or_quarantine(DropEvery(1000, tuple(range(50))), rows(range(50)))
    assert caught.value.why == "ValueError: a poisoned row"


@pytest.mark.parametrize("error", [OSError("no space left on device"), MemoryError(), CurationError("no model")])
def test_the_machines_troubles_are_nobodys_fault(error: Exception) -> None:
    class Broken(DropEvery):
        def apply(self, records: pa.Table, side: pa.Table | None) -> Outcome:
            raise error

    with pytest.raises(type(error)):
        apply_or_quarantine(Broken(2), rows(range(5)))


def test_a_digest_depends_on_settings_code_and_everything_upstream() -> None:
    base, other = toy_graph(nth=10).digests(), toy_graph(nth=11).digests()
    assert base["numbers"] == other["numbers"]
    assert all(base[name] != other[name] for name in ("drop", "first", "write"))
    recoded = Graph((Numbers(1000), DropEvery(10), FirstOfEach(), WriteText()), "other code").digests()
    assert not set(recoded.values()) & set(base.values())
