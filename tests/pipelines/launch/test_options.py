from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import ConfigError
from pipelines.launch.options import LaunchOptions, LocalOptions, RayOptions, SlurmOptions, launch_options


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", LocalOptions(2)),
        ("--launcher local", LocalOptions(2)),
        ("--workers 5", LocalOptions(5)),
        ("--launcher ray", RayOptions(2)),
        ("--launcher=ray --address=auto --workers=4", RayOptions(4, "auto")),
        ("--address head.cluster:6379 --launcher ray --retries 0", RayOptions(2, "head.cluster:6379", retries=0)),
        ("--launcher ray --address [::1]:6379", RayOptions(2, "[::1]:6379")),
        ("--launcher ray --cpus-per-task 2 --mem-per-cpu 0.5", RayOptions(2, cpus_per_task=2, mem_per_cpu=0.5)),
        ("--launcher ray --gpus-per-task 1", RayOptions(2, gpus_per_task=1)),
        ("--launcher slurm", SlurmOptions(2)),
        (
            "--launcher slurm --slurm-partition cpu --time 02:00:00 --mem-per-cpu 4 --workers 50",
            SlurmOptions(50, "cpu", "02:00:00", mem_per_cpu=4.0),
        ),
        ("--launcher slurm --time 1-12", SlurmOptions(2, time="1-12")),
        ("--launcher slurm --time 90", SlurmOptions(2, time="90")),
        (
            "--launcher slurm --srun-arg account=x --srun-arg requeue",
            SlurmOptions(2, srun_args=(("account", "x"), ("requeue", ""))),
        ),
        ("--launcher slurm --srun-arg comment=a=b", SlurmOptions(2, srun_args=(("comment", "a=b"),))),
    ],
)
def test_reading(arguments: str, expected: LaunchOptions) -> None:
    assert launch_options(arguments.split(), 2) == expected


def test_a_command_is_kept_as_it_is() -> None:
    command = "module load python && source .venv/bin/activate"
    options = launch_options(["--launcher", "slurm", "--env-command", command], 2)
    assert options == SlurmOptions(2, env_command=command)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--launcher dask", "invalid choice: 'dask'"),
        ("--runner FlinkRunner", "Beam's need --engine beam"),
        ("--worker 3", "did you mean --workers"),
        ("--launcher ray --adress auto", "did you mean --address"),
        ("--launcher slurm --partition cpu", "did you mean --slurm-partition"),
        ("--launcher ray --sing", "its options: --launcher, --workers, --address"),
        ("--address auto", "an option of --launcher ray"),
        ("--launcher ray --time 90", "an option of --launcher slurm"),
        ("--mem-per-cpu 4", "an option of --launcher ray and --launcher slurm"),
        ("cluster.yml", "has no option 'cluster.yml'"),
        ("--workers 0", "'0' is no whole number from 1 on"),
        ("--workers two", "'two' is no whole number"),
        ("--workers ٣", "'٣' is no whole number"),
        ("--workers", "expected one argument"),
        ("--launcher ray --retries -1", "expected one argument|'-1' is no whole number"),
        ("--launcher ray --address http://head/", "is not `auto` or HOST:PORT"),
        ("--launcher ray --address ray://head:10001", "is not `auto` or HOST:PORT"),
        ("--launcher slurm --time tomorrow", "'tomorrow' is not a time"),
        ("--launcher slurm --mem-per-cpu 4G", "'4G' is no number of GiB"),
        ("--launcher slurm --mem-per-cpu 0", "'0' is no number of GiB"),
        ("--launcher slurm --mem-per-cpu nan", "'nan' is no number of GiB"),
        ("--launcher slurm --srun-arg --account=x", "expected one argument|is not NAME=VALUE"),
        ("--launcher slurm --srun-arg Account=x", "is not NAME=VALUE"),
        ("--launcher slurm --srun-arg ntasks=9", "one task on one node: use --workers"),
        ("--launcher slurm --srun-arg partition=gpu", "use --slurm-partition"),
        ("--launcher slurm --srun-arg output=log", "the launcher speaks through these"),
    ],
)
def test_refusing(arguments: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        launch_options(arguments.split(), 2)


@given(st.lists(st.text(max_size=20), max_size=5))
def test_whatever_comes_is_read_or_refused_in_our_own_words(arguments: list[str]) -> None:
    with contextlib.suppress(ConfigError):
        assert launch_options(arguments, 2).workers >= 1
