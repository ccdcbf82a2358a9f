from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from toys import Silent, toy_graph

from curation.errors import ConfigError
from pipelines.beam import BeamEngine, beam_options
from pipelines.engine import Engine
from pipelines.launch.local import LocalLauncher
from pipelines.local import DatatroveEngine
from pipelines.store import Store

ENGINES = {
    "one worker, one partition": DatatroveEngine(LocalLauncher(workers=1), partitions=1, batch_rows=64),
    "one worker, three partitions": DatatroveEngine(LocalLauncher(workers=1), partitions=3, batch_rows=1000),
    "two workers, seven partitions": DatatroveEngine(LocalLauncher(workers=2), partitions=7, batch_rows=10),
    "beam in memory": BeamEngine(partitions=3, batch_rows=64),
}
MULTI_PROCESSING = BeamEngine(2, 64, ("--direct_running_mode=multi_processing", "--direct_num_workers=2"))


def outcome(engine: Engine, folder: Path, **changes: object) -> dict[str, str]:
    """Run the toy graph and return a digest of everything it left: files and ledgers."""
    graph, store = toy_graph(**changes), Store(folder)  # type: ignore[arg-type]
    engine.run(graph, store, Silent())
    places = [store.stage(name, digest) for name, digest in graph.digests().items()]
    found = {path.name: path.read_text() for path in places[-1].files_path.iterdir()}
    order = [("id", "ascending"), ("reason", "ascending")]
    found |= {place.stage: str(place.ledgers().sort_by(order).to_pylist()) for place in places}
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in found.items()}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return outcome(ENGINES["one worker, one partition"], tmp_path_factory.mktemp("expected"))


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_and_cut_gives_the_same(name: str, tmp_path: Path, expected: dict[str, str]) -> None:
    assert outcome(ENGINES[name], tmp_path) == expected


def test_beam_with_worker_processes_gives_the_same(tmp_path: Path, expected: dict[str, str]) -> None:
    assert outcome(MULTI_PROCESSING, tmp_path) == expected


@pytest.mark.parametrize("name", ENGINES)
def test_rows_in_are_rows_out_and_ledger_rows(name: str, tmp_path: Path) -> None:
    graph, store = toy_graph(poison=(3, 4, 777)), Store(tmp_path)
    ENGINES[name].run(graph, store, Silent())
    rows = [1000]
    for stage, digest in graph.digests().items():
        done = store.stage(stage, digest).done()
        assert done is not None
        assert done.rows_in == rows[-1] == done.rows_out + done.ledgered
        rows.append(done.rows_out)
    assert rows[1] == 1000
    assert rows[2] == 1000 - 100 - 3


@pytest.mark.parametrize("first", ["one worker, three partitions", "beam in memory"])
@pytest.mark.parametrize("then", ["two workers, seven partitions", "beam in memory"])
def test_an_engine_continues_what_another_began(
    first: str, then: str, tmp_path: Path, expected: dict[str, str]
) -> None:
    ENGINES[first].run(toy_graph(nth=5), Store(tmp_path), Silent())
    observer = Silent()
    ENGINES[then].run(toy_graph(nth=10), Store(tmp_path), observer)
    assert observer.reused == {"numbers": True, "drop": False, "link": False, "first": False, "write": False}
    assert outcome(ENGINES[then], tmp_path) == expected


def test_a_failing_task_ends_the_run_and_leaves_no_marker(tmp_path: Path) -> None:
    graph, store = toy_graph(total=-1), Store(tmp_path)
    ENGINES["one worker, one partition"].run(graph, store, Silent())
    done = store.stage("write", graph.digests()["write"]).done()
    assert done is not None
    assert done.rows_in == 0


@pytest.mark.parametrize("runner", ["DaskRunner", "apache_beam.runners.dask.dask_runner.DaskRunner"])
def test_runners_that_lose_data_are_refused(runner: str) -> None:
    with pytest.raises(ConfigError, match="DaskRunner is refused"):
        beam_options([f"--runner={runner}"])
