"""What clusters and disks do to a run: it ends right, or with a clear error and goes on from there; never wrong."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import faulty
import psutil
import pytest
from outcomes import ENGINES, MULTI_PROCESSING, found, outcome
from toys import Silent, toy_graph

from curation.errors import CurationError
from pipelines.engine import Engine
from pipelines.launch.local import LocalLauncher
from pipelines.local import DatatroveEngine
from pipelines.phases import Places, phases_of
from pipelines.stages import Graph
from pipelines.store import Store

ONE = ENGINES["one worker, three partitions"]
BEAM = ENGINES["beam in memory"]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return outcome(ONE, tmp_path_factory.mktemp("expected"))


def attempt(engine: Engine, folder: Path | str, graph: Graph) -> str:
    """Run, and return what the error says, if there is one; an error must be one of ours."""
    try:
        engine.run(graph, Store.at(folder), Silent())
    except CurationError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("engine", [ONE, BEAM], ids=["datatrove", "beam"])
def test_a_store_that_fails_one_request_in_twenty(
    engine: Engine, tmp_path: Path, expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.folders._PAUSE_S", 0.001)
    monkeypatch.setenv(faulty.SHARE, "0.05")
    assert outcome(engine, f"faulty://{tmp_path}") == expected


@pytest.mark.parametrize("engine", [ONE, BEAM], ids=["datatrove", "beam"])
def test_a_store_that_is_down_and_comes_back(
    engine: Engine, tmp_path: Path, expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.folders._PAUSE_S", 0.001)
    monkeypatch.setenv(faulty.SHARE, "1")
    said = attempt(engine, f"faulty://{tmp_path}", toy_graph())
    assert "503 Service Unavailable" in said
    assert "goes on" in said
    monkeypatch.setenv(faulty.SHARE, "0")
    assert outcome(engine, f"faulty://{tmp_path}") == expected


def test_a_slow_store(tmp_path: Path, expected: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(faulty.PAUSE, "0.002")
    assert outcome(ONE, f"faulty://{tmp_path}") == expected


@pytest.mark.slow
def test_worker_processes_share_a_store_that_fails(
    tmp_path: Path, expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(faulty.SHARE, "0.05")
    assert outcome(DatatroveEngine(LocalLauncher(2), partitions=3, batch_rows=100), f"faulty://{tmp_path}") == expected


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with 1 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("engine", [ONE, BEAM], ids=["datatrove", "beam"])
def test_a_full_disk(engine: Engine, small_disk: Path, expected: dict[str, str]) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(bytes((1 << 20) - 150_000))
    said = attempt(engine, small_disk / "work", toy_graph())
    assert "No space left on device" in said
    assert str(small_disk) in said
    assert "make room there" in said
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    assert outcome(engine, small_disk / "work") == expected


@pytest.mark.parametrize("engine", [ONE, BEAM], ids=["datatrove", "beam"])
def test_a_read_only_work_folder(engine: Engine, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    said = attempt(engine, small_disk / "work", toy_graph())
    assert "Read-only file system" in said
    assert "name a place that can be written" in said


@pytest.mark.parametrize("stage", ["numbers", "link", "write"])
def test_parts_that_are_gone_are_made_again(tmp_path: Path, expected: dict[str, str], stage: str) -> None:
    """The engine's own marks say that all tasks are done, but a disk has lost what it had promised."""
    graph, store = toy_graph(), Store.at(tmp_path)
    ONE.run(graph, store, Silent())
    folder = tmp_path / f"{stage}-{graph.digests()[stage]}"
    (folder / "DONE.json").unlink()
    for lost in sorted((folder / "counts").iterdir())[:2]:
        lost.unlink()
    assert outcome(ONE, tmp_path) == expected


@pytest.mark.parametrize("number", range(5))
def test_late_and_repeated_writes_change_nothing(tmp_path: Path, expected: dict[str, str], number: int) -> None:
    """Workers that everybody thought dead do all of a stage once more, when the run is long finished."""
    graph, store = toy_graph(), Store.at(tmp_path)
    ONE.run(graph, store, Silent())
    places = list(store.places(graph.digests()).values())
    stage, above = graph.stages[number], places[number - 1] if number else None
    for phase in phases_of(stage, Places(places[number], above, 100, bool(stage.side)), 3):
        for rank in (2, 0, 1, 1):
            phase.work(rank, 3)
    assert outcome(ONE, tmp_path) == expected


def test_a_stage_whose_parts_are_all_there_is_finished(tmp_path: Path, expected: dict[str, str]) -> None:
    graph, store = toy_graph(), Store.at(tmp_path)
    BEAM.run(graph, store, Silent())
    for place in store.places(graph.digests()).values():
        (place.folder.path / "DONE.json").unlink()
    observer = Silent()
    BEAM.run(graph, store, observer)
    assert set(observer.reused.values()) == {True}
    assert found(graph, store) == expected


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_worker_of_beam_that_is_killed_ends_the_run_and_it_goes_on(tmp_path: Path, expected: dict[str, str]) -> None:
    graph = toy_graph(fail_once=str(tmp_path / "failed"))
    said = attempt(MULTI_PROCESSING, tmp_path / "work", graph)
    assert "did not end well" in said
    observer = Silent()
    MULTI_PROCESSING.run(graph, Store.at(tmp_path / "work"), observer)
    assert observer.reused["numbers"]
    assert observer.reused["drop"]
    assert found(graph, Store.at(tmp_path / "work")) == expected


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_workers_of_beam_killed_at_random_moments(tmp_path: Path, expected: dict[str, str]) -> None:
    moments, graph = random.Random(8), toy_graph()
    for _ in range(3):
        killer = threading.Thread(target=kill_a_worker, args=(moments.uniform(2, 12),))
        killer.start()
        said = attempt(MULTI_PROCESSING, tmp_path, graph)
        killer.join()
        assert not said or "did not end well" in said
    assert attempt(MULTI_PROCESSING, tmp_path, graph) == ""
    assert found(graph, Store.at(tmp_path)) == expected


def kill_a_worker(after_s: float) -> None:
    time.sleep(after_s)
    workers = [child for child in psutil.Process().children() if "sdk_worker_main" in " ".join(child.cmdline())]
    if workers:
        workers[0].send_signal(signal.SIGKILL)
