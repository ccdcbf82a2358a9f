"""Running a pipeline with the runner of its options, and saying in one paragraph how that ended."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

from curation.errors import ConfigError, CurationError
from pipelines.runners.google import explain
from pipelines.runners.options import runner_of

_LOG = logging.getLogger(__name__)
_WHY_LINES, _WHY_CHARS = 12, 1_500
_CONSOLE = "https://console.cloud.google.com/dataflow/jobs/{region}/{job}?project={project}"


def new_pipeline(options: PipelineOptions) -> beam.Pipeline:
    """Return an empty pipeline for the runner of the options.

    Raises:
        ConfigError: if Beam finds that options contradict each other.
    """
    runner = runner_of(options)
    try:
        return beam.Pipeline(
            runner=_local_runner(options) if runner.family == "local" else runner.name, options=options
        )
    except ValueError as error:
        raise ConfigError("Beam refuses the options", where="after `--`", why=str(error)) from error


def run_pipeline(pipeline: beam.Pipeline) -> None:
    """Run a pipeline to its end; a Dataflow job is cancelled if the wait for it is interrupted.

    Raises:
        CurationError: if it fails, with the job and where to look at it.
        AuthError: if a service does not allow it.
    """
    family = runner_of(pipeline.options).family
    if family == "local":
        pipeline.run().wait_until_finish()
        return
    # What these log on the way to an error, the error says.
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL + 1)
    try:
        result = pipeline.run()
    except Exception as error:
        raise _not_started(error, family) from error
    if family == "dataflow":
        _wait_for_dataflow(pipeline.options, result)
    else:
        _wait_for_portable(result)


def _local_runner(options: PipelineOptions) -> beam.runners.PipelineRunner:
    """Return the runner that DirectRunner runs batches with.

    DirectRunner of Beam 2.77 itself first tries PrismRunner, a program that it downloads from the network.
    """
    from apache_beam.portability.api import beam_provision_api_pb2
    from apache_beam.runners.portability.fn_api_runner import fn_runner
    from apache_beam.runners.portability.portable_runner import JobServiceHandle

    encoded = JobServiceHandle.encode_pipeline_options(options.get_all_options())
    provision = fn_runner.ExtendedProvisionInfo(beam_provision_api_pb2.ProvisionInfo(pipeline_options=encoded))
    return fn_runner.FnApiRunner(provision_info=provision)


def _not_started(error: Exception, family: str) -> Exception:
    if isinstance(error, CurationError):
        return error
    if family == "dataflow":
        found = explain(error)
        return found or CurationError("The Dataflow job was not started", why=_end_of(_named(error)))
    hint = "check --job_endpoint, and that the job service runs"
    return CurationError("The job service did not take the pipeline", why=_end_of(_named(error)), hint=hint)


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _wait_for_dataflow(options: PipelineOptions, result: Any) -> None:
    cloud = options.view_as(GoogleCloudOptions)
    job = result.job_id()
    console = _CONSOLE.format(region=cloud.region, job=job, project=cloud.project)
    _LOG.warning("Dataflow job %s: %s", job, console)
    try:
        result.wait_until_finish()
    except KeyboardInterrupt:
        with suppress(Exception):
            result.cancel()
        raise
    except Exception as error:
        if found := explain(error):
            raise found from error
        raise _ended(job, console, str(result.state), str(error)) from error


def _ended(job: str, console: str, state: str, message: str) -> CurationError:
    """Return the error for a job that ended otherwise than well.

    Args:
        job: its id.
        console: its page.
        state: Beam's name of the state.
        message: what Beam says: a line, then what the job said last, mostly a traceback of a worker.
    """
    end = {"CANCELLED": "was cancelled", "FAILED": "failed"}.get(state, f"ended as {state}")
    said = message.partition("Error:\n")[2]
    why = "" if said in ("", "None") else _end_of(said)
    hint = "look at the job's page; the same command again finds the finished stages and goes on from there"
    return CurationError(f"The Dataflow job {job} {end}", where=console, why=why, hint=hint)


def _wait_for_portable(result: Any) -> None:
    try:
        result.wait_until_finish()
    except KeyboardInterrupt:
        with suppress(Exception):
            result.cancel()
        raise
    except Exception as error:
        hint = "look at the runner's log; the same command again finds the finished stages and goes on from there"
        raise CurationError("The pipeline failed on its runner", why=_end_of(str(error)), hint=hint) from error


def _end_of(text: str) -> str:
    """Return the end of a message, where a traceback has its reason."""
    lines = [line for line in text.splitlines() if line.strip()][-_WHY_LINES:]
    return "\n       ".join(lines)[-_WHY_CHARS:]
