"""The estimate of a plan: arithmetic on rates and prices, and honest about what it does not know."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cost import (
    RECORDS_PER_TASK,
    Prices,
    Rates,
    StageRate,
    dataflow_usd,
    estimate,
    load_prices,
    load_rates,
    price_source,
    rates_from,
    records_in,
    tasks_of,
)

PRICES = Prices(
    vcpu_hour=0.05,
    memory_gb_hour=0.004,
    disk_gb_hour=0.0001,
    shuffle_gb=0.01,
    storage_gb_month=0.02,
    memory_gb=4,
    disk_gb=10,
    machine_hour=3,
)
RATES = Rates(
    measured="here",
    text_bytes=200,
    text_in_file=2.4,
    base_memory=3e8,
    launch_seconds=2.0,
    spread=0.1,
    stages={
        "read": StageRate(cpu_us=36.0, task_seconds=0.0, shuffled=0, stored=200, memory=500),
        "near_dedup": StageRate(cpu_us=64.0, task_seconds=0.5, shuffled=150, stored=200, memory=2_000, rounds=5),
        "release": StageRate(cpu_us=1.0, task_seconds=6.0, shuffled=0, stored=0, memory=0, serial=True),
    },
)


def test_what_some_stages_take() -> None:
    found = estimate(dict.fromkeys(["read", "near_dedup", "release"], 1e6), 4, RATES, PRICES)
    together = 36 + 64 + 1e6 / RECORDS_PER_TASK * 0.5
    assert found.core_hours == pytest.approx((together + 1 + 6) / 3600)
    assert found.hours == pytest.approx((together / 4 + 7 + 6 * 2) / 3600)
    assert (found.shuffled_gb, found.stored_gb) == (pytest.approx(0.15), pytest.approx(0.4))
    worker_hour = 0.05 + 4 * 0.004 + 10 * 0.0001
    assert found.dataflow_usd == pytest.approx(together / 3600 * worker_hour + 0.15 * 0.01)
    assert found.unmeasured == ()


def test_one_worker_starts_nothing() -> None:
    assert estimate({"read": 1e6}, 1, RATES, PRICES).hours == pytest.approx(36 / 3600)


def test_a_stage_without_a_rate_is_named_and_not_guessed() -> None:
    found = estimate({"read": 1e6, "mine": 1e6}, 1, RATES, PRICES)
    assert found.unmeasured == ("mine",)
    assert found.core_hours == estimate({"read": 1e6}, 1, RATES, PRICES).core_hours


def test_each_stage_costs_what_enters_it() -> None:
    found = estimate({"read": 1e6, "near_dedup": 5e5}, 1, RATES, PRICES)
    alone = [estimate({name: rows}, 1, RATES, PRICES) for name, rows in (("read", 1e6), ("near_dedup", 5e5))]
    for figure in ("core_hours", "shuffled_gb", "stored_gb", "dataflow_usd"):
        assert getattr(found, figure) == pytest.approx(sum(getattr(each, figure) for each in alone))


@given(st.floats(1, 1e10), st.floats(1, 1e10), st.integers(1, 1_000))
def test_more_records_take_more_of_everything(few: float, more: float, workers: int) -> None:
    small, large = (estimate(dict.fromkeys(RATES.stages, n), workers, RATES, PRICES) for n in (few, few + more))
    for name in ("core_hours", "hours", "shuffled_gb", "stored_gb", "dataflow_usd"):
        assert getattr(large, name) >= getattr(small, name) > 0


@pytest.mark.parametrize(
    ("records", "serial", "tasks"),
    [(1, False, 1), (RECORDS_PER_TASK * 1.4, False, 1), (RECORDS_PER_TASK * 10, False, 10), (1e9, True, 1)],
)
def test_tasks(records: float, serial: bool, tasks: int) -> None:
    assert tasks_of(records, StageRate(1, 0, 0, 0, 0, serial=serial)) == tasks


@pytest.mark.parametrize(
    ("inputs", "records"),
    [
        ([("a.jsonl", 2_000)], 0.9 * 2_000 / 200),
        ([("a.parquet", 2_000)], 2.4 * 2_000 / 200),
        ([("a.JSONL.GZ", 2_000), ("b.tsv", 1_000)], (2.4 * 2_000 + 0.9 * 1_000) / 200),
        ([("parquet", 2_000)], 0.9 * 2_000 / 200),
        ([], None),
        ([("a.jsonl", 2_000), ("hub", 0)], None),
    ],
)
def test_records_in_files(inputs: list[tuple[str, int]], records: float | None) -> None:
    found = records_in(inputs, RATES)
    assert found == (None if records is None else pytest.approx(records))


def test_what_is_installed_is_whole_and_has_sources() -> None:
    rates, prices = load_rates(), load_prices()
    assert {"read", "identify", "near_dedup", "shard"} <= set(rates.stages)
    assert all(rate.cpu_us >= 0 and rate.rounds >= 1 for rate in rates.stages.values())
    assert [name for name, rate in rates.stages.items() if rate.serial] == ["plan", "release"]
    assert 0.05 < prices.worker_hour() < 0.1
    said = json.loads(files("pipelines").joinpath("prices.json").read_text(encoding="utf-8"))
    named = {name.strip() for names in said["sources"] for name in names.split(",")}
    assert named == set(said["prices"])
    assert price_source().startswith("us-central1, https://cloud.google.com/dataflow/pricing")
    assert re.search(r"20\d\d-\d\d-\d\d", price_source())


def test_a_figure_that_is_missing_or_unknown_is_an_error() -> None:
    figures = {
        "measured": "here",
        "text_bytes": 1,
        "text_in_file": 1,
        "base_memory": 1,
        "launch_seconds": 0,
        "spread": 0,
    }
    with pytest.raises(KeyError, match="spread"):
        rates_from({name: value for name, value in figures.items() if name != "spread"} | {"stages": {}})
    with pytest.raises(TypeError, match="cpu_ms"):
        rates_from(figures | {"stages": {"read": {"cpu_ms": 1}}})


def test_dollars_are_for_time_and_bytes() -> None:
    assert dataflow_usd(3600, 0, PRICES) == pytest.approx(PRICES.worker_hour())
    assert dataflow_usd(0, 100e9, PRICES) == pytest.approx(1.0)
