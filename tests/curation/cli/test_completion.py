"""Completion, asked for as shells ask, and loaded by a real one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from curation.cli.main import _COMMANDS, run_command


def complete(words: str, count: int) -> list[str]:
    command = [sys.executable, "-c", "import sys; sys.argv[0] = 'curate'; from curation.cli import main; main()"]
    environment = {**os.environ, "_CURATE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(count)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return [line.split(",", 1)[1] for line in done.stdout.splitlines()]


def test_verbs_and_options() -> None:
    assert complete("curate ", 1)[: len(_COMMANDS)] == list(_COMMANDS)
    assert complete("curate pu", 1) == ["publish"]
    assert "--dry-run" in complete("curate publish --", 2)
    assert complete("curate init re", 2) == ["retrieval"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "_CURATE_COMPLETE" in script
    program = shutil.which(shell)
    if program is not None:
        subprocess.run([program, "-n"], input=script, text=True, check=True)
