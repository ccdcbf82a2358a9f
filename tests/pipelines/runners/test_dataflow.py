"""The real DataflowRunner against doubles on loopback of the services that it speaks to."""

from __future__ import annotations

import base64
import bz2
import json
import pickletools
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apache_beam.portability.api import beam_runner_api_pb2
from apart import outcome_apart
from cloud import BUCKET, IMAGE, PROJECT, REGION, Cloud, google_cloud
from google.protobuf.wrappers_pb2 import BytesValue
from http_double import Reply
from test_engines import outcome
from toys import Silent, toy_graph

from curation.cli.main import run_command
from curation.config import RunConfig
from curation.errors import AuthError, ConfigError, CurationError
from curation.release import open_release
from pipelines.beam import BeamEngine
from pipelines.run import RunOptions, run
from pipelines.runners.google import check_google
from pipelines.runners.options import beam_options
from pipelines.stages import Graph
from pipelines.store import Store

# Dataflow's limits: of a request that creates a job, and of the staged pipeline.
MAX_REQUEST, MAX_PIPELINE = 10_000_000, 20_000_000
MEMORY = "--worker_min_ram=30GB"
STANDARD = re.compile(
    r"beam:coder:(kv|bytes|varint|iterable|global_window|string_utf8|nullable|tuple|length_prefix):v1"
)
OURS = {"ArrowTableCoder"}
# Beam's own for what it adds to elements, and for side inputs, whose type Dataflow's runner sets to Any.
BEAMS = {"PaneInfoCoder", "MapCoder", "FastPrimitivesCoder"}


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with google_cloud(tmp_path, monkeypatch) as found:
        yield found


def submit(cloud: Cloud, folder: Path, *arguments: str, graph: Graph | None = None) -> dict[str, Any]:
    """Submit a graph and return the job; the double runs the pipeline before it says that the job is done."""
    cloud.dataflow.on_submit = cloud.run_staged
    engine = BeamEngine(3, 64, (*cloud.arguments, *arguments))
    engine.run(graph or toy_graph(200), Store.at(folder), Silent())
    (job,) = cloud.dataflow.jobs.values()
    return job


@pytest.mark.slow
def test_what_dataflow_would_run_gives_the_same_bytes(cloud: Cloud, tmp_path: Path) -> None:
    expected = outcome_apart("datatrove", tmp_path / "expected")
    cloud.dataflow.on_submit = cloud.run_staged
    assert outcome(BeamEngine(3, 64, cloud.arguments), tmp_path / "found", total=300) == expected
    assert len(cloud.dataflow.jobs) == 1


def steps(pipeline: beam_runner_api_pb2.Pipeline) -> dict[str, Any]:
    return {each.unique_name: each for each in pipeline.components.transforms.values() if not each.subtransforms}


def pickled(transform: Any) -> bytes:
    payload = beam_runner_api_pb2.ParDoPayload.FromString(transform.spec.payload)
    data = base64.b64decode(payload.do_fn.payload)
    return bz2.decompress(data) if data.startswith(b"BZh") else zlib.decompress(data)


def strings(data: bytes) -> list[str]:
    return [argument for _, argument, _ in pickletools.genops(data) if isinstance(argument, str)]


def test_the_job_and_its_pipeline(cloud: Cloud, tmp_path: Path) -> None:
    """One submission, looked at from all sides: it takes seconds to make."""
    job = submit(cloud, tmp_path / "work", MEMORY)
    pipeline = cloud.staged(job)
    check_job(job, cloud)
    check_steps(pipeline)
    check_coders(pipeline)
    check_hints(pipeline)
    check_code(pipeline)
    check_secrets(job, pipeline, cloud)


@pytest.mark.slow
def test_the_real_graph(
    cloud: Cloud, config: RunConfig, base: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its release is the one that datatrove makes; what is uploaded is small, and nothing travels by value."""
    monkeypatch.setattr("pipelines.runners.before.check_places", lambda *arguments: None)
    cloud.dataflow.on_submit = cloud.run_staged
    release = run(config, base, tmp_path / "out", RunOptions("beam", 1, cloud.arguments), Silent())
    assert open_release(release).digest == open_release(finished / "release").digest
    assert len(cloud.dataflow.jobs) == 2
    for job in cloud.dataflow.jobs.values():
        pipeline = cloud.staged(job)
        names = [each.unique_name for each in pipeline.components.transforms.values()]
        assert len(names) == len(set(names))
        check_job(job, cloud)
        check_coders(pipeline)
        check_code(pipeline)


def check_job(job: dict[str, Any], cloud: Cloud) -> None:
    assert re.fullmatch(r"curate-\d{8}-\d{6}-[0-9a-f]{6}", job["name"])
    assert cloud.dataflow.sizes[0] < MAX_REQUEST / 100
    (pool,) = job["environment"]["workerPools"]
    assert {image["containerImage"] for image in pool["sdkHarnessContainerImages"]} == {IMAGE}
    assert pool["numThreadsPerWorker"] == 1
    assert "use_runner_v2" in job["environment"]["experiments"]
    options = job["environment"]["sdkPipelineOptions"]["options"]
    assert options["project"] == PROJECT
    assert options["region"] == REGION
    assert options["save_main_session"] is False
    created = [request for request in cloud.dataflow.requests if request.method == "POST"]
    assert {request.path for request in created} == {f"/v1b3/projects/{PROJECT}/locations/{REGION}/jobs"}


def check_steps(pipeline: beam_runner_api_pb2.Pipeline) -> None:
    """Names are what the page of a job shows, and what one job is compared with another by."""
    assert len(pipeline.SerializeToString()) < MAX_PIPELINE / 100
    names = [each.unique_name for each in pipeline.components.transforms.values()]
    assert len(names) == len(set(names))
    stages = {"numbers", "drop", "link", "first", "write", "partitions"}
    assert {re.split(r"[:/]", name)[0] for name in steps(pipeline)} <= stages
    # Beam's own names for steps inside `Create` and `Values` are the only ones that are not made of words.
    strange = {name.partition("/")[0] for name in steps(pipeline) if re.search(r"0x|ref_|\.py:", name)}
    assert strange <= {"partitions", "first: side table", "write: side table"}


def check_coders(pipeline: beam_runner_api_pb2.Pipeline) -> None:
    for coder in pipeline.components.coders.values():
        if not STANDARD.fullmatch(coder.spec.urn):
            assert coder.spec.urn == "beam:coder:pickled_python:v1"
            value = BytesValue.FromString(coder.spec.payload).value
            assert value.partition(b"$")[0].decode() in OURS | BEAMS
    # Only what a side input reads, whose type Dataflow's runner sets to Any, is left to Beam to guess.
    guessed = {key for key, coder in pipeline.components.coders.items() if b"FastPrimitives" in coder.spec.payload}
    found = {each.unique_name for each in pipeline.components.pcollections.values() if each.coder_id in guessed}
    assert all("side table" in name or name.split("/", 1)[0].endswith("partitions") for name in found), found
    keys = [
        coder.component_coder_ids[0]
        for coder in pipeline.components.coders.values()
        if coder.spec.urn.endswith("kv:v1")
    ]
    allowed = {"beam:coder:varint:v1", "beam:coder:bytes:v1", "beam:coder:nullable:v1", "beam:coder:string_utf8:v1"}
    assert {pipeline.components.coders[key].spec.urn for key in keys} <= allowed


def check_hints(pipeline: beam_runner_api_pb2.Pipeline) -> None:
    """All workers get what is asked for all; tests of embedding look at what the teacher's step asks for alone."""
    environments = pipeline.components.environments
    steps_in = {each.environment_id for each in pipeline.components.transforms.values() if each.environment_id}
    for name in steps_in:
        assert dict(environments[name].resource_hints) == {"beam:resources:min_ram_bytes:v1": b"30000000000"}
    images = {
        beam_runner_api_pb2.DockerPayload.FromString(each.payload).container_image for each in environments.values()
    }
    assert images == {IMAGE}


def check_code(pipeline: beam_runner_api_pb2.Pipeline) -> None:
    """Our steps travel by name; what travels by value is Beam's own."""
    ours = 0
    for name, step in steps(pipeline).items():
        if step.spec.urn != "beam:transform:pardo:v1":
            continue
        data = pickled(step)
        found = strings(data)
        assert "__main__" not in found, name
        assert len(data) < 50_000, name
        # The first name is the class of the step.
        if found[0].startswith("pipelines"):
            ours += 1
            assert not {"_make_function", "_make_skeleton_class"} & set(found), name
    assert ours


def check_secrets(job: dict[str, Any], pipeline: beam_runner_api_pb2.Pipeline, cloud: Cloud) -> None:
    # Where Beam itself is installed, which may be in a folder of the project, its own steps say.
    root = Path(__file__).parents[3]
    ours = [f"{root / name}".encode() for name in ("curation", "pipelines", "tests")]
    texts = [json.dumps(job).encode(), pipeline.SerializeToString()]
    texts += [pickled(step) for step in steps(pipeline).values() if step.spec.urn == "beam:transform:pardo:v1"]
    for text in texts:
        assert not any(path in text for path in ours)
        assert b"token-of-the-double" not in text
        assert b"PRIVATE KEY" not in text
    for step in pipeline.components.transforms.values():
        for data in step.display_data:
            assert not any(path in data.payload for path in ours)
    staged = [name.rpartition("/")[2] for name in cloud.gcs.buckets[BUCKET]]
    assert staged == ["pipeline.pb"]


def test_without_a_wish_no_step_has_hints(cloud: Cloud, tmp_path: Path) -> None:
    pipeline = cloud.staged(submit(cloud, tmp_path / "work"))
    assert len(pipeline.components.environments) == 1
    assert not any(each.resource_hints for each in pipeline.components.environments.values())


TRACEBACK = """Traceback (most recent call last):
  File "/usr/local/lib/python3.11/site-packages/pipelines/tasks.py", line 50, in reduce_part
curation.errors.SourceError: The file is not there
  where: gs://toy-bucket/data.parquet [while running 'read']"""


@pytest.mark.parametrize(
    ("state", "errors", "expected"),
    [
        ("JOB_STATE_FAILED", (TRACEBACK,), ("failed", "The file is not there", "while running 'read'")),
        ("JOB_STATE_FAILED", ("Workflow failed.",), ("failed", "Workflow failed.")),
        ("JOB_STATE_CANCELLED", (), ("was cancelled",)),
    ],
    ids=["a step raised", "no reason", "somebody cancelled it"],
)
def test_a_job_that_ends_badly_is_named_with_its_page(
    state: str, errors: tuple[str, ...], expected: tuple[str, ...], cloud: Cloud, tmp_path: Path
) -> None:
    cloud.dataflow.state, cloud.dataflow.errors = state, errors
    graph, store = toy_graph(), Store.at(tmp_path / "work")
    with pytest.raises(CurationError) as caught:
        BeamEngine(3, 64, cloud.arguments).run(graph, store, Silent())
    (identity,) = cloud.dataflow.jobs
    text = str(caught.value)
    assert caught.value.exit_code == 1
    assert text.startswith(f"The Dataflow job {identity} ")
    assert f"https://console.cloud.google.com/dataflow/jobs/{REGION}/{identity}?project={PROJECT}" in text
    assert all(part in text for part in expected)
    assert "None" not in text
    assert store.stage("numbers", graph.digests()["numbers"]).done() is None


def test_an_interrupted_wait_cancels_the_job(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.dataflow.state = "JOB_STATE_RUNNING"

    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    name = "apache_beam.runners.dataflow.dataflow_runner.DataflowPipelineResult.wait_until_finish"
    monkeypatch.setattr(name, interrupt)
    with pytest.raises(KeyboardInterrupt):
        BeamEngine(3, 64, cloud.arguments).run(toy_graph(), Store.at(tmp_path / "work"), Silent())
    (asked,) = [request.json() for request in cloud.dataflow.requests if request.method == "PUT"]
    assert asked["requestedState"] in (5, "JOB_STATE_CANCELLED")


@pytest.mark.parametrize("status", [401, 403])
def test_a_job_api_that_refuses_the_account_is_a_matter_of_rights(status: int, cloud: Cloud, tmp_path: Path) -> None:
    cloud.dataflow.fault = lambda request: Reply.error(status, "caller does not have permission")
    with pytest.raises(AuthError, match="caller does not have permission") as caught:
        BeamEngine(3, 64, cloud.arguments).run(toy_graph(), Store.at(tmp_path / "work"), Silent())
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("status", [401, 403])
def test_a_bucket_that_is_closed_to_the_account_is_found_before_the_run(status: int, cloud: Cloud) -> None:
    """Beam itself would try to upload for eight minutes."""
    cloud.gcs.fault = lambda request: Reply.error(status, "caller does not have storage.buckets.get access")
    with pytest.raises(AuthError, match=r"storage\.buckets\.get"):
        check_google(beam_options(cloud.arguments))


def test_a_bucket_that_is_not_there_is_found_before_the_run(cloud: Cloud) -> None:
    options = beam_options([*cloud.arguments, "--staging_location=gs://no-such-bucket/x"])
    with pytest.raises(ConfigError, match="The bucket no-such-bucket is not there"):
        check_google(options)


def test_a_bucket_that_is_open_is_asked_about_once(cloud: Cloud) -> None:
    check_google(beam_options(cloud.arguments))
    assert [(request.method, request.path) for request in cloud.gcs.requests] == [("GET", f"/storage/v1/b/{BUCKET}")]
    assert [request.headers["authorization"] for request in cloud.gcs.requests] == ["Bearer token-of-the-double"]


def write_config(folder: Path) -> Path:
    text = """
name: toy
sources:
- {name: pairs, format: jsonl, path: "gs://toy-bucket/pairs.jsonl", licence: MIT, task: retrieval}
"""
    (folder / "c.yml").write_text(text)
    return folder / "c.yml"


@pytest.mark.parametrize("status", [401, 403])
def test_no_token_ends_the_command_with_five(
    status: int, cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pipelines.runners.before.check_places", lambda *arguments: None)
    cloud.tokens.status = status
    command = ["run", str(write_config(tmp_path)), "--out", str(tmp_path / "out"), "--engine", "beam", "--"]
    assert run_command([*command, *cloud.arguments]) == 5
    error = capsys.readouterr().err
    assert error.startswith("Error: Google gives no token")
    assert "gcloud auth application-default login" in error
    assert not cloud.dataflow.requests
    assert not (tmp_path / "out").exists()


def test_local_files_end_the_command_before_anything_is_asked(
    cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", str(write_config(tmp_path)), "--out", str(tmp_path / "out"), "--engine", "beam", "--"]
    assert run_command([*command, *cloud.arguments]) == 2
    assert "cannot see files of this one" in capsys.readouterr().err
    assert not cloud.tokens.requests
    assert not (tmp_path / "out").exists()
