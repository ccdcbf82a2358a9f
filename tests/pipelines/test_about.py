"""A run's folder says what it is, and every command that it names is one."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from curation.cli.main import cli, run_command
from curation.config import RunConfig
from pipelines.about import about_run


def commands(text: str) -> list[list[str]]:
    found = re.findall(r"^    curate (.*)$", text, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in found]


def test_it_names_the_release(config: RunConfig) -> None:
    assert about_run(config).splitlines()[0] == "# messages 0.1.0, a run of `curate`"
    later = config.model_copy(update={"release": config.release.model_copy(update={"version": "2.1.0"})})
    assert "--version v2.1.0" in about_run(later)
    assert about_run(config) == about_run(config.model_copy())


def test_every_command_can_be_typed(config: RunConfig) -> None:
    found = commands(about_run(config))
    assert len(found) >= 6
    for name, *arguments in found:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        command.make_context(name, arguments)


@pytest.mark.parametrize("verb", ["status", "verify"])
def test_a_command_works_in_the_folder(finished: Path, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    text = (finished / "README.md").read_text(encoding="utf-8")
    monkeypatch.chdir(finished)
    (command,) = [each for each in commands(text) if each[0] == verb]
    assert run_command(command) == 0


def test_what_lies_in_the_folder_is_in_the_table(finished: Path) -> None:
    text = (finished / "README.md").read_text(encoding="utf-8")
    for path in finished.iterdir():
        name = f"{path.name}/" if path.is_dir() else path.name
        assert name == "README.md" or path.name.startswith(".") or re.search(rf"\| .*\b{re.escape(name)}", text), name
