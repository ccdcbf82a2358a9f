from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from apache_beam.portability.api import beam_runner_api_pb2
from cloud import BUCKET, IMAGE, PROJECT, REGION, Cloud, google_cloud

from curation.errors import CurationError
from pipelines.runners.flex import Drive, RunCurate, main

DRIVE = Drive(f"gs://{BUCKET}/c.yml", f"gs://{BUCKET}/work", f"gs://{BUCKET}/results", ("--runner=DataflowRunner",))
CONFIG = b"name: toy\n"


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with google_cloud(tmp_path, monkeypatch) as found:
        found.gcs.put(BUCKET, "c.yml", CONFIG)
        yield found


def parameters(cloud: Cloud) -> list[str]:
    """Return the command line that the launcher of a template would give."""
    return [
        f"--config=gs://{BUCKET}/c.yml",
        f"--work=gs://{BUCKET}/work",
        f"--results=gs://{BUCKET}/results",
        f"--worker_image={IMAGE}",
        "--stage_options=--max_num_workers=64 --worker_machine_type=n2-highmem-8",
        f"--project={PROJECT}",
        f"--region={REGION}",
        f"--temp_location=gs://{BUCKET}/tmp",
        f"--template_location=gs://{BUCKET}/launches/job_object",
        f"--dataflow_endpoint={cloud.dataflow.endpoint}",
        "--job_name=curate-toy",
    ]


def curate(code: int, seen: list[Sequence[str]]) -> object:
    """Return what stands for the command: it leaves a run's folder and ends with a code."""

    def run(self: RunCurate, command: Sequence[str]) -> int:
        seen.append(command)
        assert Path(command[command.index("run") + 1]).read_bytes() == CONFIG
        out = Path(command[command.index("--out") + 1])
        for name in ("release/data/khm_Khmr/train-00000-of-00001.parquet", "report.html", "work/read-0/DONE.json"):
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_text("ខ្មែរ")
        return code

    return run


@pytest.mark.parametrize("code", [0, 3])
def test_a_run_is_driven_and_its_results_are_copied(code: int, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Sequence[str]] = []
    monkeypatch.setattr(RunCurate, "_run", curate(code, seen))
    assert list(RunCurate().process(DRIVE)) == [code]
    assert seen[0][-5:] == ["--work", f"gs://{BUCKET}/work", "--engine", "beam", "--", "--runner=DataflowRunner"][-5:]
    names = [name for name in cloud.gcs.buckets[BUCKET] if name.startswith("results/")]
    assert names == [
        "results/release/data/khm_Khmr/train-00000-of-00001.parquet",
        "results/report.html",
        "results/outcome.json",
    ]
    assert json.loads(cloud.gcs.buckets[BUCKET]["results/outcome.json"].data) == {"exit_code": code}


def test_a_run_that_fails_makes_the_job_fail(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunCurate, "_run", curate(1, []))
    with pytest.raises(CurationError, match="exit code 1"):
        list(RunCurate().process(DRIVE))
    assert json.loads(cloud.gcs.buckets[BUCKET]["results/outcome.json"].data) == {"exit_code": 1}


def test_what_the_command_says_goes_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    program = "import sys; print('ሰላም', flush=True); print('ok', file=sys.stderr); sys.exit(5)"
    assert RunCurate()._run([sys.executable, "-c", program]) == 5
    assert [record.getMessage() for record in caplog.records] == ["ሰላም", "ok"]


def test_the_template_s_program_builds_one_step_and_starts_nothing(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(parameters(cloud))
    assert not cloud.dataflow.requests
    job = json.loads(cloud.gcs.buckets[BUCKET]["launches/job_object"].data)
    assert job["name"] == "curate-toy"
    options = job["environment"]["sdkPipelineOptions"]["options"]
    assert options["max_num_workers"] == 1
    assert options["number_of_worker_harness_threads"] == 1
    pipeline = staged(job, cloud)
    leaves = [each for each in pipeline.components.transforms.values() if not each.subtransforms]
    assert {each.unique_name.partition("/")[0] for each in leaves} == {"config", "curate"}
    (image,) = pipeline.components.environments.values()
    assert beam_runner_api_pb2.DockerPayload.FromString(image.payload).container_image == IMAGE
    seen: list[Sequence[str]] = []
    monkeypatch.setattr(RunCurate, "_run", curate(0, seen))
    cloud.run_staged({"environment": {"sdkPipelineOptions": {"options": {"pipelineUrl": url_of(job)}}}})
    (command,) = seen
    assert command[command.index("--") + 1 :] == [
        "--runner=DataflowRunner",
        f"--project={PROJECT}",
        f"--region={REGION}",
        f"--temp_location=gs://{BUCKET}/tmp",
        f"--sdk_container_image={IMAGE}",
        "--max_num_workers=64",
        "--worker_machine_type=n2-highmem-8",
    ]
    assert "results/outcome.json" in cloud.gcs.buckets[BUCKET]


def url_of(job: dict[str, object]) -> str:
    return json.dumps(job).split('"pipelineUrl": "')[1].partition('"')[0]


def staged(job: dict[str, object], cloud: Cloud) -> beam_runner_api_pb2.Pipeline:
    return cloud.staged({"environment": {"sdkPipelineOptions": {"options": {"pipelineUrl": url_of(job)}}}})


def test_a_parameter_that_is_missing_is_asked_for(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [argument for argument in parameters(cloud) if not argument.startswith("--results")]
    with pytest.raises(SystemExit):
        main(arguments)
    assert "--results" in capsys.readouterr().err
