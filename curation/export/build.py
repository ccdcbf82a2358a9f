"""Making an export: all of a folder, or nothing."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from curation.errors import ConfigError
from curation.export.options import Options
from curation.export.plan import Dataset, Plan, survey
from curation.export.registry import View, check_options, check_plan, chosen_splits, find_view
from curation.export.target import Written
from curation.files import sha256_file, write_json
from curation.release import layout, open_release

EXPORT = "export.json"
SCHEMA = "curation-export/1"


@dataclass(frozen=True, slots=True)
class Export:
    """A finished export.

    Attributes:
        path: its folder.
        value: what stands in its export.json.
    """

    path: Path
    value: dict[str, Any]


def export_release(
    path: Path | str, view: str, out: Path | str, options: Options | None = None, *, replace: bool = False
) -> Export:
    """Export a release in the layout that a consumer reads.

    The folder appears when everything in it has been written and read back. It is a function of the release and the
    options.

    Args:
        path: folder of the release.
        view: name of a view, see `curation.export.registry.VIEWS`.
        out: the folder to make.
        options: what to export; all of the view's splits by default.
        replace: an earlier export in `out` may be replaced.

    Returns:
        The folder and what was written to it.

    Raises:
        ReleaseError: if the release is not sound, or lacks what the view needs.
        ConfigError: if the options ask for what cannot be, or `out` holds something that must not be lost.
    """
    chosen, options = find_view(view), options or Options()
    check_options(chosen, options)
    target = Path(os.path.abspath(out))  # noqa: PTH100 - a link itself must not be followed
    release = open_release(path)
    _check_target(target, release.path, replace=replace)
    splits = chosen_splits(chosen, release, options)
    read = layout.SPLITS if chosen.reads_all else splits
    plan = survey(release, options, splits=splits, read=read, scores=chosen.reads_scores)
    check_plan(chosen, plan)
    with _whole_folder(target) as folder:
        value = _describe(plan, chosen, chosen.write(plan, folder), folder)
        write_json(folder / EXPORT, value)
    return Export(target, value)


def _check_target(target: Path, release: Path, *, replace: bool) -> None:
    inside = target.resolve().is_relative_to(release.resolve()) or release.resolve().is_relative_to(target.resolve())
    if inside:
        raise ConfigError(
            "An export cannot lie in its release, nor hold it", where=str(target), hint="name another --out"
        )
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise ConfigError("--out is not a folder", where=str(target), hint="name a folder that is not there yet")
    if not target.exists() or not any(target.iterdir()):
        return
    stranger = _stranger(target)
    if stranger:
        raise ConfigError("--out holds something else", where=str(target), why=stranger, hint="name another --out")
    if not replace:
        raise ConfigError("--out holds an earlier export", where=str(target), hint="name another --out, or add --force")


def _stranger(target: Path) -> str:
    """Return why a folder is not an export and nothing else, or an empty string if it is."""
    try:
        value = json.loads((target / EXPORT).read_bytes())
        known = {EXPORT, *(entry["path"] for entry in value["files"])}
        if value["schema"] != SCHEMA:
            return f"its {EXPORT} is not ours"
    except (OSError, ValueError, KeyError, TypeError):
        return f"it has no {EXPORT} of ours"
    others = sorted(
        name
        for path in target.rglob("*")
        if (path.is_symlink() or not path.is_dir()) and (name := path.relative_to(target).as_posix()) not in known
    )
    return f"{others[0]!r} is no part of the export in it" if others else ""


@contextlib.contextmanager
def _whole_folder(target: Path) -> Iterator[Path]:
    """Give a folder beside `target`, which takes its place when the block ends without an error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary, old = (target.with_name(f".{target.name}.{os.getpid()}.{end}") for end in ("tmp", "old"))
    # What a killed process of this number left behind.
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        if target.exists():
            target.rename(old)
        temporary.rename(target)
    finally:
        if old.exists() and not target.exists():
            old.rename(target)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _describe(plan: Plan, view: View, written: Written, folder: Path) -> dict[str, Any]:
    release = plan.release
    options = asdict(plan.options) | {"splits": plan.splits}
    return {
        "schema": SCHEMA,
        "view": view.name,
        "release": release.identity,
        "options": {key: list(value) if isinstance(value, tuple) else value for key, value in options.items()},
        "num_negatives": plan.num_negatives,
        "datasets": [_dataset(dataset, written.rows.get(dataset, 0)) for dataset in plan.exported],
        "warnings": list(written.warnings),
        "files": [_file(folder, path, rows) for path, rows in sorted(written.files.items())],
    }


def _dataset(dataset: Dataset, rows: int) -> dict[str, Any]:
    facts = {key: value for key, value in asdict(dataset).items() if key not in ("rows", "is_scored")}
    return facts | {"rows": rows, "rows_in_release": dataset.rows}


def _file(folder: Path, path: str, rows: int | None) -> dict[str, Any]:
    file = folder / path
    sizes = {} if rows is None else {"rows": rows}
    return {"path": path, "bytes": file.stat().st_size, "sha256": sha256_file(file)} | sizes
