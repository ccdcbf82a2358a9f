"""Beam's options as they stand on our command line: read strictly, completed, and checked for each runner.

Beam drops what it does not know without a word, so that a misspelt option would only be noticed by what a run costs.
"""

from __future__ import annotations

import argparse
import difflib
import logging
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal, NoReturn

from apache_beam.options.pipeline_options import (
    DebugOptions,
    FlinkRunnerOptions,
    GoogleCloudOptions,
    PipelineOptions,
    PortableOptions,
    SparkRunnerOptions,
    StandardOptions,
    WorkerOptions,
)

from curation.errors import ConfigError
from pipelines.runners.hints import hints_of, set_worker_memory
from pipelines.runners.table import Runner, find_runner

# One process of Python a core is what Dataflow starts by itself. Our steps are compiled code that fills a core, and
# hold a partition in memory: a second thread would double the memory of a worker and compute nothing sooner.
_DATAFLOW_THREADS = 1

_ON_GOOGLE_STORAGE = re.compile(r"gs://[a-z0-9][-_a-z0-9.]+[a-z0-9]/[^\r\n]+")

# Beam would upload the launcher's `pip freeze`, with the paths of this machine, for workers to compare.
_NO_FREEZE = "disable_logging_submission_environment"

_STEERED: Mapping[str, str] = MappingProxyType(
    {
        "--dry_run": "nothing would be run, and the run would look for results: `curate plan` shows what would be done",
        "--on_success_matcher": "it is for tests of Beam itself, and unpickles what it is given",
        "--output_executable_path": "it writes a program in place of running anything",
        "--save_main_session": "it pickles the launching program; the workers import the installed packages",
        "--streaming": "a run is a batch: it ends",
        "--template_location": "classic templates freeze a pipeline; deploy/dataflow holds a Flex Template",
        "--transform_name_mapping": "it is for streams that are updated",
        "--update": "it replaces a stream; a run that is started again finds its finished stages by itself",
        "--wait_until_finish_duration": "a run that is not waited for to its end has no release",
    }
)
"""Options of Beam that would break a run, and what to do instead."""

# Options that Flink's and Spark's job servers, which are Java, understand beside those of Beam's Python classes.
_OF_JOB_SERVERS = (
    "--batch_interval_millis",
    "--bundle_size",
    "--cache_disabled",
    "--checkpoint_dir",
    "--disable_metrics",
    "--enable_spark_metric_sinks",
    "--execution_mode_for_batch",
    "--execution_retry_delay",
    "--faster_copy",
    "--file_input_split_max_size_m_b",
    "--flink_conf_dir",
    "--job_check_interval_in_secs",
    "--max_bundle_size",
    "--max_bundle_time_mills",
    "--number_of_execution_retries",
    "--object_reuse",
    "--operator_chaining",
    "--re_iterable_group_by_key_result",
    "--storage_level",
    "--use_data_stream_for_batch",
)


class CurationOptions(PipelineOptions):  # type: ignore[misc]
    """Options after `--` that are ours: where files lie, which only whoever starts a run knows."""

    @classmethod
    def _add_argparse_args(cls, parser: Any) -> None:
        parser.add_argument(
            "--shared_filesystem",
            action="store_true",
            help="Local paths are on a file system that all workers share (Flink, Spark).",
        )
        parser.add_argument(
            "--languages_in_image",
            action="store_true",
            help="The workers' container holds the language files that CURATION_LANGUAGES names, and names them too.",
        )


def beam_options(arguments: Sequence[str]) -> PipelineOptions:
    """Return Beam's options for a command line, with a runner and what the runner needs.

    Raises:
        ConfigError: for an unknown option, a runner that is refused, or an option that the runner lacks.
    """
    logging.getLogger("apache_beam").setLevel(logging.ERROR)
    _check_known(arguments)
    options = PipelineOptions(list(arguments), save_main_session=False)
    runner = find_runner(options.view_as(StandardOptions).runner)
    options.view_as(StandardOptions).runner = runner.name
    _NEEDS[runner.family](options, runner)
    set_worker_memory(options)
    hints_of(options)
    return options


def runner_of(options: PipelineOptions) -> Runner:
    """Return the runner of options that `beam_options` made."""
    return find_runner(options.view_as(StandardOptions).runner)


def where_workers_are(options: PipelineOptions) -> Literal["here", "elsewhere", "sharing"]:
    """Return where the steps run: on this machine, on others, or on others that share its file system."""
    runner = runner_of(options)
    if runner.family == "local" or (runner.family == "portable" and environment_type(options) == "LOOPBACK"):
        return "here"
    sharing = runner.family == "portable" and options.view_as(CurationOptions).shared_filesystem
    return "sharing" if sharing else "elsewhere"


def environment_type(options: PipelineOptions) -> str:
    """Return what the workers of a portable runner are: what `--environment_type` says, or else what Beam takes."""
    declared = options.view_as(PortableOptions).environment_type
    if declared:
        return str(declared).upper()
    runner = options.view_as(StandardOptions).runner
    flink, spark = options.view_as(FlinkRunnerOptions).flink_master, options.view_as(SparkRunnerOptions)
    local = {
        "FlinkRunner": flink in ("[local]", "[auto]"),
        "SparkRunner": str(spark.spark_master_url).startswith("local"),
    }
    return "LOOPBACK" if local.get(runner) else "DOCKER"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError("Beam's options cannot be read", where="the command line, after `--`", why=message)


def _check_known(arguments: Sequence[str]) -> None:
    parser = _Parser(allow_abbrev=False, add_help=False)
    # A class that is loaded twice, as some are in tests, stands there twice.
    for options in {str(each): each for each in PipelineOptions.__subclasses__()}.values():
        options._add_argparse_args(parser)
    known = [name for action in parser._actions for name in action.option_strings] + list(_OF_JOB_SERVERS)
    for argument in arguments:
        if (name := argument.partition("=")[0]) in _STEERED:
            raise ConfigError(f"The option {name} cannot be used", why=_STEERED[name], hint="leave it out")
    for name in _OF_JOB_SERVERS:
        parser.add_argument(name, nargs="?")
    _, unknown = parser.parse_known_args(list(arguments))
    if unknown:
        raise _unknown(unknown, known)


def _unknown(unknown: Sequence[str], known: Sequence[str]) -> ConfigError:
    named = next((argument for argument in unknown if argument.startswith("-")), None)
    if named is None:
        why = "it belongs to no option"
        return ConfigError(
            f"{unknown[0]!r} is a value too many", where="after `--`", why=why, hint="see docs/running.md"
        )
    name = named.partition("=")[0]
    near = difflib.get_close_matches(name, known, n=1) or difflib.get_close_matches(f"-{name}", known, n=1)
    hint = f"did you mean {near[0]}?" if near else "see docs/running.md for the options of each runner"
    why = "neither Beam nor this program has it, and Beam would ignore it without a word"
    return ConfigError(f"The option {name} is not known", where="after `--`", why=why, hint=hint)


def _needs_nothing(options: PipelineOptions, runner: Runner) -> None:
    """Beam's local runner works with its defaults."""


def _complete_dataflow(options: PipelineOptions, runner: Runner) -> None:
    cloud, worker = options.view_as(GoogleCloudOptions), options.view_as(WorkerOptions)
    _need(runner, "--project", cloud.project, "the project that pays for the workers")
    _need(runner, "--region", cloud.region, "the region of the workers, best the one of the bucket")
    _need(runner, "--temp_location", cloud.temp_location, "a folder for Dataflow's own files: gs://BUCKET/tmp")
    # Beam makes a bucket of its own, in the user's project, where it does not like the name of the one that is given.
    cloud.staging_location = cloud.staging_location or cloud.temp_location
    for name in ("temp_location", "staging_location"):
        value = getattr(cloud, name)
        if not _ON_GOOGLE_STORAGE.fullmatch(value):
            why = f"{value!r} is not a folder on Google Cloud Storage"
            raise ConfigError("Dataflow cannot use this folder", f"--{name}", why, f"give --{name} gs://BUCKET/FOLDER")
    image = worker.sdk_container_image or worker.worker_harness_container_image
    _need(runner, "--sdk_container_image", image, "a container that holds this program, see deploy/dataflow/Dockerfile")
    debug = options.view_as(DebugOptions)
    debug.add_experiment(_NO_FREEZE)
    debug.number_of_worker_harness_threads = debug.number_of_worker_harness_threads or _DATAFLOW_THREADS
    # Beam's own default holds the name of the user.
    cloud.job_name = cloud.job_name or f"curate-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def _complete_portable(options: PipelineOptions, runner: Runner) -> None:
    portable = options.view_as(PortableOptions)
    if runner.name == "PortableRunner":
        _need(runner, "--job_endpoint", portable.job_endpoint, "the address of a job service: localhost:8099")
    if environment_type(options) == "DOCKER":
        image = portable.environment_config or portable.lookup_environment_option("docker_container_image")
        about = "a container that holds this program, see deploy/dataflow/Dockerfile"
        _need(runner, "--environment_config", image, about)
    options.view_as(GoogleCloudOptions).job_name = options.view_as(GoogleCloudOptions).job_name or "curate"


def _need(runner: Runner, name: str, value: object, about: str) -> None:
    if not value:
        raise ConfigError(f"{runner.name} needs {name}", where="after `--`", why="it is not given", hint=f"add {about}")


_NEEDS: Mapping[str, Callable[[PipelineOptions, Runner], None]] = {
    "local": _needs_nothing,
    "portable": _complete_portable,
    "dataflow": _complete_dataflow,
}
