"""What `curate plan`, `curate run` and `curate quickstart` have in common: options, and the config."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curation.cli.output import plain, say
from curation.config import RunConfig, load_config

if TYPE_CHECKING:
    from pipelines.run import RunOptions

_Function = Callable[..., Any]


def engine_options(function: _Function) -> _Function:
    """Add the options that choose an engine, and those that every verb with a config has."""
    options = (
        click.option("--engine", type=click.Choice(["datatrove", "beam"]), default="datatrove", show_default=True),
        click.option(
            "--workers", type=click.IntRange(1), default=2, show_default=True, help="Processes or workers (datatrove)."
        ),
        click.option("--work", default="", metavar="PLACE", help="Work folder, a path or URL; by default in --out."),
        click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Replace a setting: --set seed=7"),
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
        click.argument("engine_arguments", nargs=-1, type=click.UNPROCESSED),
    )
    for option in reversed(options):
        function = option(function)
    return function


def licence_options(function: _Function) -> _Function:
    """Add what a verb asks of licences."""
    about = "Leave out sources whose licence forbids commercial use, or of which nobody knows."
    return click.option("--commercial-safe", is_flag=True, help=about)(function)


def load(config: Path, overrides: tuple[str, ...], *, commercial_safe: bool) -> RunConfig:
    """Read a config, and say which sources a run does without.

    Raises:
        ConfigError: if it cannot be read.
        LicenceClashError: if its licences exclude each other.
    """
    from curation.licences.licensing import apply_licences

    loaded = load_config(config, (*overrides, *(["release.commercial_safe=true"] if commercial_safe else [])))
    for each in apply_licences(loaded).left_out:
        say(f"Left out: {plain(each.source)} ({plain(each.licence)}): {each.why}")
    return loaded


def run_options(engine: dict[str, Any]) -> RunOptions:
    """Return how a run is carried out, from the values of `engine_options`."""
    from pipelines.run import RunOptions

    return RunOptions(engine["engine"], engine["workers"], tuple(engine["engine_arguments"]), engine["work"])
