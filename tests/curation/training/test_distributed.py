"""Two processes of gloo are one with the doubled batch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from courses import toy_course

from curation.training.distributed import Workers

HERE = Path(__file__).parent
PROCESS = """
import sys
import torch, torch.distributed as dist
from courses import toy_course
from curation.training.distributed import Workers
kind, folder, rank = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
course = toy_course(kind, Workers.joined(), batch_size=4, nested_from=0.5, steps=6)
course._loss(4).backward()
course.workers.sum_gradients(course.optimiser.parameters.values())
gradients = {name: value.grad.to_dense() for name, value in course.optimiser.parameters.items()}
course = toy_course(kind, Workers.joined(), batch_size=4, nested_from=0.5, steps=6)
course.run(lambda *_: None)
torch.save((gradients, course.losses, course.module.state_dict()), f"{folder}/{rank}.pt")
dist.destroy_process_group()
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bag", "decoder"])
def test_two_processes_are_one_with_the_doubled_batch(kind: str, tmp_path: Path) -> None:
    path = os.pathsep.join([str(HERE), str(HERE.parents[2]), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    commands = [[sys.executable, "-c", PROCESS, kind, str(tmp_path), str(rank)] for rank in (0, 1)]
    processes = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) for command in commands]
    errors = [process.communicate(timeout=120)[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    results = [torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1)]

    alone = toy_course(kind, batch_size=8, nested_from=0.5, steps=6)
    alone._loss(4).backward()
    expected = {name: value.grad.to_dense() for name, value in alone.optimiser.parameters.items()}
    for gradients, _, _ in results:
        for name, gradient in gradients.items():
            torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-6)
    assert any(gradient.abs().max() > 1e-3 for gradient in expected.values())

    alone = toy_course(kind, batch_size=8, nested_from=0.5, steps=6)
    alone.run(lambda *_: None)
    assert results[0][1] == results[1][1] == pytest.approx(alone.losses, rel=5e-3)
    for name, value in alone.module.state_dict().items():
        assert torch.equal(results[0][2][name], results[1][2][name])
        if kind == "decoder":
            # A bag is turned to its axes on the way, and of axes that are nearly equal rounding picks the order.
            torch.testing.assert_close(results[0][2][name], value, rtol=2e-2, atol=1e-3)


def test_one_alone_gathers_nothing() -> None:
    vectors = torch.ones(1, 2, 3)
    assert Workers.joined() == Workers(0, 1)
    assert Workers().gather(vectors) is vectors


@pytest.mark.parametrize(
    ("size", "count", "shares"), [(1, 8, [(0, 8)]), (2, 8, [(0, 4), (4, 8)]), (3, 6, [(0, 2), (2, 4), (4, 6)])]
)
def test_a_batch_is_shared_out(size: int, count: int, shares: list[tuple[int, int]]) -> None:
    assert [Workers(rank, size).share(count) for rank in range(size)] == [slice(*each) for each in shares]
