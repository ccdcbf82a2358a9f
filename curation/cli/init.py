"""`curate init`."""

from __future__ import annotations

from pathlib import Path

import click

from curation.cli.output import result, say
from curation.errors import ConfigError
from curation.templates import KINDS, template


@click.command("init", epilog="\b\n" + "\n".join(f"{kind:<10} {about}" for kind, about in KINDS.items()))
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.option("--out", type=click.Path(path_type=Path), help="Write it to this file, which must not be there yet.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def init_command(kind: str, out: Path | None, as_json: bool) -> None:
    """Write a commented config to begin with, for one of the common tasks."""
    text = template(kind)
    if out is None:
        result({"kind": kind, "config": text}, text.rstrip(), as_json=as_json)
        return
    try:
        with out.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise ConfigError("There is a file of this name already", str(out), hint="name another with --out") from None
    say(f"Next: name your files in it, then: curate plan {out}")
    result({"kind": kind, "config": str(out)}, str(out), as_json=as_json)
