"""What plan.json in the folder of a run says."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from curation.config import RunConfig, parse_config
from curation.errors import CurationError
from pipelines.store import StageStore, Store

PLAN, CONFIG = "plan.json", "config.yml"
_FOLDER = re.compile(r"work/[a-z_]+-[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a run, as far as others than the run itself ask for it.

    Attributes:
        name: of the release.
        version: of the release.
        engine: name of the engine.
        partitions: parts that each stage has.
        work: path or URL of the work folder.
        places: where each stage's results lie, in the order of the stages.
    """

    name: str
    version: str
    engine: str
    partitions: int
    work: str
    places: tuple[StageStore, ...]


def read_plan(run: Path) -> Plan:
    """Read the plan of a run.

    Args:
        run: folder of the run.

    Raises:
        CurationError: if the folder holds no run, or something that no run has written.
    """
    file = run / PLAN
    try:
        said = json.loads(_read(file))
    except ValueError as error:
        raise _unreadable(file, f"not JSON: {error}") from error
    try:
        store = Store.at(work_folder(run, str(said.get("work", ""))))
        places = tuple(_place(store, stage["stage"], stage["folder"]) for stage in said["stages"])
        engine, partitions = str(said["engine"]["name"]), int(said["partitions"])
        return Plan(str(said["name"]), str(said["version"]), engine, partitions, str(store.folder), places)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _unreadable(file, f"not as a run writes it: {type(error).__name__}: {error}") from error


def read_config(run: Path) -> RunConfig:
    """Read the resolved config of a run.

    Args:
        run: folder of the run.

    Raises:
        CurationError: if the folder holds no run.
        ConfigError: if the config is none.
    """
    return parse_config(_read(run / CONFIG), origin=str(run / CONFIG))


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        hint = "name the folder that `curate run --out` or `curate quickstart --out` made"
        raise CurationError("This folder holds no run", where=str(file.parent), why=str(error), hint=hint) from error


def work_folder(run: Path, work: str) -> Path | str:
    """Return where the stages of a run write: in its own folder, unless it names another place."""
    return work or run / "work"


def _place(store: Store, stage: str, folder: str) -> StageStore:
    if not _FOLDER.fullmatch(folder) or not folder.startswith(f"work/{stage}-"):
        raise ValueError(f"{folder!r} is no folder of the stage {stage!r}")
    return store.stage(stage, folder.rpartition("-")[2])


def _unreadable(file: Path, why: str) -> CurationError:
    return CurationError(
        "The plan of the run cannot be read", where=str(file), why=why, hint="run `curate run` again with this --out"
    )
