"""The phases of each kind of stage: their order is all that matters, and a task may be done twice."""

from __future__ import annotations

import pickle
import random
import uuid
from pathlib import Path

import pyarrow as pa
import pytest
from toys import DropBeforeOdd, DropEvery, FirstOfEach, Numbers, WriteText

from curation.outcome import Outcome
from pipelines.phases import Places, phases_of
from pipelines.stages import Stage
from pipelines.store import StageStore, Store, part_name
from pipelines.tasks import add_up

PHASES = {
    "numbers": ["read"],
    "drop": ["map"],
    "link": ["start", "meet", "look", "finish"],
    "first": ["route", "reduce"],
    "write": ["route", "reduce"],
}
STAGES: tuple[Stage, ...] = (Numbers(200), DropEvery(7), DropBeforeOdd(), FirstOfEach(), WriteText())


def place_of(store: Store, stage: Stage) -> StageStore:
    return store.stage(stage.name, "01")


def run(store: Store, partitions: int, *, seed: int | None = None) -> None:
    """Run all stages phase by phase; with a seed every task is pickled, done twice, and in some order."""
    chance = random.Random(seed)
    above: StageStore | None = None
    for stage in STAGES:
        place = place_of(store, stage)
        if stage.side:
            earlier = next(each for each in STAGES if each.name == stage.side)
            place.write_side(stage.side_table(add_up(earlier, place_of(store, earlier).tallies())))
        phases = phases_of(stage, Places(place, above, 11, bool(stage.side)), partitions)
        assert [phase.name for phase in phases] == PHASES[stage.name]
        for phase in phases:
            ranks = list(range(partitions))
            if seed is not None:
                ranks = chance.sample(ranks * 2, 2 * partitions)
                phase = pickle.loads(pickle.dumps(phase))
            for rank in ranks:
                phase.work(rank, partitions)
        place.finish([place.counts(part_name(rank, partitions)) for rank in range(partitions)])
        above = place


def everything(store: Store) -> dict[str, object]:
    """Return all that a run has left, in order."""
    found: dict[str, object] = {}
    for stage in STAGES:
        place = place_of(store, stage)
        order = [("id", "ascending"), ("reason", "ascending")]
        found[f"{stage.name} ledger"] = place.ledgers().sort_by(order).to_pylist()
        records = pa.concat_tables([place.share(rank, 3) for rank in range(3)])
        found[f"{stage.name} records"] = records.sort_by("id").to_pylist()
    files = place_of(store, STAGES[-1]).folder
    return found | {name: files.read(f"files/{name}") for name in files.names("files")}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    store = Store.at(tmp_path_factory.mktemp("one"))
    run(store, 1)
    found = everything(store)
    assert len(found) > 2 * len(STAGES)
    return found


@pytest.mark.parametrize("partitions", [1, 4])
@pytest.mark.parametrize("kind", ["local", "memory"])
def test_neither_order_nor_repetition_nor_partitions_nor_the_store_matter(
    kind: str, partitions: int, tmp_path: Path, expected: dict[str, object]
) -> None:
    store = Store.at(tmp_path if kind == "local" else f"memory://{uuid.uuid4().hex}")
    run(store, partitions, seed=partitions)
    assert everything(store) == expected


def test_what_travelled_is_removed_in_the_end(tmp_path: Path) -> None:
    store = Store.at(tmp_path)
    run(store, 2)
    assert not any("shuffle" in path.parts for path in tmp_path.rglob("*"))


def test_only_known_kinds_of_stage_have_phases(tmp_path: Path) -> None:
    class Other(Stage):
        name = "other"
        settings = {}  # type: ignore[assignment]  # noqa: RUF012

    with pytest.raises(TypeError, match="other is no kind of stage"):
        phases_of(Other(), Places(Store.at(tmp_path).stage("s", "0"), None, 1, has_side=False), 1)


def test_the_records_of_a_stage_are_those_of_the_one_before(tmp_path: Path) -> None:
    store = Store.at(tmp_path)
    run(store, 3)
    here, above = place_of(store, STAGES[2]), place_of(store, STAGES[1])
    places = Places(here, above, 5, has_side=False)
    whole = pa.concat_tables([places.records(rank, 2) for rank in range(2)])
    assert whole.num_rows == Outcome.keep(whole).records.num_rows == 200 - 200 // 7 - 1
    assert places.side() is None
    batches = [batch for rank in range(2) for batch in places.batches(rank, 2)]
    assert max(batch.num_rows for batch in batches) <= 5
    assert pa.concat_tables(batches).sort_by("id").equals(whole.sort_by("id"))
