"""`curate eval-sets`: what mteb evaluates on, ready for the section `decontaminate` of a config."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from curation.cli.output import result, say


@click.command("eval-sets")
@click.argument("names", nargs=-1, required=True, metavar="TASK|BENCHMARK...")
@click.option("--language", "languages", multiple=True, metavar="CODE", help="Only subsets in this language (deu).")
@click.option("--out", type=click.Path(path_type=Path), help="Download the texts into this folder, as Parquet.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def eval_sets_command(names: tuple[str, ...], languages: tuple[str, ...], out: Path | None, as_json: bool) -> None:
    """List what the tasks and benchmarks NAMES of the installed mteb evaluate on, as YAML for a config.

    With --out the texts are written to OUT/TASK/SPLIT.parquet, where the YAML expects them; that needs a network.
    """
    from hub_upload.evaluation_sets import describe, export, find_tasks, to_yaml

    tasks = find_tasks(names, languages)
    listings = [describe(task) for task in tasks]
    written = []
    for number, task in enumerate(tasks if out else (), 1):
        say(f"{number} of {len(tasks)}: {task.metadata.name}")
        written += export(task, out) if out else []
    text = to_yaml(listings, (out or Path("evaluation")).as_posix())
    value = {"tasks": [asdict(listing) for listing in listings], "files": [str(path) for path in written], "yaml": text}
    result(value, text, as_json=as_json)
