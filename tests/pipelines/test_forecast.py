"""What a plan knows before a run: exactly where it was counted, in words where it was not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.config import parse_config
from curation.config.model import Source
from curation.errors import ConfigError
from curation.sources import list_files
from curation.sources.files import Fingerprint
from pipelines.cost import load_rates
from pipelines.forecast import (
    StageForecast,
    Venue,
    forecast_run,
    forecast_sources,
    forecast_stages,
    row_length,
    total_records,
    total_rows,
    venue_of,
)
from pipelines.store import Done, Part

HERE = Venue("local", 2)
REVISION = "0123456789abcdef0123456789abcdef01234567"


def done(stage: str, rows_in: int, rows_out: int) -> Done:
    return Done(stage, (Part("00000-of-00001.arrow", rows_in, rows_out, rows_in - rows_out),))


def file(name: str, count: int) -> Fingerprint:
    return Fingerprint(file=name, bytes=count, sha256=hashlib.sha256(name.encode()).hexdigest())


@pytest.mark.parametrize(
    ("engine", "options", "venue"),
    [
        ("datatrove", [], Venue("local", 2)),
        ("datatrove", ["--launcher", "slurm", "--workers", "50"], Venue("slurm", 50)),
        ("datatrove", ["--launcher", "ray"], Venue("ray", 2)),
        ("beam", [], Venue("DirectRunner", 1)),
        ("beam", ["--runner=direct", "--direct_num_workers=8", "--direct_running_mode=x"], Venue("DirectRunner", 8)),
        ("beam", ["--direct_num_workers", "0"], Venue("DirectRunner", None)),
        ("beam", ["--direct_num_workers", "ਦੋ"], Venue("DirectRunner", None)),
        ("beam", ["--runner", "FlinkRunner", "--parallelism", "8"], Venue("FlinkRunner", None)),
        ("beam", ["--runner", "Dataflow"], Venue("DataflowRunner", None, dataflow=True)),
    ],
)
def test_where_a_run_would_be(engine: str, options: list[str], venue: Venue) -> None:
    assert venue_of(engine, options, 2) == venue


@pytest.mark.parametrize(
    ("engine", "options"),
    [("datatrove", ["--launcher", "kubernetes"]), ("beam", ["--runner", "DaskRunner"]), ("beam", ["--runner"])],
)
def test_where_no_run_could_be(engine: str, options: list[str]) -> None:
    with pytest.raises(ConfigError):
        venue_of(engine, options, 2)


def test_a_source_is_as_many_files_and_one_digest() -> None:
    one, two = file("հայերեն.jsonl", 3_000_000), file("ქართული.jsonl", 1_000_000)
    found = forecast_sources({"one": [one], "both": [one, two], "empty": [file("leer.tsv", 0)]})
    assert found["one"].sha256 == one["sha256"]
    assert (found["both"].files, found["both"].bytes, found["both"].revision) == (2, 4_000_000, None)
    assert found["both"].sha256 not in (None, one["sha256"], two["sha256"])
    assert found["both"].records == pytest.approx(4_000_000 * 0.9 / load_rates().text_bytes, rel=1e-3)
    assert (found["empty"].bytes, found["empty"].records) == (0, 0)
    assert total_records(found) == sum(source.records or 0 for source in found.values())


def test_of_a_dataset_on_the_hub_a_revision_is_known_and_no_more() -> None:
    remote = Fingerprint(file="default/train", bytes=0, sha256=REVISION)
    found = forecast_sources({"hub": [remote], "own": [file("a.tsv", 1_000)]})
    hub = found["hub"]
    assert (hub.revision, hub.sha256, hub.bytes, hub.records) == (REVISION, None, None, None)
    assert total_records(found) is None


@pytest.mark.parametrize(
    ("texts", "length"),
    [
        ([("Wasser", "نمک"), ("Salz", "water")], (6 + 6 + 4 + 5) / 2),
        ([("เกลือ", "соль")] * 3_000, 15 + 8),
        ([], None),
        ([("", "x")], None),
    ],
)
def test_how_long_the_first_rows_are(tmp_path: Path, texts: list[tuple[str, str]], length: float | None) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("query\tpositive\n" + "".join(f"{one}\t{two}\n" for one, two in texts), encoding="utf-8")
    assert row_length(source(path), list_files(source(path), tmp_path)) == length


def test_a_file_that_cannot_be_read_has_no_length(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv.gz"
    path.write_bytes(b"no gzip at all")
    assert row_length(source(path), list_files(source(path), tmp_path)) is None


def source(path: Path) -> Source:
    text = f"name: x\nsources:\n  - {{name: a, format: tsv, path: {path.name}, licence: MIT, task: bitext}}\n"
    return parse_config(text).sources[0]


def test_rows_go_by_their_length_and_costs_by_the_text() -> None:
    short, usual = file("kurz.jsonl", 3_000_000), file("so.jsonl", 3_000_000)
    found = forecast_sources(
        {"short": [short], "usual": [usual]}, {"short": load_rates().text_bytes / 10, "usual": None}
    )
    assert found["short"].records == found["usual"].records == found["usual"].rows
    assert found["short"].rows == pytest.approx(10 * (found["usual"].rows or 0), rel=1e-3)
    assert total_rows(found) == (found["short"].rows or 0) + (found["usual"].rows or 0)
    stages = forecast_stages({"read": None, "filter": None}, total_records(found), total_rows(found))
    assert {stage.rows_in for stage in stages.values()} == {total_rows(found)}
    plain = forecast_stages({"read": None, "filter": None}, total_records(found))
    assert [stage.core_seconds for stage in stages.values()] == [stage.core_seconds for stage in plain.values()]


def test_nothing_is_finished() -> None:
    found = forecast_stages({"read": None, "filter": None, "mine": None}, 1_000_000)
    assert [(stage.rows_in, stage.rows_in_are, stage.rows_out) for stage in found.values()] == [
        (1_000_000, "estimated", None)
    ] * 3
    rate = load_rates().stages["read"]
    assert found["read"].core_seconds == pytest.approx(8 * rate.task_seconds + rate.cpu_us, rel=0.01)
    assert found["read"].stored_bytes == round(1_000_000 * rate.stored)
    assert found["filter"].shuffled_bytes == 0
    assert found["mine"].core_seconds is None


def test_what_is_finished_was_counted_and_bounds_the_rest() -> None:
    stages = {"read": done("read", 1_000, 990), "filter": done("filter", 990, 495), "split": None, "shard": None}
    found = forecast_stages(stages, 2_000)
    assert found["read"] == StageForecast(1_000, "counted", 990)
    assert found["filter"] == StageForecast(990, "counted", 495)
    assert (found["split"].rows_in, found["split"].rows_in_are) == (495, "counted")
    assert (found["shard"].rows_in, found["shard"].rows_in_are) == (495, "at most")
    # The sources held the text of 2,000 records of the measured length, in 1,000 rows, of which 495 are left.
    assert found["split"].stored_bytes == round(2_000 * 0.495 * load_rates().stages["split"].stored)


def test_rows_that_were_counted_stand_for_bytes_that_were_not() -> None:
    stages = {"read": done("read", 1_000, 1_000), "filter": None}
    assert forecast_stages({"read": None, "filter": None}, None)["filter"] == StageForecast(None, None, None)
    assert forecast_run({"read": None, "filter": None}, None, HERE) is None
    assert forecast_stages(stages, None)["filter"].stored_bytes == round(1_000 * load_rates().stages["filter"].stored)
    known, counted = (forecast_run(stages, records, HERE) for records in (1_000, None))
    assert known is not None
    assert counted is not None
    assert counted["core_hours"] == known["core_hours"]
    assert counted["cost_factor"] > known["cost_factor"]


def test_dollars_are_for_whoever_pays_google() -> None:
    stages = {"read": None, "mine": None}
    here, there = (forecast_run(stages, 10**9, venue) for venue in (HERE, Venue("DataflowRunner", None, dataflow=True)))
    assert here is not None
    assert there is not None
    assert (here["dataflow_usd"], here["prices"], here["workers"]) == (None, None, 2)
    assert (there["hours"], there["workers"]) == (None, None)
    assert there["dataflow_usd"] > 0
    assert "https://cloud.google.com/dataflow/pricing" in there["prices"]
    assert here["measured"] == load_rates().measured
    assert here["unmeasured"] == ["mine"]


def test_a_run_of_finished_stages_still_puts_the_release_together() -> None:
    finished = forecast_run({"read": done("read", 9, 9)}, 10**7, HERE)
    whole = forecast_run({"read": None}, 10**7, HERE)
    assert finished is not None
    assert whole is not None
    assert 0 < finished["core_hours"] < whole["core_hours"]


@given(st.lists(st.integers(0, 100), min_size=1, max_size=5), st.integers(0, 10_000))
def test_the_more_is_finished_the_less_is_to_do(dropped: list[int], records: int) -> None:
    names = list(load_rates().stages)[1:6][: len(dropped)]
    rows, markers = 1_000, {}
    for name, drop in zip(names, dropped, strict=True):
        markers[name] = done(name, rows, rows - drop)
        rows -= drop
    hours = []
    for finished in range(len(names) + 1):
        found = forecast_run(
            {name: markers[name] if n < finished else None for n, name in enumerate(names)}, records, HERE
        )
        assert found is not None
        hours.append(found["core_hours"])
    assert hours == sorted(hours, reverse=True)
