from __future__ import annotations

from pathlib import Path

import pytest
from outcomes import ENGINES, MULTI_PROCESSING, outcome
from toys import Silent, toy_graph

from pipelines.store import Store


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
    graph, store = toy_graph(poison=(3, 4, 777)), Store.at(tmp_path)
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
    ENGINES[first].run(toy_graph(nth=5), Store.at(tmp_path), Silent())
    observer = Silent()
    ENGINES[then].run(toy_graph(nth=10), Store.at(tmp_path), observer)
    assert observer.reused == {"numbers": True, "drop": False, "link": False, "first": False, "write": False}
    assert outcome(ENGINES[then], tmp_path) == expected


def test_a_failing_task_ends_the_run_and_leaves_no_marker(tmp_path: Path) -> None:
    graph, store = toy_graph(total=-1), Store.at(tmp_path)
    ENGINES["one worker, one partition"].run(graph, store, Silent())
    done = store.stage("write", graph.digests()["write"]).done()
    assert done is not None
    assert done.rows_in == 0
