"""The examples for others' machines: YAML that parses, commands that our own command line takes, actions by commit."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from packaging.requirements import Requirement

from curation.cli.main import cli
from hub_upload.triggers.github import ARTIFACT, Workflow
from hub_upload.triggers.hf_jobs import Machine
from hub_upload.triggers.job import MOUNT

EXAMPLES = Path(__file__).parents[1] / "examples"
WORKFLOWS = sorted((EXAMPLES / "github").glob("*.yml"))
SCRIPT = EXAMPLES / "hf_job_gate.py"


def load(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    # To this parser the key `on` is true.
    return {"on" if key is True else key: each for key, each in value.items()}


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in load(path)["jobs"].values() for step in job["steps"]]


def commands(path: Path) -> list[list[str]]:
    """Return the calls of `curate`, with a word in place of each variable."""
    text = "\n".join(step["run"] for step in steps(path) if "run" in step)
    text = re.sub(r"\$\{\w+:\+([^}]*)\}", r"\1", text).replace("$VERSION", "v1.0.0")
    return [shlex.split(line)[1:] for line in text.splitlines() if line.startswith("curate ")]


def test_there_are_two() -> None:
    assert [path.name for path in WORKFLOWS] == ["publish.yml", "smoke-test.yml"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_commands_are_ones_that_we_have(path: Path) -> None:
    found = commands(path)
    assert found
    for verb, *arguments in found:
        command = cli.get_command(click.Context(cli), verb)
        assert command is not None, verb
        # Raises what a user would see if an option were not there, or lacked its value.
        command.make_context(verb, list(arguments), resilient_parsing=False)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_to_commits(path: Path) -> None:
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert used
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action) for action in used), used


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_value_of_an_event_becomes_part_of_a_shells_text(path: Path) -> None:
    assert not [step["run"] for step in steps(path) if "${{" in step.get("run", "")]


def test_the_smoke_test_is_what_the_backend_looks_for() -> None:
    value = load(EXAMPLES / "github" / "smoke-test.yml")
    workflow = Workflow("owner/name")
    assert workflow.workflow == "smoke-test.yml"
    assert value["on"]["repository_dispatch"]["types"] == [workflow.event]
    assert "${{ github.event.client_payload.key || inputs.key }}" in value["run-name"]
    assert value["permissions"] == {}
    upload = steps(EXAMPLES / "github" / "smoke-test.yml")[-1]
    assert upload["with"]["name"] == f"{ARTIFACT}-${{{{ env.KEY }}}}"
    assert (upload["if"], upload["with"]["if-no-files-found"]) == ("always()", "error")
    # Where `curate gate --out verdict` writes.
    assert upload["with"]["path"] == "verdict/gate"
    gate = next(command for command in commands(EXAMPLES / "github" / "smoke-test.yml") if command[0] == "gate")
    assert gate[gate.index("--out") + 1] == "verdict"


def test_publishing_needs_no_stored_secret() -> None:
    text = (EXAMPLES / "github" / "publish.yml").read_text(encoding="utf-8")
    assert load(EXAMPLES / "github" / "publish.yml")["permissions"] == {"contents": "read", "id-token": "write"}
    assert "secrets." not in text
    assert "HF_TOKEN" not in text


def test_the_script_says_what_it_needs() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    block = re.search(r"(?m)^# /// script\n((?:#.*\n)+?)# ///$", text)
    assert block is not None
    head = tomllib.loads("".join(line.removeprefix("#").removeprefix(" ") for line in block[1].splitlines(True)))
    assert [Requirement(each).name for each in head["dependencies"]] == ["ml-embed-curation"]
    # The same machine as the backend takes by default.
    table = head["tool"]["hf-jobs"]
    assert (table["flavor"], table["timeout"]) == (Machine().flavor, Machine().timeout)


def test_the_client_understands_the_scripts_table() -> None:
    header = pytest.importorskip("huggingface_hub.cli._uv_script_header")
    found = header.parse_uv_script_header(SCRIPT.read_text(encoding="utf-8"))
    assert (found.flavor, found.timeout, found.secrets) == ("cpu-upgrade", "2h", [])


def test_the_client_mounts_what_the_script_shows() -> None:
    from huggingface_hub.cli._cli_utils import parse_volumes

    shown = re.search(r"--volume (\S+)", SCRIPT.read_text(encoding="utf-8"))
    assert shown is not None
    (volume,) = parse_volumes([shown[1]])
    assert (volume.type, volume.source, volume.revision) == ("dataset", "ORG/NAME", "v1.0.0")
    assert volume.mount_path == str(MOUNT)
