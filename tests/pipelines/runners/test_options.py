from __future__ import annotations

import re

import pytest
from apache_beam.options.pipeline_options import DebugOptions, GoogleCloudOptions, StandardOptions
from apache_beam.runners.portability import prism_runner
from toys import Silent, toy_graph

from curation.cli.main import run_command
from curation.errors import ConfigError
from pipelines.beam import BeamEngine
from pipelines.runners.options import beam_options, environment_type, runner_of, where_workers_are
from pipelines.runners.submit import new_pipeline
from pipelines.store import Store

DATAFLOW = ("--runner=DataflowRunner", "--project=p-1", "--region=europe-west1", "--temp_location=gs://bucket/tmp")
IMAGE = ("--sdk_container_image=europe-docker.pkg.dev/p-1/c/worker:1",)
JOB_SERVICE = ("--runner=PortableRunner", "--job_endpoint=localhost:8099")

UNKNOWN = {
    "letters swapped": (("--runer=DataflowRunner",), "--runer", "did you mean --runner?"),
    "value apart": (("--projct", "p-1"), "--projct", "did you mean --project?"),
    "one dash": (("-project=p-1",), "-project", "did you mean --project?"),
    "hyphens": (("--temp-location=gs://b/t",), "--temp-location", "did you mean --temp_location?"),
    "ours": (("--teacher_acelerator=type:x",), "--teacher_acelerator", "did you mean --teacher_accelerator?"),
    "of the job server": (("--object_reus=true",), "--object_reus", "did you mean --object_reuse?"),
    "nothing like it": (("--zzzzzzzzzz=1",), "--zzzzzzzzzz", "see docs/running.md"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_option_that_beam_would_ignore_is_refused(name: str) -> None:
    arguments, option, hint = UNKNOWN[name]
    with pytest.raises(ConfigError, match=f"The option {option} is not known") as caught:
        beam_options([*DATAFLOW, *IMAGE, *arguments])
    assert hint in str(caught.value)


def test_a_value_without_an_option_is_refused() -> None:
    with pytest.raises(ConfigError, match="'true' is a value too many"):
        beam_options(["--shared_filesystem", "true"])


def test_a_value_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        beam_options(["--direct_num_workers=two"])
    assert "--direct_num_workers" in str(caught.value)


@pytest.mark.parametrize(
    "argument",
    [
        "--streaming",
        "--save_main_session",
        "--dry_run=True",
        "--template_location=gs://b/t",
        "--update",
        "--on_success_matcher=x",
    ],
)
def test_an_option_that_would_break_a_run_is_refused(argument: str) -> None:
    with pytest.raises(ConfigError, match="cannot be used") as caught:
        beam_options([*DATAFLOW, *IMAGE, argument])
    assert argument.partition("=")[0] in str(caught.value)


def without(arguments: tuple[str, ...], option: str) -> list[str]:
    return [argument for argument in arguments if not argument.startswith(f"--{option}")]


@pytest.mark.parametrize("option", ["project", "region", "temp_location", "sdk_container_image"])
def test_dataflow_is_asked_for_what_it_needs(option: str) -> None:
    with pytest.raises(ConfigError, match=f"DataflowRunner needs --{option}"):
        beam_options(without(DATAFLOW + IMAGE, option))


@pytest.mark.parametrize("option", ["temp_location", "staging_location"])
@pytest.mark.parametrize(
    "place",
    ["tmp", "/tmp/beam", "s3://bucket/tmp", "file:///tmp", "gs://b/tmp", "gs://Bucket/tmp", "gs:///tmp", "gs://bucket"],
)
def test_dataflow_keeps_its_files_on_gs(option: str, place: str) -> None:
    with pytest.raises(ConfigError, match="cannot use this folder") as caught:
        beam_options([*without(DATAFLOW, option), *IMAGE, "--temp_location=gs://bucket/t", f"--{option}={place}"])
    assert repr(place) in str(caught.value)


def test_dataflow_gets_defaults_and_keeps_what_is_asked_for() -> None:
    options = beam_options(DATAFLOW + IMAGE)
    assert options.view_as(DebugOptions).number_of_worker_harness_threads == 1
    assert re.fullmatch(r"curate-\d{8}-\d{6}-[0-9a-f]{6}", options.view_as(GoogleCloudOptions).job_name)
    options = beam_options([*DATAFLOW, *IMAGE, "--number_of_worker_harness_threads=4", "--job_name=mine"])
    assert options.view_as(DebugOptions).number_of_worker_harness_threads == 4
    assert options.view_as(GoogleCloudOptions).job_name == "mine"


PLACES = {
    "nothing": ((), "here"),
    "processes": (("--direct_running_mode=multi_processing", "--direct_num_workers=2"), "here"),
    "dataflow": (DATAFLOW + IMAGE, "elsewhere"),
    "dataflow, shared": ((*DATAFLOW, *IMAGE, "--shared_filesystem"), "elsewhere"),
    "job service, loopback": ((*JOB_SERVICE, "--environment_type=loopback"), "here"),
    "job service, containers": ((*JOB_SERVICE, "--environment_config=image:1"), "elsewhere"),
    "job service, containers by option": (
        (*JOB_SERVICE, "--environment_type=DOCKER", "--environment_options=docker_container_image=image:1"),
        "elsewhere",
    ),
    "job service, processes": (
        (*JOB_SERVICE, "--environment_type=PROCESS", "--environment_options=process_command=/opt/worker"),
        "elsewhere",
    ),
    "job service, shared": (
        (*JOB_SERVICE, "--environment_type=EXTERNAL", "--environment_config=w:1", "--shared_filesystem"),
        "sharing",
    ),
    "flink by itself": (("--runner=FlinkRunner",), "here"),
    "flink cluster": (("--runner=FlinkRunner", "--flink_master=f:8081", "--environment_config=image:1"), "elsewhere"),
    "spark by itself": (("--runner=SparkRunner",), "here"),
    "spark cluster": (
        ("--runner=SparkRunner", "--spark_master_url=spark://s:7077", "--environment_config=image:1"),
        "elsewhere",
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_where_the_workers_are(name: str) -> None:
    arguments, where = PLACES[name]
    assert where_workers_are(beam_options(arguments)) == where


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (("--runner=PortableRunner",), "--job_endpoint"),
        (JOB_SERVICE, "--environment_config"),
        (("--runner=FlinkRunner", "--flink_master=f:8081"), "--environment_config"),
        (("--runner=SparkRunner", "--spark_master_url=spark://s:7077"), "--environment_config"),
    ],
)
def test_a_portable_runner_is_asked_for_what_it_needs(arguments: tuple[str, ...], needed: str) -> None:
    with pytest.raises(ConfigError, match=f"needs {needed}"):
        beam_options(arguments)


def test_flink_takes_options_that_only_its_job_server_knows() -> None:
    options = beam_options(["--runner=FlinkRunner", "--object_reuse", "true", "--parallelism=8", "--faster_copy=true"])
    assert environment_type(options) == "LOOPBACK"


@pytest.mark.parametrize("accelerator", ["nvidia-l4", "", "count:1"])
def test_an_accelerator_is_named_as_beam_does(accelerator: str) -> None:
    with pytest.raises(ConfigError, match="accelerator is not understood"):
        beam_options([f"--teacher_accelerator={accelerator}"])


@pytest.mark.parametrize("size", ["30", "lots", "30 gigs"])
def test_memory_is_given_with_a_unit(size: str) -> None:
    with pytest.raises(ConfigError, match="size of memory is not understood") as caught:
        beam_options([f"--teacher_min_ram={size}"])
    assert repr(size) in str(caught.value)


def test_what_beam_finds_contradictory_is_said() -> None:
    options = beam_options([*JOB_SERVICE, "--environment_type=PROCESS"])
    with pytest.raises(ConfigError, match="Beam refuses the options") as caught:
        new_pipeline(options)
    assert "process_command" in str(caught.value)


def test_the_local_runner_downloads_nothing(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """DirectRunner of Beam 2.77 by itself would run the toy graph with Prism."""

    def download(*arguments: object, **options: object) -> None:
        raise AssertionError("PrismRunner was chosen")

    monkeypatch.setattr(prism_runner.PrismRunner, "__init__", download)
    graph, store = toy_graph(100), Store.at(tmp_path)  # type: ignore[arg-type]
    BeamEngine(2, 64).run(graph, store, Silent())
    assert store.stage("write", graph.digests()["write"]).done() is not None


def test_the_options_keep_the_name_of_the_runner() -> None:
    options = beam_options(["--runner=direct"])
    assert options.view_as(StandardOptions).runner == "DirectRunner"
    assert runner_of(options).family == "local"


@pytest.mark.parametrize("argument", ["--runer=DirectRunner", "--runner=DaskRunner", "--runner=Nonsense"])
def test_the_command_ends_with_two(argument: str, tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["quickstart", "--out", f"{tmp_path}/out", "--engine", "beam", "--", argument]
    assert run_command(command) == 2
    assert capsys.readouterr().err.count("Error: ") == 1
