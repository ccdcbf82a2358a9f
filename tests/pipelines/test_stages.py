from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import DropEvery, FirstOfEach, Numbers, WriteText, rows, toy_graph

from curation.errors import CurationError
from curation.hashing import hash64
from curation.ledger import ledger_rows
from curation.outcome import Outcome
from pipelines.stages import Graph, KeyedStage, apply_or_quarantine
from pipelines.tasks import link_round, start_links


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


@pytest.mark.parametrize("poison", [(), (3, 4, 17)])
def test_rows_of_a_stage_with_a_side_table_are_tried_with_it(poison: tuple[int, ...]) -> None:
    class Marks(DropEvery):
        def apply(self, records: pa.Table, side: pa.Table | None) -> Outcome:
            assert side is not None
            outcome = super().apply(records, side)
            mark = pa.repeat(side["mark"][0], outcome.records.num_rows)
            return Outcome(outcome.records.append_column("mark", mark), outcome.ledger)

    outcome = apply_or_quarantine(Marks(1000, poison), rows(range(1, 31)), pa.table({"mark": ["家"]}))
    assert sorted(outcome.ledger["row"].to_pylist()) == list(poison)
    assert outcome.records["mark"].to_pylist() == ["家"] * (30 - len(poison))


class LargestOfEach(KeyedStage):
    """Keeps the largest number of each word; `every` says of which rows it tells."""

    name = "largest"
    settings = {}  # type: ignore[assignment]  # noqa: RUF012

    def __init__(self, every: int = 1) -> None:
        self.every = every

    def rows(self, records: pa.Table) -> pa.Table:
        at = np.arange(0, records.num_rows, self.every, dtype=np.uint32)
        key = hash64(records["positive"].to_pylist())[at]
        found = pa.table({"key": key, "number": records["row"].to_numpy()[at]})
        return found if self.every == 1 else found.append_column("at", pa.array(at))

    def judge(self, rows: pa.Table) -> pa.Table:
        most = rows.group_by("key").aggregate([("number", "max")])
        return rows.join(most, "key").filter(pc.field("number") == pc.field("number_max")).drop_columns(["number_max"])

    def finish(self, records: pa.Table, rows: pa.Table, side: pa.Table | None) -> Outcome:
        stays = np.isin(np.arange(records.num_rows), rows["at"].to_numpy())
        gone = records.filter(pa.array(~stays))
        ledger = ledger_rows(gone, stage=self.name, decision="dropped", reason="smaller")
        return Outcome(records.filter(pa.array(stays)), ledger)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 500), unique=True, min_size=1, max_size=40), st.integers(1, 4), st.sampled_from([1, 3]))
def test_rows_of_a_key_meet_and_verdicts_go_home(numbers: list[int], partitions: int, every: int) -> None:
    stage = LargestOfEach(every)
    parts = [rows(numbers[home::partitions]) for home in range(partitions)]
    sent: list[list[pa.Table]] = [[] for _ in parts]
    for home, part in enumerate(parts):
        for target, piece in start_links(stage, part, home, partitions):
            sent[target].append(piece)
    for target, pieces in enumerate(sent):
        found = pa.concat_tables(pieces)
        assert set(found["to"].to_pylist()) <= {target}
        assert all(key % partitions == target for key in found["key"].to_pylist())
        for home, at, number in zip(*(found[n].to_pylist() for n in ("home", "at", "number")), strict=True):
            assert parts[home]["row"][at].as_py() == number
    assert [each.needs_records for each in stage.rounds(0, partitions)] == [False]
    back: list[list[pa.Table]] = [[] for _ in parts]
    for home in range(partitions):
        for target, piece in link_round(stage, 0, sent[home], pa.table({}), home, partitions):
            back[target].append(piece)
    kept = [
        outcome.records["row"].to_pylist()
        for part, pieces in zip(parts, back, strict=True)
        for outcome in [stage.finish(part, pa.concat_tables(pieces), None)]
    ]
    words: dict[str, int] = {}
    for part in parts:
        for row in part.to_pylist()[::every]:
            words[row["positive"]] = max(words.get(row["positive"], -1), row["row"])
    assert sorted(number for some in kept for number in some) == sorted(words.values())
