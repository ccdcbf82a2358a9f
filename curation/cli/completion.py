"""`curate completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from curation.cli.output import result

_SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(_SHELLS))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def completion_command(shell: str, as_json: bool) -> None:
    """Print what makes SHELL complete verbs, options and files.

    curate completion bash >> ~/.bashrc

    curate completion zsh >> ~/.zshrc

    curate completion fish > ~/.config/fish/completions/curate.fish
    """
    from curation.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(cli, {}, "curate", "_CURATE_COMPLETE").source()
    result({"shell": shell, "script": script}, script, as_json=as_json)
