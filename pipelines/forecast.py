"""What a plan says of its sources and stages: counted where work is finished, estimated where it is not."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow.compute as pc

from curation.config.model import Source
from curation.errors import ConfigError, CurationError
from curation.sources import SourceFile, read_file
from curation.sources.files import HUB_SCHEME, Fingerprint, combined_digest
from pipelines.cost import (
    RECORDS_FACTOR,
    TEXT_FACTOR,
    Rates,
    cpu_seconds,
    estimate,
    load_prices,
    load_rates,
    price_source,
    records_in,
)
from pipelines.launch.options import launch_options
from pipelines.runners.table import find_runner
from pipelines.store import Done

# Of hexadecimal digits: a dataset on the Hub has a revision in place of a digest, and bytes that nobody has counted.
_SHA256 = 64
# Rows of a source's first file that say how long its rows are.
_SAMPLE = 1_000

Known = Literal["counted", "at most", "estimated"]
"""How a number of rows is known: by counting, as the most that can be left of what was counted, or from bytes."""


@dataclass(frozen=True, slots=True)
class Venue:
    """Where stages would run, as far as an estimate depends on it.

    Attributes:
        name: of the launcher or the runner.
        workers: processes at a time; None where a service decides.
        dataflow: whether Google is paid for it.
    """

    name: str
    workers: int | None
    dataflow: bool = False


@dataclass(frozen=True, slots=True)
class SourceForecast:
    """What is known of a source before it is read.

    Attributes:
        files: its files.
        bytes: their size as stored; None where it is known only when they are read.
        sha256: one digest for all of them, see `combined_digest`; None for a dataset on the Hub.
        revision: commit of a dataset on the Hub, None elsewhere.
        records: about how many records of the measured length there are; None if nobody knows.
        rows: about how many rows there are, of the length that the first ones have; likewise.
    """

    files: int
    bytes: int | None
    sha256: str | None
    revision: str | None
    records: int | None
    rows: int | None


@dataclass(frozen=True, slots=True)
class StageForecast:
    """What is known of a stage.

    Attributes:
        rows_in: rows that enter it, None if nobody knows.
        rows_in_are: how they are known.
        rows_out: records that it has let go on; None before it is finished.
        core_seconds: processor time that it takes; None where it is finished, or has no measured rate.
        shuffled_bytes: bytes that its tasks exchange; likewise.
        stored_bytes: bytes of its results; likewise.
    """

    rows_in: int | None
    rows_in_are: Known | None
    rows_out: int | None
    core_seconds: float | None = None
    shuffled_bytes: int | None = None
    stored_bytes: int | None = None


def venue_of(engine: str, options: Sequence[str], workers: int) -> Venue:
    """Return where the stages would run.

    Args:
        engine: `datatrove` or `beam`.
        options: what follows `--` on the command line.
        workers: the command line's `--workers`.

    Raises:
        ConfigError: for a launcher's option that cannot be used, or a runner that is unknown or refused.
    """
    if engine == "datatrove":
        launched = launch_options(options, workers)
        return Venue(type(launched).__name__.removesuffix("Options").lower(), launched.workers)
    # Beam's own parser takes seconds to import, and a plan must do without Beam.
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--runner")
    parser.add_argument("--direct_num_workers", default="1")
    try:
        found, _ = parser.parse_known_args(list(options))
    except argparse.ArgumentError as error:
        raise ConfigError("An option after `--` cannot be used", why=str(error), hint="see docs/running.md") from error
    runner = find_runner(found.runner)
    if runner.family != "local":
        return Venue(runner.name, None, dataflow=runner.family == "dataflow")
    # Beam takes 0 for as many as there are cores.
    number = found.direct_num_workers
    return Venue(runner.name, int(number) if number.isascii() and number.isdigit() and int(number) else None)


def forecast_sources(
    inputs: Mapping[str, Sequence[Fingerprint]], lengths: Mapping[str, float | None] | None = None
) -> dict[str, SourceForecast]:
    """Return what is known of each source, by its name.

    Args:
        inputs: the files of each, with bytes and digests.
        lengths: bytes of text of a row of each, as `row_length` gives them; where they are not known, a row is taken
            to be a record of the measured length.
    """
    return {name: _source(files, (lengths or {}).get(name), load_rates()) for name, files in inputs.items()}


def row_length(source: Source, files: Sequence[SourceFile]) -> float | None:
    """Return the mean bytes of text of the first thousand rows of a source, None where that cannot be told.

    Args:
        source: the source.
        files: its files; the first one is read. A dataset on the Hub is not fetched for it.
    """
    if not files or files[0].path.startswith(HUB_SCHEME):
        return None
    try:
        batch = next(read_file(source, files[0], batch_rows=_SAMPLE), None)
    except CurationError:
        # The run says what is wrong with the file; the plan then says less.
        return None
    if batch is None or not batch.rows.num_rows:
        return None
    texts = (pc.sum(pc.binary_length(batch.rows.column(side))).as_py() for side in ("query", "positive"))
    return float(sum(texts) / batch.rows.num_rows)


def _source(files: Sequence[Fingerprint], length: float | None, rates: Rates) -> SourceForecast:
    remote = [file for file in files if len(file["sha256"]) != _SHA256]
    if remote:
        revision = remote[0]["sha256"] if len(files) == 1 else None
        return SourceForecast(len(files), None, None, revision, None, None)
    # An empty file is known to hold nothing.
    sizes = [(file["file"], file["bytes"]) for file in files if file["bytes"]]
    records = records_in(sizes, rates) or 0.0
    rows = records * rates.text_bytes / length if length else records
    total = sum(file["bytes"] for file in files)
    return SourceForecast(len(files), total, combined_digest(files), None, round(records), round(rows))


def total_records(sources: Mapping[str, SourceForecast]) -> int | None:
    """Return about how many records of the measured length there are in all sources, None if nobody knows."""
    return _total([source.records for source in sources.values()])


def total_rows(sources: Mapping[str, SourceForecast]) -> int | None:
    """Return about how many rows there are in all sources, None if nobody knows."""
    return _total([source.rows for source in sources.values()])


def _total(numbers: Sequence[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None


def forecast_stages(
    stages: Mapping[str, Done | None], records: int | None, rows: int | None = None
) -> dict[str, StageForecast]:
    """Return what is known of each stage, by its name.

    A stage lets go on no more rows than enter it, so that what the last finished one has let go on is the most that
    any later one gets.

    Args:
        stages: the stages in order; of those that are finished, what their markers say.
        records: records of the measured length in the sources, None if nobody knows.
        rows: rows in the sources, where that is known to be another number.
    """
    return {step.name: _stage(step, load_rates()) for step in _steps(stages, records, rows)}


def forecast_run(stages: Mapping[str, Done | None], records: int | None, venue: Venue) -> dict[str, Any] | None:
    """Return what is to do takes altogether, as JSON values; None if nobody knows.

    Args:
        stages: as of `forecast_stages`.
        records: as of `forecast_stages`.
        venue: where they run.
    """
    rates, prices = load_rates(), load_prices()
    # What is done in every run, and is no stage.
    every = {name: None for name, rate in rates.stages.items() if rate.serial}
    works = {step.name: step.work for step in _steps({**stages, **every}, records) if step.done is None}
    known = {name: work for name, work in works.items() if work is not None}
    if len(known) < len(works):
        return None
    found = estimate(known, venue.workers or 1, rates, prices)
    return {
        "records": records,
        "records_factor": RECORDS_FACTOR,
        "core_hours": round(found.core_hours, 4),
        "hours": None if venue.workers is None else round(found.hours, 4),
        "workers": venue.workers,
        "shuffled_gb": round(found.shuffled_gb, 6),
        "stored_gb": round(found.stored_gb, 6),
        "dataflow_usd": round(found.dataflow_usd, 4) if venue.dataflow else None,
        # Rows that were counted, of sources whose bytes were not, may be of any length.
        "cost_factor": RECORDS_FACTOR if records is None else TEXT_FACTOR,
        "unmeasured": list(found.unmeasured),
        "measured": rates.measured,
        "prices": price_source() if venue.dataflow else None,
    }


@dataclass(frozen=True, slots=True)
class _Step:
    """A stage, with what enters it.

    Attributes:
        name: its name.
        done: what its marker says, None before it is finished.
        rows: rows that enter it.
        known: how they are known.
        work: the same as records of the measured length, which is what costs go by.
    """

    name: str
    done: Done | None
    rows: int | None
    known: Known | None
    work: float | None


def _steps(stages: Mapping[str, Done | None], records: int | None, rows: int | None = None) -> Iterator[_Step]:
    read = records if rows is None else rows
    first = last = above = None
    for name, done in stages.items():
        if done is not None:
            yield _Step(name, done, done.rows_in, "counted", None)
            first, last = first or done, done
        elif last is None or first is None:
            yield _Step(name, None, read, None if read is None else "estimated", records)
        else:
            share = last.rows_out / first.rows_in if first.rows_in else 1.0
            work = float(last.rows_out) if records is None else records * share
            yield _Step(name, None, last.rows_out, "counted" if above else "at most", work)
        above = done


def _stage(step: _Step, rates: Rates) -> StageForecast:
    rate = rates.stages.get(step.name)
    if step.done is not None or rate is None or step.work is None:
        return StageForecast(step.rows, step.known, step.done.rows_out if step.done else None)
    shuffled, stored = step.work * rate.shuffled, step.work * rate.stored
    seconds = cpu_seconds(step.work, rate)
    return StageForecast(step.rows, step.known, None, round(seconds, 2), round(shuffled), round(stored))
