"""What can be said of a command without running it: for those that need a cluster, a cloud, a network or an hour.

Options and values are read by the code that would read them, and what a command names is there.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.util import find_spec

from markdown_blocks import ROOT
from packaging.requirements import Requirement

from curation.cli.main import cli

_DOCKERFILE = "deploy/dataflow/Dockerfile"


def check_command(command: str) -> None:
    """Check one line of a block for the shell.

    Raises:
        AssertionError: it names what is not there.
        curation.errors.CurationError: an option after `--` that nobody takes.
        click.ClickException: an option of `curate` that it does not take.
        KeyError: a program that nothing is known of.
    """
    # A bucket's name is small letters: what is to be filled in is not one.
    words = shlex.split(command.replace("BUCKET", "bucket"), comments=True)
    words = words[:-1] if words[-1] == "&" else words
    _CHECKS[words[0]](words[1:])


def check_curate(arguments: list[str]) -> None:
    """Read a command line of the program as it would itself, that of the engine included."""
    from pipelines.launch.options import launch_options
    from pipelines.runners.options import beam_options

    verb, *others = arguments
    command = cli.get_command(None, verb)  # type: ignore[arg-type]
    assert command is not None, verb
    given = command.make_context(verb, others).params
    if given.get("engine") == "beam":
        beam_options(given["engine_arguments"])
    elif given.get("engine_arguments"):
        launch_options(given["engine_arguments"], given["workers"])


def _sbatch(arguments: list[str]) -> None:
    check_command(arguments[arguments.index("--wrap") + 1])


def _ray(arguments: list[str]) -> None:
    assert arguments[:2] == ["job", "submit"]
    split = arguments.index("--")
    runtime = json.loads(arguments[arguments.index("--runtime-env-json", 0, split) + 1])
    _requirements([each.replace("VERSION", "1.0.0") for each in runtime["pip"]])
    check_command(shlex.join(arguments[split + 1 :]))


def _pip(arguments: list[str]) -> None:
    assert arguments[0] == "install"
    _requirements(arguments[1:])


def _requirements(texts: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in map(Requirement, texts):
        assert requirement.name == project["name"]
        assert requirement.extras <= set(project["optional-dependencies"])


def _make(arguments: list[str]) -> None:
    done = subprocess.run(["make", "--dry-run", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _docker(arguments: list[str]) -> None:
    if arguments[0] == "push":
        return
    assert arguments[0] == "build"
    assert arguments[arguments.index("-f") + 1] == _DOCKERFILE
    stages = re.findall(r"^FROM \S+ AS (\S+)$", (ROOT / _DOCKERFILE).read_text(encoding="utf-8"), re.MULTILINE)
    assert arguments[arguments.index("--target") + 1] in stages


def _gcloud(arguments: list[str]) -> None:
    template = ROOT / "deploy/dataflow/flex-template.json"
    known = {each["name"] for each in json.loads(template.read_text(encoding="utf-8"))["parameters"]}
    for option, value in zip(arguments, [*arguments[1:], ""], strict=True):
        if option == "--metadata-file":
            assert (ROOT / value) == template
        if option == "--parameters":
            assert {each.partition("=")[0] for each in value.split(",")} <= known


def _module(arguments: list[str]) -> None:
    flag, module, *others = arguments
    assert flag == "-m"
    assert find_spec(module) is not None, module
    if not module.startswith("benchmarks."):
        return
    command = [sys.executable, "-m", module, "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert {word for word in others if word.startswith("--")} <= set(re.findall(r"--[a-z_-]+", done.stdout))


_CHECKS: dict[str, Callable[[list[str]], None]] = {
    "curate": check_curate,
    "docker": _docker,
    "gcloud": _gcloud,
    "make": _make,
    "pip": _pip,
    "python": _module,
    "ray": _ray,
    "sbatch": _sbatch,
}
