"""Opening a release that somebody, perhaps a stranger, has made."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curation.errors import ReleaseError
from curation.release import layout

_SHOWN_CHARS = 60
_KINDS = {str: "text", int: "a whole number"}


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """One file of the manifest.

    Attributes:
        path: path inside the release, with `/`.
        bytes: size.
        sha256: digest of the bytes, 64 hexadecimal digits.
        rows: rows of a shard, None for other files.
        schema: digest of a shard's Arrow schema, empty for other files.
    """

    path: str
    bytes: int
    sha256: str
    rows: int | None = None
    schema: str = ""


@dataclass(frozen=True)
class Release:
    """A release on disk.

    Attributes:
        path: its folder.
        manifest: the manifest as it stands in the file.
        digest: SHA-256 of the manifest's bytes; names the release.
    """

    path: Path
    manifest: dict[str, Any]
    digest: str

    @functools.cached_property
    def files(self) -> tuple[ReleaseFile, ...]:
        """The files that the manifest lists, in its order."""
        return tuple(ReleaseFile(**entry) for entry in self.manifest["files"])

    @property
    def identity(self) -> dict[str, str]:
        """Name and version, and the digest of the manifest: what says which release is meant."""
        named = {name: str(self.manifest[name]) for name in ("name", "version")}
        return {**named, "manifest_sha256": self.digest}

    @property
    def languages(self) -> list[str]:
        """The languages that have a shard, sorted."""
        return sorted({language for _, language, _ in self._places})

    @property
    def splits(self) -> list[str]:
        """The splits that have a shard, in the order train, validation, test."""
        found = {split for _, _, split in self._places}
        return [split for split in layout.SPLITS if split in found]

    @property
    def full_shards(self) -> list[str]:
        """Paths of the shards of the view `full`, in the order of the index."""
        return layout.full_shards(file.path for file in self.files)

    @property
    def stats(self) -> dict[str, Any]:
        """The statistics of the run that made the release."""
        return _read_json(self.path / layout.STATS)

    @property
    def verdict(self) -> dict[str, Any] | None:
        """The gate's verdict, or None where the gate has not run."""
        path = self.path / layout.VERDICT
        return _read_json(path) if path.exists() else None

    def shards(self, view: layout.View, *, split: str, language: str | None = None) -> list[ReleaseFile]:
        """Return the shards of a view and split, of one language or of all, in stable order."""
        wanted = [(view, code, split) for code in ([language] if language else self.languages)]
        return sorted((file for place in wanted for file in self._places.get(place, ())), key=lambda f: f.path)

    def recipes(self) -> list[ReleaseFile]:
        """Return the files of rows without texts, in stable order (see `curation.release.recipe`)."""
        return sorted((file for file in self.files if layout.parse_recipe(file.path)), key=lambda f: f.path)

    def read(
        self, view: layout.View, *, split: str, columns: Sequence[str] | None = None, language: str | None = None
    ) -> pa.Table:
        """Read the rows of a view and split.

        Args:
            view: `data` (texts only; a `language` column is appended) or `full` (with provenance).
            split: `train`, `validation` or `test`.
            columns: columns to read, all by default.
            language: one language, all by default.

        Returns:
            A table in stable order: by language, then as in the shards. No rows if there is no such shard.

        Raises:
            ReleaseError: if a shard is missing or is not Parquet.
        """
        wanted = None if columns is None else [name for name in columns if view == "full" or name != "language"]
        pieces = [self._read_shard(file, wanted, view) for file in self.shards(view, split=split, language=language)]
        if not pieces:
            return layout.data_schema(0).append(pa.field("language", pa.string())).empty_table()
        table = pa.concat_tables(pieces)
        return table if columns is None else table.select(columns)

    def _read_shard(self, file: ReleaseFile, columns: Sequence[str] | None, view: layout.View) -> pa.Table:
        path = self.path / file.path
        try:
            table = pq.ParquetFile(path).read(columns=columns)
        except (OSError, pa.ArrowInvalid) as error:
            raise ReleaseError(
                "A shard of the release cannot be read",
                where=str(path),
                why=str(error),
                hint=f"curate verify {self.path}",
            ) from error
        if view == "full":
            return table
        shard = layout.parse_shard(file.path)
        assert shard is not None
        return table.append_column("language", pa.repeat(pa.scalar(shard[1]), table.num_rows))

    @functools.cached_property
    def _places(self) -> dict[tuple[layout.View, str, str], list[ReleaseFile]]:
        """The shards by (view, language, split)."""
        places: dict[tuple[layout.View, str, str], list[ReleaseFile]] = {}
        for file in self.files:
            if (place := layout.parse_shard(file.path)) is not None:
                places.setdefault(place, []).append(file)
        return places


def open_release(path: Path | str) -> Release:
    """Open the release in a folder; reads its manifest, and no shard.

    Raises:
        ReleaseError: if there is no manifest, or one that is not ours or names files outside the folder.
    """
    folder = Path(path)
    file = folder / layout.MANIFEST
    if not file.is_file():
        raise ReleaseError(
            "This folder is not a release",
            where=str(folder),
            why=f"it holds no {layout.MANIFEST}",
            hint="name the folder `release` of a finished run (curate run CONFIG --out DIR makes DIR/release)",
        )
    data = file.read_bytes()
    manifest = _read_json(file)
    _check_shape(manifest, file)
    return Release(folder, manifest, hashlib.sha256(data).hexdigest())


def _check_shape(manifest: dict[str, Any], file: Path) -> None:
    """Check once what everybody who reads a manifest relies on."""
    try:
        entries = [ReleaseFile(**entry) for entry in manifest["files"]]
        wrong = [why for entry in entries for why in _wrong_types(entry)] + list(_wrong_keys(manifest))
    except (KeyError, TypeError) as error:
        raise _broken(file, f"{type(error).__name__}: {error}") from error
    if wrong:
        raise _broken(file, wrong[0])
    paths = [layout.checked_path(entry.path) for entry in entries]
    if len(set(paths)) < len(paths):
        raise _broken(file, "a file is listed twice")


def _wrong_types(entry: ReleaseFile) -> Iterator[str]:
    for name, kind in (("path", str), ("bytes", int), ("sha256", str), ("rows", int), ("schema", str)):
        value = getattr(entry, name)
        # A bool is an int to Python, and not to us.
        if type(value) is not kind and not (name == "rows" and value is None):
            yield f"files: {name} must be {_KINDS[kind]}, not {_shown(value)}"


def _wrong_keys(manifest: Mapping[str, Any]) -> Iterator[str]:
    missing = sorted({"name", "version", "config", "sources"} - manifest.keys())
    if missing:
        yield f"the key {missing[0]} is missing"
        return
    licence = manifest.get("licence", {})
    mappings = {"config": manifest["config"], "sources": manifest["sources"], "licence": licence}
    for key, value in mappings.items():
        if not isinstance(value, dict):
            yield f"{key} must be a mapping, not {_shown(value)}"
            return
    for name, source in manifest["sources"].items():
        if not isinstance(source, dict):
            yield f"the source {_shown(name)} must be a mapping, not {_shown(source)}"
    recipes = licence.get("recipes", [])
    if not isinstance(recipes, list) or not all(isinstance(name, str) for name in recipes):
        yield f"licence.recipes must be names of sources, not {_shown(recipes)}"


def _shown(value: object) -> str:
    return ascii(value)[:_SHOWN_CHARS]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise _broken(path, str(error)) from error
    if not isinstance(value, dict):
        raise _broken(path, "it is not a JSON object")
    return value


def _broken(path: Path, why: str) -> ReleaseError:
    return ReleaseError(f"{path.name} cannot be understood", where=str(path), why=why, hint="fetch the release again")
