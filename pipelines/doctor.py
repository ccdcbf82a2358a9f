"""Which engines a run can have here: Beam, Ray and Slurm, and the stores that work folders may lie in."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from urllib.parse import urlsplit

from curation.doctor import Finding

_SECONDS = 5
_RAY_PORT = 6379
_ASK = "run on a login node of a cluster"


def look_at_engines() -> Iterator[Finding]:
    """Yield what there is to run on, beside this machine's own processes."""
    yield Finding("engine datatrove", "ok", f"datatrove {importlib.metadata.version('datatrove')}")
    yield _beam()
    yield _ray()
    yield _slurm()


def _beam() -> Finding:
    version = _version("apache-beam")
    if not version:
        return Finding("engine beam", "absent", "Beam is not installed", "pip install 'ml-embed-curation[beam]'")
    java = shutil.which("java")
    more = "" if java else "; no java: Flink's own job server needs it"
    return Finding("engine beam", "ok", f"apache-beam {version}{more}")


def _ray() -> Finding:
    version = _version("ray")
    if not version:
        return Finding("launcher ray", "absent", "Ray is not installed", "pip install 'ml-embed-curation[ray]'")
    address = os.environ.get("RAY_ADDRESS", "")
    if not address:
        return Finding("launcher ray", "ok", f"ray {version}; RAY_ADDRESS names no cluster: one is started for the run")
    if address in ("auto", "local"):
        return Finding("launcher ray", "ok", f"ray {version}; RAY_ADDRESS is {address}")
    parts = urlsplit(address if "://" in address else f"ray://{address}")
    try:
        with socket.create_connection((parts.hostname or "", parts.port or _RAY_PORT), timeout=_SECONDS):
            return Finding("launcher ray", "ok", f"ray {version}; the cluster at {address} answers")
    except (OSError, ValueError) as error:
        hint = "start it (`ray start --head`), or correct RAY_ADDRESS"
        return Finding("launcher ray", "wrong", f"the cluster at {address} does not answer: {error}", hint)


def _slurm() -> Finding:
    if shutil.which("srun") is None:
        return Finding("launcher slurm", "absent", "there is no `srun`", _ASK)
    command = ["sinfo", "--noheader", "--format=%R %a %D"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603 - as above
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("launcher slurm", "absent", f"`sinfo` fails: {error}", _ASK)
    if done.returncode:
        said = " ".join(done.stderr.split())[:200]
        return Finding("launcher slurm", "absent", f"no cluster answers: {said}", _ASK)
    partitions = [" ".join(line.split()) for line in done.stdout.splitlines() if line.strip()]
    return Finding("launcher slurm", "ok", f"partitions (state, nodes): {', '.join(partitions) or 'none'}")


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
