"""`curate config`: the config's schema and its resolved form."""

from __future__ import annotations

import json
from pathlib import Path

import click

from curation.config import RunConfig, load_config

# Taken as by every verb; what these print is JSON in any case.
_json = click.option("--json", "as_json", is_flag=True, expose_value=False, help="Print the result as JSON, as always.")


@click.group("config")
def config_command() -> None:
    """About the config file."""


@config_command.command("schema")
@_json
def schema() -> None:
    """Print the JSON schema of the config, for editors.

    Put `# yaml-language-server: $schema=curate.schema.json` on the config's first line.
    """
    click.echo(json.dumps(RunConfig.model_json_schema(), indent=2, ensure_ascii=False))


@config_command.command("show")
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Replace a setting.")
@_json
def show(config: Path, overrides: tuple[str, ...]) -> None:
    """Print a config with every default filled in."""
    click.echo(json.dumps(load_config(config, overrides).model_dump(mode="json"), indent=2, ensure_ascii=False))
