"""Writes docs/reference/: the command line and the config, as the program itself knows them.

    python tools/reference.py [--check]

With --check nothing is written: it fails where a page is not what the program says (a test runs it so).
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from curation.cli.main import cli
from curation.config import RunConfig

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
_MADE = "<!-- Made by tools/reference.py: change the program, not this page. -->"


def pages() -> dict[str, str]:
    """Return the text of each page by file name."""
    return {"cli.md": "\n\n".join(_cli()) + "\n", "config.md": "\n\n".join(_config()) + "\n"}


def _cli() -> Iterator[str]:
    yield _MADE
    yield "# Command line"
    yield (
        "Results go to stdout, everything else to stderr; `--json` prints the result for programs, `--log json` (on "
        "any verb) what else happens. Exit codes: 0 ok, 1 error, 2 usage or config, 3 the gate has failed, 4 somebody "
        "else was faster on the Hub, 5 not allowed."
    )
    context = click.Context(cli, info_name="curate")
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        yield from _command(command, click.Context(command, info_name=name, parent=context))


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## {context.command_path}"
    yield f"```text\n{context.command_path} {' '.join(command.collect_usage_pieces(context))}\n```"
    yield from _about(inspect.cleandoc(command.help or ""))
    rows = [record for parameter in command.params if (record := _option(parameter, context))]
    if rows:
        yield "\n".join(["| option | |", "|---|---|", *(f"| `{option}` | {_cell(about)} |" for option, about in rows)])
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from _command(child, click.Context(child, info_name=name, parent=context))


def _about(text: str) -> Iterator[str]:
    """Yield the paragraphs of a help text; one that is indented is a command to copy."""
    for paragraph in filter(str.strip, text.split("\n\n")):
        indented = paragraph.startswith("    ")
        yield f"```bash\n{inspect.cleandoc(paragraph)}\n```" if indented else paragraph


def _option(parameter: click.Parameter, context: click.Context) -> tuple[str, str] | None:
    return parameter.get_help_record(context) if isinstance(parameter, click.Option) else None


def _config() -> Iterator[str]:
    yield _MADE
    yield "# Config"
    yield "One YAML file. A key that is not listed here is refused. `curate config schema` prints the same for editors."
    schema = RunConfig.model_json_schema()
    yield from _section("The file", schema)
    for name, section in sorted(schema["$defs"].items()):
        if "properties" in section:
            yield from _section(name, section)


def _section(title: str, section: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {title}"
    if about := section.get("description"):
        yield " ".join(about.split())
    required = set(section.get("required", ()))
    rows = [
        f"| `{key}` | {_type(value)} | {_default(key, value, required)} | {_cell(value.get('description', ''))} |"
        for key, value in section.get("properties", {}).items()
    ]
    yield "\n".join(["| key | is | default | |", "|---|---|---|---|", *rows])


def _type(value: Mapping[str, Any]) -> str:
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return ", ".join(f"`{each}`" for each in value["enum"])
    for several in ("anyOf", "oneOf", "allOf"):
        if several in value:
            return " or ".join(dict.fromkeys(_type(each) for each in value[several]))
    kind = value.get("type", "anything")
    if kind == "array":
        return f"list of {_type(value.get('items', {}))}"
    if kind == "object" and isinstance(value.get("additionalProperties"), dict):
        return f"mapping to {_type(value['additionalProperties'])}"
    return str(
        {"string": "text", "integer": "whole number", "null": "`null`", "boolean": "`true` or `false`"}.get(kind, kind)
    )


def _default(key: str, value: Mapping[str, Any], required: set[str]) -> str:
    if key in required:
        return "*required*"
    default = value.get("default")
    simple = default is None or isinstance(default, str | int | float | bool)
    return (
        f"`{default!r}`".replace("'", '"').replace("None", "null").replace("True", "true").replace("False", "false")
        if simple
        else ""
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> int:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    stale = []
    for name, text in pages().items():
        file = FOLDER / name
        if options.check:
            stale += [] if file.is_file() and file.read_text(encoding="utf-8") == text else [name]
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    if stale:
        sys.stderr.write(f"{', '.join(stale)}: not what the program says; run python tools/reference.py\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
