"""The Flex Template: a small Dataflow job whose one step is a whole run of `curate`.

A template's program may only build a pipeline; Dataflow starts the job after the program has ended. A run is more than
that: jobs one after the other with checks between them, and then the release. So the template's job has one step, on
one worker, which runs `curate` there; the stages are jobs of their own, started by it.
"""

from __future__ import annotations

import argparse
import json
import logging
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
import fsspec
from apache_beam.options.pipeline_options import DebugOptions, PipelineOptions, WorkerOptions

from curation.errors import CurationError
from pipelines.runners.same_code import SameCodeDoFn

_LOG = logging.getLogger(__name__)
_GATE_FAILED = 3
_OUTCOME = "outcome.json"


@dataclass(frozen=True, slots=True)
class Drive:
    """One run, as the template's parameters describe it.

    Attributes:
        config: URL of the config.
        work: URL of the stages' results.
        results: URL of the folder that the run's results are copied to.
        options: Beam's options of the stages' jobs.
    """

    config: str
    work: str
    results: str
    options: tuple[str, ...]

    def command(self, config: Path, out: Path) -> list[str]:
        """Return the command line of the run, for a local copy of the config and a local folder."""
        run = [sys.executable, "-m", "curation.cli", "run", str(config), "--out", str(out)]
        return [*run, "--work", self.work, "--engine", "beam", "--", *self.options]


class RunCurate(SameCodeDoFn):
    """Runs `curate`, and copies what it leaves to the results folder."""

    def process(self, drive: Drive) -> Iterator[int]:
        """Yield the exit code: 0, or 3 for a release that the gate fails, which is a result as well.

        Raises:
            CurationError: for any other exit code; Dataflow tries again, and finished stages are found.
        """
        with tempfile.TemporaryDirectory() as folder:
            config, out = Path(folder) / "config.yml", Path(folder) / "out"
            with fsspec.open(drive.config, "rb") as stream:
                config.write_bytes(stream.read())
            code = self._run(drive.command(config, out))
            if out.exists():
                (out / _OUTCOME).write_text(json.dumps({"exit_code": code}), encoding="utf-8")
                copy_results(out, drive.results)
        if code not in (0, _GATE_FAILED):
            hint = "see the worker's log for what `curate` said"
            raise CurationError("The run failed", why=f"curate ended with exit code {code}", hint=hint)
        yield code

    def _run(self, command: Sequence[str]) -> int:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:  # noqa: S603
            assert running.stdout is not None
            for line in running.stdout:
                _LOG.info("%s", line.rstrip())
        return running.returncode


def copy_results(out: Path, results: str) -> None:
    """Copy the files of a run's folder to a URL, less work files; the outcome last."""
    files = [path for path in sorted(out.rglob("*")) if path.is_file() and path.relative_to(out).parts[0] != "work"]
    system, root = fsspec.core.url_to_fs(results.rstrip("/"))
    for path in sorted(files, key=lambda path: path.name == _OUTCOME):
        system.put_file(str(path), f"{root}/{path.relative_to(out).as_posix()}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Build the template's job from the launcher's command line.

    The launcher gives the template's parameters as options, and options of its own for the job, which also name the
    project and the region of the stages' jobs.
    """
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("config", "work", "results", "worker_image", "project", "region", "temp_location"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--stage_options", default="")
    given = list(sys.argv[1:] if arguments is None else arguments)
    known, others = parser.parse_known_args(given)
    stages = (
        "--runner=DataflowRunner",
        f"--project={known.project}",
        f"--region={known.region}",
        f"--temp_location={known.temp_location}",
        f"--sdk_container_image={known.worker_image}",
    )
    drive = Drive(known.config, known.work, known.results, (*stages, *shlex.split(known.stage_options)))
    options = _own_options([*others, *stages])
    pipeline = beam.Pipeline(options=options)
    _ = pipeline | "config" >> beam.Create([drive]) | "curate" >> beam.ParDo(RunCurate())
    # Not waited for: Dataflow starts the job after this program has ended.
    pipeline.run()


def _own_options(arguments: Sequence[str]) -> PipelineOptions:
    options = PipelineOptions(list(arguments), save_main_session=False)
    worker = options.view_as(WorkerOptions)
    # One worker is enough, and a second one could only begin the run a second time.
    worker.num_workers = worker.max_num_workers = 1
    options.view_as(DebugOptions).number_of_worker_harness_threads = 1
    return options
