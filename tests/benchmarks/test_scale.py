"""The simulator's invariants: no work vanishes, no core makes a run slower, nothing ends before it can."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scale.__main__ import tables
from benchmarks.scale.measure import fitted, watch_shuffle
from benchmarks.scale.schedule import Chance, makespan
from benchmarks.scale.simulate import Machine, Workload, busy_share, dollars, simulate, task_records
from benchmarks.scale.tables import BEGIN, END, put
from benchmarks.scale.workload import Languages, by_hash, cut, even
from pipelines.cost import Prices, Rates, StageRate

TIMES = st.lists(st.floats(0, 1_000), max_size=60).map(lambda times: np.array(times, dtype=np.float64))
LANGUAGES = st.builds(Languages, st.floats(0.01, 0.99), st.integers(1, 300), st.floats(0.2, 2.0))
PRICES = Prices(0.056, 0.003557, 0.000054, 0.011, 0.02, 3.75, 6.25, 3.108)
RATES = Rates(
    measured="here",
    text_bytes=250,
    text_in_file=2.4,
    base_memory=3e8,
    launch_seconds=1.0,
    spread=0.2,
    stages={
        "plan": StageRate(1.0, 0.5, 0, 0, 0, serial=True),
        "read": StageRate(20.0, 0.1, 0, 200, 500),
        "near_dedup": StageRate(60.0, 0.2, 100, 200, 2_000, rounds=7),
        "shard": StageRate(30.0, 0.5, 200, 200, 1_500, rounds=2),
    },
)
ENGLISH = Languages(largest_share=0.6, others=300, exponent=1.0)


@pytest.mark.parametrize(
    ("times", "cores", "expected"),
    [
        ([], 4, 0),
        ([3.0], 4, 3),
        ([2.0, 2.0, 2.0], 2, 4),
        ([1.0, 1.0, 4.0], 2, 5),  # in their order, not the longest first
        ([4.0, 1.0, 1.0], 2, 4),
        ([1.0, 2.0, 3.0], 1, 6),
    ],
)
def test_makespan(times: list[float], cores: int, expected: float) -> None:
    assert makespan(np.array(times), cores) == expected


@given(TIMES, st.integers(1, 40))
def test_no_run_ends_before_it_can_and_none_later_than_greedy_ones_do(times: np.ndarray, cores: int) -> None:
    found = makespan(times, cores)
    least = max(float(times.max(initial=0)), float(times.sum()) / cores)
    assert found >= least * (1 - 1e-9)
    assert found <= (2 - 1 / cores) * least + 1e-6


@given(TIMES, st.integers(1, 20), st.integers(1, 20))
def test_more_cores_are_never_slower(times: np.ndarray, cores: int, more: int) -> None:
    assert makespan(times, cores + more) <= makespan(times, cores) * (1 + 1e-9)


@given(TIMES, st.floats(0, 1.5), st.floats(0, 0.5), st.integers(0, 9))
def test_chance_takes_no_time_away_but_by_its_factor(
    times: np.ndarray, spread: float, failures: float, at: int
) -> None:
    chance = Chance(spread=spread, failures=failures, seed=3)
    assert (chance.applied(times, at) == chance.applied(times, at)).all()
    assert (Chance(failures=failures, seed=3).applied(times, at) >= times).all()
    assert (Chance(seed=3).applied(times, at) == times).all()


def test_chance_is_as_it_says() -> None:
    ones = np.ones(200_000)
    assert Chance(spread=0.5).applied(ones, 1).mean() == pytest.approx(1, abs=0.01)
    assert np.log(Chance(spread=0.5).applied(ones, 1)).std() == pytest.approx(0.5, abs=0.01)
    # An attempt fails after half its time in the mean; of those that follow some fail again.
    expected = 1 + 0.5 * (0.2 + 0.2**2 + 0.2**3)
    assert Chance(failures=0.2).applied(ones, 1).mean() == pytest.approx(expected, abs=0.01)


@given(LANGUAGES, st.floats(1, 1e9), st.integers(1, 500))
def test_no_record_vanishes(languages: Languages, total: float, tasks: int) -> None:
    records = languages.records(total)
    for found in (records, even(total, tasks), by_hash(records, tasks), cut(records, 250_000)):
        assert found.sum() == pytest.approx(total)
    assert cut(records, 250_000).max() <= 250_000 * (1 + 1e-9)


@given(st.integers(1, 400), st.integers(1, 400), st.floats(1e4, 1e8), st.booleans())
def test_more_cores_never_make_a_run_slower_and_work_stays_the_same(
    cores: int, more: int, records: float, whole: bool
) -> None:
    work = Workload(records, ENGLISH, ("shard",), cut=not whole, tasks=37)
    chance = Chance(spread=0.4, failures=0.05, seed=1)
    few, many = (simulate(work, Machine("m", "machine", n, 1.0), RATES, chance) for n in (cores, cores + more))
    launches = 0 if cores > 1 else 10 * RATES.launch_seconds
    assert many.wall <= few.wall + launches + 1e-6
    assert many.busy_seconds == few.busy_seconds
    assert few.wall >= few.busy_seconds / cores * (1 - 1e-9)
    assert 0 < busy_share(few, Machine("m", "machine", cores, 1.0)) <= 1 + 1e-9


def test_work_without_chance_is_what_the_rates_say() -> None:
    work = Workload(1e6, ENGLISH, (), tasks=4)
    found = simulate(work, Machine("m", "machine", 1, 100.0), RATES, Chance())
    assert found.busy_seconds == pytest.approx(1 + 20 + 60 + 30 + 0.5 + 4 * (0.1 + 0.2 + 0.5))
    assert found.wall == pytest.approx(found.busy_seconds)
    assert (found.shuffled, found.stored) == (300e6, 600e6)
    assert found.memory == pytest.approx(3e8 + 250_000 * 2_000)


def test_a_slow_disk_is_waited_for() -> None:
    work = Workload(1e8, ENGLISH, ())
    slow, fast = (simulate(work, Machine("m", "machine", 1_000, speed), RATES, Chance()) for speed in (0.01, 100.0))
    assert slow.seconds["shard"] == pytest.approx(2 * 1e8 * 400 / 1e9 / 0.01 + 2 * RATES.launch_seconds)
    assert fast.seconds["shard"] < slow.seconds["shard"]


def test_whole_languages_make_tasks_uneven_and_cut_ones_do_not() -> None:
    whole, even_ones = (
        task_records(Workload(6e7, ENGLISH, ("shard",), cut=cut), "shard", RATES.stages["shard"])
        for cut in (False, True)
    )
    assert whole.max() > 0.6 * 6e7
    assert even_ones.max() <= 250_000
    assert even_ones.max() / even_ones.mean() < 1.5


def test_workers_are_paid_while_they_wait_but_not_while_one_process_works() -> None:
    work = Workload(1e7, ENGLISH, ())
    dataflow = Machine("d", "dataflow", 100, 10.0, start_seconds=240)
    found = simulate(work, dataflow, RATES, Chance())
    hours = (found.wall - found.seconds["plan"]) * 100 / 3600
    stored = found.stored / 1e9 * 0.02 * found.wall / 3600 / 730
    assert dollars(found, dataflow, PRICES) == pytest.approx(
        hours * PRICES.worker_hour() + 10e6 * 300 / 1e9 * 0.011 + stored
    )
    one = Machine("m", "machine", 64, 1.0)
    alone = simulate(work, one, RATES, Chance())
    assert dollars(alone, one, PRICES) == pytest.approx(alone.wall / 3600 * 3.108, rel=0.01)


def test_two_sizes_tell_what_a_record_takes_from_what_a_task_takes() -> None:
    def taken(cpu: float, records: int) -> dict[str, dict[str, float]]:
        figures = {
            "cpu": cpu,
            "tasks": 4,
            "shuffled": 8 * records,
            "stored": 100 * records,
            "memory": 5e6 + 50 * records / 4,
        }
        return {"read": figures | {"rounds": 1}, "release": figures | {"rounds": 1, "tasks": 1}}

    rates = fitted((10_000, taken(1.4, 10_000)), (50_000, taken(3.0, 50_000)))
    assert rates["read"] == {
        "cpu_us": 40.0,
        "task_seconds": 0.25,
        "shuffled": 8.0,
        "stored": 100.0,
        "memory": 50.0,
        "rounds": 1,
        "serial": False,
    }
    assert rates["release"]["serial"]
    assert rates["release"]["task_seconds"] == 1.0


def test_shuffled_bytes_are_seen_though_the_files_go_away(tmp_path: Path) -> None:
    folder = tmp_path / "near_dedup-0af1" / "shuffle" / "round-0"
    with watch_shuffle(tmp_path) as seen:
        folder.mkdir(parents=True)
        for number, size in ((0, 300), (1, 500)):
            (folder / f"{number}.arrow").write_bytes(b"x" * size)
            threading.Event().wait(0.3)
            (folder / f"{number}.arrow").unlink()
    assert seen == {"near_dedup": 800}


def test_tables_go_between_their_marks_and_nowhere_else() -> None:
    document = f"a\n{BEGIN.format('runs')}\nold\n{END.format('runs')}\nb\n"
    once = put(document, "runs", "| new |")
    assert "old" not in once
    assert once.startswith("a\n")
    assert once.endswith("\nb\n")
    assert put(once, "runs", "| new |") == once
    with pytest.raises(ValueError, match="end of rates"):
        put(document, "rates", "x")


def test_the_document_has_a_place_for_every_table() -> None:
    inputs = {
        "records": [1e6],
        "languages": {"largest_share": 0.6, "others": 300, "exponent": 1.0},
        "by_language": ["shard"],
        "failures": 0.01,
        "seed": 1,
        "machines": [{"name": "m", "kind": "machine", "cores": 2, "disk_gb_s": 1.0}],
    }
    document = (Path(__file__).parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")
    for name, text in {**tables(inputs, RATES), "validation": "| records |"}.items():
        assert text in put(document, name, text)
