"""Counters of a run for OpenTelemetry, where its variables name an endpoint; otherwise nothing is imported or sent.

They are sent by HTTP while the run goes on and at its end, however it ends. An endpoint that is not there costs a note.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import curation
from curation.cli.output import plain

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter
    from opentelemetry.sdk.metrics import MeterProvider

    from pipelines.store import Done

Tell = Callable[[str], None]

ENDPOINTS = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
# A run's end waits for twice this at most: for the request that is under way, and for the last one.
_REQUEST_SECONDS = 3.0
_SHOWN_CHARS = 200
# Names of users and passwords, and parameters, that a URL may hold.
_SECRETS = re.compile(r"(?<=//)[^/@\s]*@|\?[^\s'\")]*")
_OUTCOMES: Mapping[bool, str] = MappingProxyType({True: "finished", False: "failed"})


class Counters:
    """Observes a run, and counts.

    Args:
        meter: where the counters are made.
        release: name of the release.
        engine: name of the engine.
    """

    def __init__(self, meter: Meter, release: str, engine: str) -> None:
        self._facts: dict[str, str | bool] = {"release": release, "engine": engine}
        self._rows_in = meter.create_counter("curate.stage.rows_in", "{row}", "Rows that entered a stage")
        self._rows_out = meter.create_counter("curate.stage.rows_out", "{row}", "Records that a stage let go on")
        self._ledgered = meter.create_counter("curate.stage.rows_ledgered", "{row}", "Ledger rows of a stage")
        self._shuffled = meter.create_counter("curate.stage.bytes_shuffled", "By", "Bytes that partitions exchanged")
        self._time = meter.create_counter("curate.stage.time", "s", "Seconds of a stage, or of several done as one")
        self._steps = meter.create_counter("curate.gate.steps", "{step}", "Steps that the gate has trained")
        self._verdicts = meter.create_counter("curate.gate.verdicts", "{verdict}", "Verdicts of the gate")
        self._runs = meter.create_counter("curate.runs", "{run}", "Runs that have ended")
        self._stage, self._parts, self._since = "", 0, time.monotonic()

    def started(self, stage: str, parts_total: int) -> None:
        """Begin a stage of so many parts or steps."""
        self._stage, self._parts, self._since = stage, 0, time.monotonic()

    def advanced(self, parts: int, note: str = "") -> None:
        """Count the steps of the gate, which begin anew for each of its models."""
        if self._stage == "gate":
            self._steps.add(parts - self._parts if parts >= self._parts else parts, self._facts)
            self._parts = parts

    def finished(self, stage: str, done: Done, *, reused: bool) -> None:
        """Count the rows of a stage of the graph."""
        facts = self._facts | {"stage": stage, "reused": reused}
        self._rows_in.add(done.rows_in, facts)
        self._rows_out.add(done.rows_out, facts)
        self._ledgered.add(done.ledgered, facts)
        self._shuffled.add(done.shuffled, facts)
        if not reused:
            self._count_time()

    def judged(self, verdict: str, *, reused: bool) -> None:
        """Count the verdict."""
        self._verdicts.add(1, self._facts | {"verdict": verdict, "reused": reused})
        if not reused:
            self._count_time()

    def line(self, text: str) -> None:
        """Words are for people."""

    def ended(self, *, well: bool) -> None:
        """Count the run."""
        self._runs.add(1, self._facts | {"outcome": _OUTCOMES[well]})

    def _count_time(self) -> None:
        """Count the time since the last time: stages that an engine does as one end together and share it."""
        now = time.monotonic()
        facts = self._facts | {"stage": self._stage, "reused": False}
        self._time.add(now - self._since, facts)
        self._since = now


@contextlib.contextmanager
def counted(release: str, engine: str, tell: Tell) -> Iterator[Counters | None]:
    """Give what counts a run, for as long as the block runs, and send the counters; None where nobody asked for it.

    Args:
        release: name of the release.
        engine: name of the engine.
        tell: is called with a note if counters cannot be sent; never is an error raised for that.
    """
    provider = _provider(tell) if wanted(os.environ) else None
    if provider is None:
        yield None
        return
    counters = Counters(provider.get_meter("curate", curation.__version__), release, engine)
    well = False
    try:
        yield counters
        well = True
    finally:
        counters.ended(well=well)
        # The reader sends what there is, waits for the answer, and raises if none comes; its log has told.
        with contextlib.suppress(Exception):
            provider.shutdown(timeout_millis=2_000 * _REQUEST_SECONDS)


def wanted(environ: Mapping[str, str]) -> bool:
    """Return whether the variables of OpenTelemetry ask for counters: an endpoint is named, and nothing turned off."""
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_METRICS_EXPORTER") == "none"
    return not off and any(environ.get(name) for name in ENDPOINTS)


def _provider(tell: Tell) -> MeterProvider | None:
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    except ImportError as error:
        tell(f"no counters are sent: {plain(str(error))}; pip install 'ml-embed-curation[otel]'")
        return None
    _pass_on_complaints(tell)
    try:
        ours = Resource.create({"service.name": "curate", "service.version": curation.__version__})
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(timeout=_REQUEST_SECONDS))
        return MeterProvider([reader], ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
    except Exception as error:
        # Each variable of OpenTelemetry has errors of its own, and none is worth a run.
        tell(f"no counters are sent: {_shown(str(error))}; correct the variables OTEL_*")
        return None


class _Complaints(logging.Handler):
    """Tells the first error of a library's log: what it has to say later is the same."""

    def __init__(self, tell: Tell) -> None:
        super().__init__(logging.ERROR)
        self._tell: Tell | None = tell

    def emit(self, record: logging.LogRecord) -> None:
        tell, self._tell = self._tell, None
        if tell is not None:
            why = _shown(record.getMessage()).rstrip(".")
            tell(f"counters do not reach {_endpoint()}: {why}; the run goes on")


def _pass_on_complaints(tell: Tell) -> None:
    # It logs from a thread of its own, whenever it likes, and stderr is for events or for the progress of the run.
    logger = logging.getLogger("opentelemetry")
    logger.propagate = False
    logger.handlers[:] = [_Complaints(tell)]


def _endpoint() -> str:
    """Return the variable that names the endpoint: its value may hold a password."""
    return next((name for name in ENDPOINTS if os.environ.get(name)), ENDPOINTS[-1])


def _shown(text: str) -> str:
    return plain(_SECRETS.sub("", text))[:_SHOWN_CHARS]
