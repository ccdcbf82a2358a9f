"""A real job service of Beam's: what Flink and Spark are spoken to by, with Beam's own engine behind it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apart import outcome_apart


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return outcome_apart("datatrove", tmp_path_factory.mktemp("expected"))


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    module = "apache_beam.runners.portability.local_job_service_main"
    with subprocess.Popen([sys.executable, "-m", module, "--port", str(port)], stderr=subprocess.DEVNULL) as service:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("localhost", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"localhost:{port}"
        service.terminate()


def run(endpoint: str, folder: Path, *arguments: str, poison: int = 0) -> dict[str, Any]:
    job_service = ("--runner=PortableRunner", f"--job_endpoint={endpoint}")
    return outcome_apart("beam", folder, *job_service, *arguments, poison=poison)


@pytest.mark.slow
def test_workers_in_the_launching_process_give_the_same(
    endpoint: str, tmp_path: Path, expected: dict[str, str]
) -> None:
    assert run(endpoint, tmp_path, "--environment_type=LOOPBACK") == expected


@pytest.mark.slow
def test_workers_in_processes_of_their_own_give_the_same(
    endpoint: str, tmp_path: Path, expected: dict[str, str]
) -> None:
    command = f"{sys.executable} -m apache_beam.runners.worker.sdk_worker_main"
    kind = ("--environment_type=beam:env:harness_subprocess_python:v1", f"--environment_config={command}")
    assert run(endpoint, tmp_path, *kind, "--shared_filesystem") == expected


@pytest.mark.slow
def test_a_step_that_raises_ends_the_run_with_its_reason(endpoint: str, tmp_path: Path) -> None:
    found = run(endpoint, tmp_path, "--environment_type=LOOPBACK", poison=300)
    assert found["exit_code"] == 1
    assert found["error"].startswith("The pipeline failed on its runner")
    assert "The stage drop fails on every row" in found["error"]


@pytest.mark.slow
def test_a_job_service_that_is_not_there_is_named(tmp_path: Path) -> None:
    found = run("localhost:1", tmp_path, "--environment_type=LOOPBACK", "--job_server_timeout=1")
    assert found["exit_code"] == 1
    assert found["error"].startswith("The job service did not take the pipeline")
    assert "--job_endpoint" in found["error"]
