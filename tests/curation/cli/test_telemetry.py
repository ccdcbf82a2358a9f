"""Counters as a collector gets them: the real exporter, over HTTP, to a receiver that reads what it sends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from http_double import HttpDouble, Reply, Request, Route
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from curation.cli import telemetry
from curation.cli.events import choose
from curation.cli.main import run_command
from curation.cli.telemetry import Counters, counted, wanted
from pipelines.store import Done, Part

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
DONE = Done("filter", (Part("00000", 4, 3, 1), Part("00001", 3, 2, 1)), shuffled=300)


class Collector(HttpDouble):
    """Remembers the metrics that it was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.received: list[ExportMetricsServiceRequest] = []

    def routes(self) -> Sequence[Route]:
        return [("POST", "/v1/metrics", self._receive)]

    def _receive(self, request: Request) -> Reply:
        assert request.headers["content-type"] == "application/x-protobuf"
        self.received.append(ExportMetricsServiceRequest.FromString(request.body))
        return Reply()

    def resource(self) -> dict[str, Any]:
        return attributes(self.received[-1].resource_metrics[0].resource)

    def points(self) -> dict[tuple[str, tuple[tuple[str, Any], ...]], float]:
        """Return the last value of each counter by name and attributes."""
        (resource,) = self.received[-1].resource_metrics
        (scope,) = resource.scope_metrics
        found = {}
        for metric in scope.metrics:
            assert metric.sum.is_monotonic
            for point in metric.sum.data_points:
                which = point.WhichOneof("value")
                assert which is not None
                found[metric.name, tuple(sorted(attributes(point).items()))] = getattr(point, which)
        return found

    def total(self, name: str, **facts: Any) -> float:
        """Return the sum of the values of a counter that have these attributes."""
        points = self.points().items()
        return sum(
            value for (counter, said), value in points if counter == name and facts.items() <= dict(said).items()
        )


def attributes(holder: Any) -> dict[str, Any]:
    values = {each.key: (each.value, each.value.WhichOneof("value")) for each in holder.attributes}
    return {key: getattr(value, which) for key, (value, which) in values.items()}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector() as double:
        monkeypatch.setenv(ENDPOINT, double.url)
        yield double


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    yield
    choose(None)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "_REQUEST_SECONDS", 0.3)


def observe(counters: Counters) -> None:
    counters.finished("read", Done("read", (Part("00000", 7, 7, 0),)), reused=True)
    counters.started("filter", 2)
    counters.advanced(1, "ქართული")
    counters.finished("filter", DONE, reused=False)
    counters.line("half of it: 半分")
    counters.started("gate", 40)
    for steps in (10, 40, 40, 5, 40):
        counters.advanced(steps)
    counters.judged("pass", reused=False)


@pytest.mark.parametrize("release", ["messages", "पाठ", "نصوص", "文 本"])
def test_what_a_collector_gets(collector: Collector, release: str) -> None:
    told: list[str] = []
    with counted(release, "datatrove", told.append) as counters:
        assert counters is not None
        observe(counters)
    assert told == []
    points = collector.points()
    run = {"release": release, "engine": "datatrove"}

    def point(name: str, **facts: Any) -> tuple[str, tuple[tuple[str, Any], ...]]:
        return f"curate.{name}", tuple(sorted({**run, **facts}.items()))

    times = {stage: points.pop(point("stage.time", stage=stage, reused=False)) for stage in ("filter", "gate")}
    assert all(0 < seconds < 60 for seconds in times.values())
    found, made = {"stage": "read", "reused": True}, {"stage": "filter", "reused": False}
    assert points == {
        point("stage.rows_in", **found): 7,
        point("stage.rows_out", **found): 7,
        point("stage.rows_ledgered", **found): 0,
        point("stage.bytes_shuffled", **found): 0,
        point("stage.rows_in", **made): 7,
        point("stage.rows_out", **made): 5,
        point("stage.rows_ledgered", **made): 2,
        point("stage.bytes_shuffled", **made): 300,
        point("gate.steps"): 40 + 40,
        point("gate.verdicts", verdict="pass", reused=False): 1,
        point("runs", outcome="finished"): 1,
    }


@pytest.mark.parametrize(
    ("variables", "service"),
    [
        ({}, "curate"),
        ({"OTEL_SERVICE_NAME": "curation-nightly"}, "curation-nightly"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=データ,team=nlp"}, "データ"),
    ],
)
def test_a_service_is_called_what_the_variables_say(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], service: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with counted("a", "beam", print) as counters:
        assert counters is not None
    assert collector.resource()["service.name"] == service
    assert collector.resource()["service.version"]
    assert collector.resource().get("team") == ("nlp" if "team" in str(variables) else None)


def test_stages_that_an_engine_does_as_one_have_their_time_together(collector: Collector) -> None:
    with counted("a", "beam", print) as counters:
        assert counters is not None
        counters.started("read to shard", 8)
        time.sleep(0.2)
        for stage in ("read", "filter", "shard"):
            counters.finished(stage, DONE, reused=False)
    assert 0.2 <= collector.total("curate.stage.time") < 0.4
    assert collector.total("curate.stage.time", stage="read to shard") == collector.total("curate.stage.time")
    assert collector.total("curate.stage.rows_in") == 21


def test_counters_are_sent_while_a_run_goes_on(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "50")
    with counted("a", "datatrove", print) as counters:
        assert counters is not None
        counters.finished("filter", DONE, reused=False)
        deadline = time.monotonic() + 30
        while not collector.received and time.monotonic() < deadline:
            time.sleep(0.01)
        assert collector.total("curate.stage.rows_out", stage="filter") == 5
        assert collector.total("curate.runs") == 0
    assert collector.total("curate.runs", outcome="finished") == 1


@pytest.mark.parametrize("error", [ValueError("सूची"), KeyboardInterrupt()], ids=repr)
def test_counters_of_a_run_that_fails_are_sent(collector: Collector, error: BaseException) -> None:
    def fail() -> None:
        with counted("a", "datatrove", print) as counters:
            assert counters is not None
            counters.finished("filter", DONE, reused=False)
            raise error

    with pytest.raises(type(error)):
        fail()
    assert collector.total("curate.stage.rows_ledgered", stage="filter") == 2
    assert collector.total("curate.runs", outcome="failed") == 1


def hang(request: Request) -> Reply:
    time.sleep(5)
    return Reply()


@pytest.mark.parametrize(
    "fault", [lambda request: Reply(503), lambda request: Reply(401), hang], ids=["503", "401", "silence"]
)
def test_a_collector_in_trouble_costs_a_note_and_hardly_any_time(collector: Collector, hasty: None, fault: Any) -> None:
    collector.fault = fault
    told: list[str] = []
    begin = time.monotonic()
    with counted("a", "datatrove", told.append) as counters:
        assert counters is not None
        observe(counters)
    assert time.monotonic() - begin < 3
    (note,) = told
    assert note.startswith("counters do not reach OTEL_EXPORTER_OTLP_ENDPOINT: ")
    assert note.endswith("the run goes on")


@pytest.mark.parametrize("endpoint", ["http://user:geheim@127.0.0.1:1/?key=geheim", "127.0.0.1:1", "http://\x07/"])
def test_an_endpoint_that_nobody_can_reach_is_named_without_its_secrets(
    monkeypatch: pytest.MonkeyPatch, hasty: None, endpoint: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", endpoint)
    told: list[str] = []
    with counted("a", "datatrove", told.append) as counters:
        assert counters is not None
    (note,) = told
    assert "do not reach OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: " in note
    assert "geheim" not in note
    assert "\x07" not in note


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_METRIC_EXPORT_INTERVAL", "0"), ("OTEL_METRIC_EXPORT_INTERVAL", "-5")]
)
def test_a_variable_that_makes_no_sense_costs_a_note(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    told: list[str] = []
    with counted("a", "datatrove", told.append) as counters:
        assert counters is None
    (note,) = told
    assert note.startswith("no counters are sent: ")
    assert "OTEL_*" in note


def test_without_the_extra_there_is_a_note(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.metric_exporter", None)
    told: list[str] = []
    with counted("a", "datatrove", told.append) as counters:
        assert counters is None
    (note,) = told
    assert "pip install 'ml-embed-curation[otel]'" in note
    assert collector.received == []


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({ENDPOINT: ""}, False),
        ({ENDPOINT: "http://localhost:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://localhost:4318/v1/metrics"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318/v1/traces"}, False),
        ({ENDPOINT: "http://localhost:4318", "OTEL_SDK_DISABLED": "True"}, False),
        ({ENDPOINT: "http://localhost:4318", "OTEL_METRICS_EXPORTER": "none"}, False),
        ({ENDPOINT: "http://localhost:4318", "OTEL_METRICS_EXPORTER": "otlp"}, True),
    ],
)
def test_who_asks_for_counters(environ: dict[str, str], expected: bool) -> None:
    assert wanted(environ) is expected


def test_nothing_is_imported_where_nobody_asks() -> None:
    code = (
        "import sys\nfrom curation.cli.progress import observed\n"
        "with observed('a', 'datatrove') as progress: progress.line('x')\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


CONFIG = """\
name: messages
sources:
  - {name: django, format: gettext, path: package:django/contrib/auth/locale/*/LC_MESSAGES/django.po,
     locales: [de, hi, ja, ka, ru], licence: BSD-3-Clause, task: bitext}
identify: {enabled: false}
dedup: {near: false}
mining: {num_negatives: 1, skip_rank: 0}
training: {enabled: false}
filters: {profile: lenient, boilerplate: {max_queries: null}}
alarms: {on_alarm: ignore}
engine: {partitions: 1}
"""


@pytest.mark.slow
def test_a_run_tells_its_events_and_its_counters(
    collector: Collector, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.yml").write_text(CONFIG, encoding="utf-8")
    command = ["run", str(tmp_path / "c.yml"), "--out", str(tmp_path / "out"), "--workers", "1", "--log", "json"]
    assert run_command(command) in (0, 3)
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    for event in [event for event in events if event["event"] == "finished"]:
        for name in ("rows_in", "rows_out"):
            assert collector.total(f"curate.stage.{name}", stage=event["stage"], reused=False) == event[name]
    (verdict,) = [event for event in events if event["event"] == "verdict"]
    facts = {"verdict": verdict["verdict"], "release": "messages", "engine": "datatrove", "reused": False}
    assert collector.total("curate.gate.verdicts", **facts) == 1
    assert collector.total("curate.runs", outcome="finished") == 1
    # Of a second run everything is found; a run that is refused has failed.
    assert run_command(command) in (0, 3)
    assert collector.total("curate.stage.rows_in", reused=False) == 0
    assert collector.total("curate.stage.rows_in", stage="read", reused=True) > 100
    assert run_command([*command, "--set", "sources.0.path=none.po"]) == 2
    assert collector.total("curate.runs", outcome="failed") == 1
