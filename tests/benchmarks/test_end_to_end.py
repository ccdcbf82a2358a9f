"""The comparison is fair to the other side: the best of its rates counts."""

from __future__ import annotations

import time

import pytest

from benchmarks.end_to_end import Measured, report, table
from benchmarks.stage_clock import StageClock
from pipelines.store import Done, Part

OURS = Measured(100_000, 95_000, {"read": (1.0, 2.0), "shard": (1.5, 1.5)}, 800)
FLOOR = Measured(100_000, 150_000, {"fastText": (0.5, 0.5)}, 100)


def peer(records: int, seconds: float) -> Measured:
    return Measured(records, records, {"all": (seconds, seconds)}, 400)


def test_rates_are_of_processor_time() -> None:
    assert (OURS.cpu, OURS.wall, OURS.rate) == (2.5, 3.5, 40_000)


def test_the_best_rate_of_the_peer_counts_that_between_two_sizes_included() -> None:
    # 10 s to start and 1 ms a pair: a thousand a second, if there were enough pairs.
    said = report(OURS, FLOOR, [peer(10_000, 20.0), peer(40_000, 50.0)])
    assert "500 (10,000 pairs), 800 (40,000 pairs), 1,000 (from 10,000 to 40,000)" in said
    assert "ratio to the best of these: 40.0; goal 20: reached" in said
    assert "5.00 times the floor" in said
    assert "goal 25,000: reached" in said


def test_a_goal_that_is_missed_is_said_to_be() -> None:
    assert "ratio to the best of these: 8.0; goal 20: MISSED" in report(OURS, FLOOR, [peer(10_000, 2.0)])


def test_the_table_names_every_stage() -> None:
    lines = table("ours", OURS).splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["read", "shard", "all"]
    assert lines[4].split()[1:] == ["2.50", "3.50", "25.0"]


def test_the_clock_books_all_time_and_refuses_what_was_not_done() -> None:
    clock, done = StageClock(), Done("read", (Part("0", 5, 4, 1), Part("1", 3, 3, 0)))
    clock.start()
    time.sleep(0.05)
    clock.started("read", 2)
    clock.finished("read", done, reused=False)
    assert list(clock.seconds) == ["plan", "read"]
    assert clock.seconds["plan"][1] >= 0.05 > clock.seconds["plan"][0]
    assert (clock.rows["read"], clock.parts["read"], clock.rows_out) == ((8, 7), 2, 7)
    with pytest.raises(RuntimeError, match="found finished"):
        clock.finished("read", done, reused=True)
