from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.mining.search import units
from curation.mining.search.exact import nearest
from curation.mining.search.units import nearest_resumable, read_hits, write_hits
from tests.curation.mining.search.vectors import assert_equal, by_brute_force, exclude, nothing, on_a_grid, randomly

SEARCH = """
import sys, time
from pathlib import Path
import numpy as np
from curation.mining.search.units import nearest_resumable
from tests.curation.mining.search.vectors import nothing, randomly

def slowly(done, all, rate):
    print(done, flush=True)
    time.sleep(0.05 if sys.argv[2] == "slowly" else 0)

found = nearest_resumable(randomly(1, 60, 8), randomly(2, 900, 8), 5, nothing(60), Path(sys.argv[1]), key="a",
                          queries_at_once=30, shard_rows=150, progress=slowly)
"""


@pytest.fixture
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.mark.usefixtures("no_waiting_for_the_disk")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 40), st.integers(1, 9), st.integers(1, 50))
def test_equals_brute_force_however_the_work_is_cut(
    tmp_path_factory: pytest.TempPathFactory, seed: int, k: int, passages: int, block: int, shard: int
) -> None:
    left, right = on_a_grid(seed, 8, 3), on_a_grid(seed + 1, passages, 3)
    random = np.random.default_rng(seed)
    barred = {(q, row) for q in range(8) for row in range(passages) if random.random() < 0.3}
    folder = tmp_path_factory.mktemp("units")
    for _ in range(2):
        found = nearest_resumable(
            left, right, k, exclude(sorted(barred), 8), folder, key="", queries_at_once=block, shard_rows=shard
        )
        assert_equal(found, by_brute_force(left, right, k, barred))


@pytest.mark.usefixtures("no_waiting_for_the_disk")
def test_a_killed_search_goes_on_where_it_was(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SEARCH, str(tmp_path)]
    process = subprocess.Popen([*command, "slowly"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) == 4:
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.rglob("*.hits")}
    assert 4 <= len(before) < 12
    time.sleep(0.01)
    subprocess.run([*command, "fast"], check=True, capture_output=True)
    after = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.rglob("*.hits")}
    assert len(after) == 12
    assert {path: after[path] for path in before} == before
    whole = tmp_path / "whole"
    arguments = (randomly(1, 60, 8), randomly(2, 900, 8), 5, nothing(60), whole)
    found = nearest_resumable(*arguments, key="a", queries_at_once=30, shard_rows=150)
    assert_equal(found, nearest(*arguments[:4]))
    assert {path.relative_to(whole): path.read_bytes() for path in whole.rglob("*.hits")} == {
        path.relative_to(tmp_path): content for path, (_, content) in after.items()
    }


def search(folder: Path, monkeypatch: pytest.MonkeyPatch, key: str = "a", k: int = 5, engine: str = "auto") -> int:
    """Search, and return how many units were worked on."""
    queries, passages = randomly(1, 60, 8), randomly(2, 900, 8)
    worked = []
    search_rows = units.search_rows
    with monkeypatch.context() as patch:
        patch.setattr(units, "search_rows", lambda *a: worked.append(a[3]) or search_rows(*a))
        found = nearest_resumable(
            queries, passages, k, nothing(60), folder, key=key, engine=engine, queries_at_once=20, shard_rows=400
        )
    assert_equal(found, nearest(queries, passages, k, nothing(60)))
    return len(worked)


def test_no_unit_is_done_twice_and_none_serves_another_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert search(tmp_path, monkeypatch) == 9
    assert search(tmp_path, monkeypatch) == 0
    assert search(tmp_path, monkeypatch, engine="bfloat16") == 0
    assert search(tmp_path, monkeypatch, key="b") == 9
    assert search(tmp_path, monkeypatch, k=6) == 9
    assert search(tmp_path, monkeypatch) == 0


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: data[:20], lambda data: b"", lambda data: b"?" + data[1:]]
)
def test_a_damaged_file_is_not_taken_for_whole(
    damage: type[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search(tmp_path, monkeypatch)
    path = sorted(tmp_path.rglob("*.hits"))[4]
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    (path.parent / f".{path.name}.{os.getpid()}.tmp").write_bytes(whole[:9])
    assert read_hits(path) is None
    assert search(tmp_path, monkeypatch) == 1
    assert path.read_bytes() == whole


def test_a_unit_holds_only_what_can_still_matter(tmp_path: Path) -> None:
    queries = randomly(1, 3, 8)
    passages = np.concatenate([queries, randomly(2, 500, 8)])
    nearest_resumable(queries, passages, 1, nothing(3), tmp_path, key="", shard_rows=100)
    hits = [read_hits(path) for path in sorted(tmp_path.rglob("*.hits"))]
    assert [len(part[0]) for part in hits if part is not None] == [3, 0, 0, 0, 0, 0]


def test_progress_is_told_from_none_to_all(tmp_path: Path) -> None:
    told: list[tuple[int, int, float]] = []
    arguments = (randomly(1, 10, 8), randomly(2, 90, 8), 5, nothing(10), tmp_path)
    for _ in range(2):
        nearest_resumable(*arguments, key="", shard_rows=30, progress=lambda *state: told.append(state))
    assert [(done, units) for done, units, _ in told] == [(0, 3), (1, 3), (2, 3), (3, 3)] * 2
    assert [rate > 0 for _, _, rate in told] == [False, True, True, True, False, False, False, False]


def test_hits_in_a_file(tmp_path: Path) -> None:
    hits = (np.array([0, 0, 3]), np.array([7, 2**40, 1]), np.array([0.5, -1.0, 2.0], dtype=np.float32))
    write_hits(tmp_path / "x.hits", hits)
    for column, expected in zip(read_hits(tmp_path / "x.hits") or (), hits, strict=True):
        np.testing.assert_array_equal(column, expected)
    assert read_hits(tmp_path / "y.hits") is None
