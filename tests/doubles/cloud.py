"""Google's cloud on loopback: storage, tokens and jobs, and a guard that lets no request leave the machine."""

from __future__ import annotations

import contextlib
import os
import socket
import time
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gcsfs
import pytest
from apache_beam.internal.gcp import auth
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.portability.python_urns import EMBEDDED_PYTHON
from apache_beam.runners.portability.fn_api_runner import fn_runner
from dataflow_double import DataflowDouble, TokenDouble, write_credentials
from gcs_double import GcsDouble

# Otherwise gcsfs asks for the kind of each bucket by gRPC, which the double does not speak, for a minute. It looks at
# this when it is imported.
assert os.environ["GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"] == "false"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
PROJECT, REGION, BUCKET, IMAGE = (
    "toy-project",
    "europe-west1",
    "toy-bucket",
    "europe-docker.pkg.dev/toy/curate/worker:1",
)


@dataclass(frozen=True)
class Cloud:
    """The three doubles together."""

    gcs: GcsDouble
    tokens: TokenDouble
    dataflow: DataflowDouble

    @property
    def arguments(self) -> tuple[str, ...]:
        return (
            "--runner=DataflowRunner",
            f"--project={PROJECT}",
            f"--region={REGION}",
            f"--temp_location=gs://{BUCKET}/tmp",
            f"--sdk_container_image={IMAGE}",
            f"--dataflow_endpoint={self.dataflow.endpoint}",
        )

    def staged(self, job: dict[str, Any]) -> beam_runner_api_pb2.Pipeline:
        """Return the pipeline that was uploaded for a job."""
        url = job["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"]
        bucket, _, name = url.removeprefix("gs://").partition("/")
        return beam_runner_api_pb2.Pipeline.FromString(self.gcs.buckets[bucket][name].data)

    def run_staged(self, job: dict[str, Any]) -> None:
        """Do what Dataflow would do, in this process: run the uploaded pipeline, without its container."""
        pipeline = self.staged(job)
        for environment in pipeline.components.environments.values():
            environment.urn, environment.payload = EMBEDDED_PYTHON, b""
        fn_runner.FnApiRunner().run_via_runner_api(pipeline, PipelineOptions([])).wait_until_finish()


@contextlib.contextmanager
def google_cloud(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Serve the doubles, point the client libraries at them, and shorten Beam's waiting."""
    with GcsDouble(BUCKET) as gcs, TokenDouble() as tokens, DataflowDouble() as dataflow:
        patch.setenv("STORAGE_EMULATOR_HOST", gcs.url)
        key = write_credentials(folder / "key.json", f"{tokens.url}/token")
        patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
        patch.setenv("GCE_METADATA_HOST", "127.0.0.1:1")
        patch.setattr(auth._Credentials, "_credentials_init", False)
        patch.setattr(auth._Credentials, "_credentials", None)
        quick = types.SimpleNamespace(time=time.time, sleep=lambda seconds: time.sleep(min(seconds, 0.05)))
        patch.setattr("apache_beam.runners.dataflow.dataflow_runner.time", quick)
        keep_on_loopback(patch)
        gcsfs.GCSFileSystem.clear_instance_cache()
        yield Cloud(gcs, tokens, dataflow)


def keep_on_loopback(patch: pytest.MonkeyPatch) -> None:
    """Let every attempt to reach another machine fail."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        assert self.family == socket.AF_UNIX or address[0] in LOOPBACK, f"a connection to {address}"
        connect(self, address)

    def guarded_look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        assert name in (None, *LOOPBACK), f"a look-up of {host}"
        return look_up(host, *arguments, **options)

    patch.setattr(socket.socket, "connect", guarded_connect)
    patch.setattr(socket, "getaddrinfo", guarded_look_up)
