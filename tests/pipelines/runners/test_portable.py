"""A real job service of Beam's: what Flink and Spark are spoken to by, with Beam's own engine behind it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from apache_beam.runners.portability.local_job_service import LocalJobServicer
from test_engines import outcome
from toys import Silent, toy_graph

from curation.errors import CurationError
from pipelines.beam import BeamEngine
from pipelines.local import DatatroveEngine
from pipelines.store import Store


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return outcome(DatatroveEngine(1, 1, 64), tmp_path_factory.mktemp("expected"), total=300)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    service = LocalJobServicer()
    yield f"localhost:{service.start_grpc_server()}"
    service.stop()


def engine(endpoint: str, *arguments: str) -> BeamEngine:
    return BeamEngine(3, 64, ("--runner=PortableRunner", f"--job_endpoint={endpoint}", *arguments))


def test_workers_in_the_launching_process_give_the_same(
    endpoint: str, tmp_path: Path, expected: dict[str, str]
) -> None:
    assert outcome(engine(endpoint, "--environment_type=LOOPBACK"), tmp_path, total=300) == expected


@pytest.mark.slow
def test_workers_in_processes_of_their_own_give_the_same(
    endpoint: str, tmp_path: Path, expected: dict[str, str]
) -> None:
    command = f"{sys.executable} -m apache_beam.runners.worker.sdk_worker_main"
    arguments = ("--environment_type=beam:env:harness_subprocess_python:v1", f"--environment_config={command}")
    assert outcome(engine(endpoint, *arguments, "--shared_filesystem"), tmp_path, total=300) == expected


def test_a_step_that_raises_ends_the_run_with_its_reason(endpoint: str, tmp_path: Path) -> None:
    graph, store = toy_graph(100, fail_once=""), Store(tmp_path)
    (tmp_path / f"numbers-{graph.digests()['numbers']}").write_text("no folder can be made here")
    with pytest.raises(CurationError, match="The pipeline failed on its runner") as caught:
        engine(endpoint, "--environment_type=LOOPBACK").run(graph, store, Silent())
    assert "numbers" in str(caught.value)
    assert caught.value.exit_code == 1


def test_a_job_service_that_is_not_there_is_named(tmp_path: Path) -> None:
    lost = engine("localhost:1", "--environment_type=LOOPBACK", "--job_server_timeout=1")
    with pytest.raises(CurationError, match="The job service did not take the pipeline") as caught:
        lost.run(toy_graph(), Store(tmp_path), Silent())
    assert "--job_endpoint" in str(caught.value)
