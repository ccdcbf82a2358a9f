"""What a reader who has nothing yet sits down at: an empty home, a Python, and the project where pip finds it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from markdown_blocks import ROOT

_PACKAGES = ("curation", "filters", "hub_upload", "language_configs", "pipelines")
_NETWORK = ("PIP_", "SSL_", "REQUESTS_", "HTTP_", "HTTPS_", "NO_PROXY", "http_", "https_", "no_proxy")


def build_wheel(folder: Path) -> Path:
    """Build the project's wheel into `folder`, and return it.

    The sources are copied first: setuptools leaves a folder `build` beside them, and would pack again what an earlier
    one holds.

    Raises:
        subprocess.CalledProcessError: the wheel could not be built; `output` says why.
    """
    sources = folder / "sources"
    for name in _PACKAGES:
        shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, sources / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(sources)]
    subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return next(folder.glob("*.whl"))


def fresh_environment(home: Path, wheels: Path) -> dict[str, str]:
    """Return the environment of a shell that knows the machine's network and package registry, and nothing else.

    Args:
        home: made here; an empty home but for pip's settings of whoever runs the test, which say where packages are.
        wheels: a folder in which pip looks as well.
    """
    caller = {name: value for name, value in os.environ.items() if name.startswith(_NETWORK)}
    settings = Path.home() / ".config" / "pip"
    (home / ".config").mkdir(parents=True)
    if settings.is_dir():
        shutil.copytree(settings, home / ".config" / "pip")
    # A variable takes the place of pip's settings, so that what these name has to stand in it.
    found = [_pip_setting("find-links"), str(wheels)]
    # By its exact version, a build of torch for processors is taken where there is one.
    constraints = [_pip_setting("constraint"), str(ROOT / "constraints.txt")]
    return caller | {
        "PATH": os.pathsep.join([str(Path(sys.base_prefix) / "bin"), "/usr/bin", "/bin"]),
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "PIP_CACHE_DIR": str(Path.home() / ".cache" / "pip"),
        "PIP_CONSTRAINT": " ".join(filter(None, constraints)),
        "PIP_FIND_LINKS": " ".join(filter(None, found)),
    }


def _pip_setting(key: str) -> str:
    """Return what pip takes for an option without being told on the command line; empty if nothing."""
    value = ""
    for place in (f"global.{key}", f":env:.{key}"):
        done = subprocess.run(
            [sys.executable, "-m", "pip", "config", "get", place], capture_output=True, text=True, check=False
        )
        value = " ".join(done.stdout.split()) if done.returncode == 0 else value
    return value
