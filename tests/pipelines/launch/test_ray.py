"""On a real Ray cluster of two nodes with a processor each, on the loopback interface."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from commands import curate, digests
from outcomes import outcome
from steps import WITH_RETRIES, Touch, ranks
from toys import Silent

from curation.config import RunConfig
from curation.errors import ConfigError, CurationError
from pipelines.launch.base import Launcher
from pipelines.launch.local import LocalLauncher
from pipelines.launch.options import RayOptions
from pipelines.launch.ray import RayLauncher
from pipelines.local import DatatroveEngine
from pipelines.run import RunOptions, run


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Start a cluster, which this process does not join."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 80 << 20})
    cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
    cluster.wait_for_nodes()
    yield cluster.address
    cluster.shutdown()


def test_the_toy_graph_gives_the_same_though_a_worker_is_killed(address: str, tmp_path: Path) -> None:
    expected = outcome(DatatroveEngine(LocalLauncher(1), 1, 64), tmp_path / "expected")
    engine = DatatroveEngine(RayLauncher(RayOptions(2, address)), 3, 64)
    assert outcome(engine, tmp_path / "ray", fail_once=str(tmp_path / "killed")) == expected
    assert (tmp_path / "killed").exists()


@pytest.mark.slow
@pytest.mark.parametrize("check", WITH_RETRIES, ids=lambda check: check.__name__)
def test_what_every_launcher_does(check: Callable[[Launcher, Path], None], address: str, tmp_path: Path) -> None:
    with closing(RayLauncher(RayOptions(2, address, retries=1))) as launcher:
        check(launcher, tmp_path)


@pytest.mark.slow
def test_a_cluster_that_is_started_for_the_run_ends_with_it(tmp_path: Path) -> None:
    def raylets() -> set[int]:
        return {child.pid for child in psutil.Process().children() if child.name() == "raylet"}

    before = raylets()
    with closing(RayLauncher(RayOptions(1))) as launcher:
        launcher.launch(Touch(tmp_path), tasks=2, log=str(tmp_path / "log"))
        assert raylets() - before
    assert ranks(tmp_path) == ["rank-0-of-2", "rank-1-of-2"]
    assert not raylets() - before


def test_a_cluster_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    def refuse(**_: object) -> None:
        raise ConnectionError("Could not find any running Ray instance.")

    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(CurationError, match="no Ray cluster") as caught:
        RayLauncher(RayOptions(1, "auto")).launch(Touch(tmp_path), tasks=1, log=str(tmp_path / "log"))
    assert caught.value.where == "auto"
    assert "ray start --head" in caught.value.hint


def test_a_finished_step_needs_no_cluster(tmp_path: Path) -> None:
    LocalLauncher(1).launch(Touch(tmp_path), tasks=2, log=str(tmp_path / "log"))
    RayLauncher(RayOptions(1, "nowhere:1")).launch(Touch(tmp_path), tasks=2, log=str(tmp_path / "log"))


def test_without_ray_the_user_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match="Ray is not installed") as caught:
        RayLauncher(RayOptions(1))
    assert "ml-embed-curation[ray]" in caught.value.hint


def options(address: str) -> tuple[str, ...]:
    return ("--launcher", "ray", "--address", address)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_real_graph_gives_the_same_bytes(
    address: str, base: Path, config: RunConfig, finished: Path, tmp_path: Path
) -> None:
    cut = config.model_copy(update={"engine": config.engine.model_copy(update={"partitions": 3})})
    run(cut, base, tmp_path, RunOptions(workers=2, engine_options=options(address)), Silent())
    assert digests(tmp_path) == digests(finished)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_workers_killed_at_random_moments_change_no_byte(
    address: str, base: Path, config: RunConfig, finished: Path, tmp_path: Path
) -> None:
    stop, moments, killed = threading.Event(), random.Random(8), []

    def kill() -> None:
        # So many and no more: on a busy machine a task takes longer than any pause between two kills.
        while len(killed) < 6 and not stop.wait(moments.uniform(1, 6)):
            if workers := _working():
                victim = moments.choice(workers)
                killed.append(victim)
                os.kill(victim, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        more = (*options(address), "--retries", "20")
        run(config, base, tmp_path, RunOptions(workers=2, engine_options=more), Silent())
    finally:
        stop.set()
        killer.join()
    assert len(killed) >= 3
    assert digests(tmp_path) == digests(finished)


def _working() -> list[int]:
    """Return the worker processes of the cluster that are at work on a rank; Ray names these by their function."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.cmdline() and process.cmdline()[0].startswith("ray::_run_rank"):
                found.append(process.pid)
        except psutil.Error:
            continue
    return sorted(found)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_the_command_line_launches_it(address: str, base: Path, expected: dict[str, str], tmp_path: Path) -> None:
    done = curate(base / "messages.yml", tmp_path, *options(address), "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert digests(tmp_path) == expected
