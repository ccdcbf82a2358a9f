"""A sound release of six languages, and copies of it that are wrong in one thing only."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.config.training import Training
from curation.files import sha256_file, write_json
from curation.gate import Verdict, run_gate
from curation.release import Release, layout, open_release
from curation.release.reader import ReleaseFile
from curation.release.shards import schema_digest

LANGUAGES = ("arb_Arab", "deu_Latn", "ell_Grek", "hye_Armn", "kat_Geor", "rus_Cyrl")


@pytest.fixture(scope="session")
def small() -> Training:
    """Return the settings of a training of a second."""
    return Training(steps=100, batch_size=64, vocabulary=1_000, dims=[16, 32], ranks=[16], depth=1)


@pytest.fixture(scope="session")
def sound(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release of some languages of the finished run."""
    folder = tmp_path_factory.mktemp("sound") / "release"
    shutil.copytree(finished / "release", folder)
    for view in ("data", "full"):
        for language in folder.joinpath(view).iterdir():
            if language.name not in LANGUAGES:
                shutil.rmtree(language)
    return _counted(folder)


@pytest.fixture
def copied(sound: Release, tmp_path: Path) -> Path:
    """A copy of the sound release that may be damaged."""
    return Path(shutil.copytree(sound.path, tmp_path / "release"))


@pytest.fixture
def alter(copied: Path) -> Callable[..., Release]:
    """Return `alter(change, views=..., split=..., language=..., counted=...)`: it changes the tables of a copy."""

    def altered(
        change: Callable[[pa.Table], pa.Table],
        *,
        views: tuple[layout.View, ...] = ("data", "full"),
        split: str = "train",
        language: str = "deu_Latn",
        counted: bool = True,
    ) -> Release:
        release = open_release(copied)
        for view in views:
            for shard in release.shards(view, split=split, language=language):
                pq.write_table(change(pq.read_table(copied / shard.path)), copied / shard.path)
        return _counted(copied) if counted else _sealed(copied)

    return altered


@pytest.fixture
def alter_json(copied: Path) -> Callable[[str, Callable[[Any], object]], Release]:
    """Return `alter_json(name, change)`: it changes a JSON file of a copy in place."""

    def altered(name: str, change: Callable[[Any], object]) -> Release:
        value = json.loads((copied / name).read_text(encoding="utf-8"))
        change(value)
        write_json(copied / name, value)
        return _sealed(copied)

    return altered


@pytest.fixture(scope="session")
def gated(sound: Release, small: Training, tmp_path_factory: pytest.TempPathFactory) -> Verdict:
    """The verdict on the sound release."""
    return run_gate(sound, training=small, cache=tmp_path_factory.mktemp("tokenizers"))


def _counted(folder: Path) -> Release:
    """Let the statistics say how many rows there are now, and seal."""
    release = _sealed(folder)
    stats = json.loads((folder / layout.STATS).read_text(encoding="utf-8"))
    for language, counts in stats["languages"].items():
        for split in layout.SPLITS:
            counts[split] = sum(file.rows or 0 for file in release.shards("data", split=split, language=language))
    write_json(folder / layout.STATS, stats)
    return _sealed(folder)


def _sealed(folder: Path) -> Release:
    """Rewrite the manifest so that the files are what it says."""
    manifest = json.loads((folder / layout.MANIFEST).read_text(encoding="utf-8"))
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    entries = [_entry(folder, path) for path in paths if path != layout.MANIFEST]
    write_json(folder / layout.MANIFEST, manifest | {"files": entries})
    return open_release(folder)


def _entry(folder: Path, path: str) -> dict[str, Any]:
    file = folder / path
    entry = ReleaseFile(path, file.stat().st_size, sha256_file(file))
    if layout.parse_shard(path) is None:
        return dataclasses.asdict(entry)
    shard = pq.ParquetFile(file)
    return dataclasses.asdict(
        dataclasses.replace(entry, rows=shard.metadata.num_rows, schema=schema_digest(shard.schema_arrow))
    )
