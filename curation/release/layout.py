"""Names and schemas of the files of a release. Readers and writers agree here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import pyarrow as pa

from curation.errors import ReleaseError

View = Literal["data", "full"]

SPLITS = ("train", "validation", "test")
MANIFEST = "manifest.json"
STATS = "stats.json"
CARD = "README.md"
CHANGELOG = "CHANGELOG.md"
LICENCES = "LICENSE"
CROISSANT = "croissant.json"
CITATION = "CITATION.cff"
INDEX = "index/near-duplicates.parquet"
VERDICT = "gate/verdict.json"
GATE_REPORT = "gate/report.html"
JUNIT = "gate/junit.xml"
NOTICES = "notices.json"

# What a manifest lists beside the shards.
OTHERS = (INDEX, STATS, CARD, CHANGELOG, LICENCES, CROISSANT, CITATION)
# A release's digest is its manifest's; what the gate and publishing add afterwards speaks about that digest.
OUTSIDE_MANIFEST = (MANIFEST, VERDICT, GATE_REPORT, JUNIT, NOTICES)

_SHARD = re.compile(
    r"(?P<view>data|full)/(?P<language>[a-z]{2,12}_[A-Z][a-z]{3})/(?P<split>train|validation|test)-\d{5}-of-\d{5}\.parquet"
)
_RECIPE = re.compile(
    r"recipe/(?P<language>[a-z]{2,12}_[A-Z][a-z]{3})/(?P<split>train|validation|test)-\d{5}-of-\d{5}\.parquet"
)
_SAFE_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*")


def shard_path(view: View, language: str, split: str, index: int, count: int) -> str:
    """Return the path of one shard inside a release."""
    return f"{view}/{language}/{split}-{index:05d}-of-{count:05d}.parquet"


def parse_shard(path: str) -> tuple[View, str, str] | None:
    """Return (view, language, split) of a shard's path, or None for any other file."""
    match = _SHARD.fullmatch(path)
    if match is None:
        return None
    return ("data" if match["view"] == "data" else "full"), match["language"], match["split"]


def full_shards(paths: Iterable[str]) -> list[str]:
    """Return those of some paths that are shards of the view `full`, sorted."""
    return sorted(path for path in paths if (shard := parse_shard(path)) and shard[0] == "full")


def recipe_path(language: str, split: str, index: int, count: int) -> str:
    """Return the path of one file of rows without texts (see `curation.release.recipe`)."""
    return f"recipe/{language}/{split}-{index:05d}-of-{count:05d}.parquet"


def index_part(shard: str) -> str:
    """Return the path of what the index says of one `full` shard; no release holds it, it is a part of `INDEX`."""
    return f"index/{shard}"


def parse_recipe(path: str) -> tuple[str, str] | None:
    """Return (language, split) of a recipe's path, or None for any other file."""
    match = _RECIPE.fullmatch(path)
    return (match["language"], match["split"]) if match else None


def checked_path(path: str) -> str:
    """Return a path from a manifest if it can only lie inside the release.

    Raises:
        ReleaseError: for absolute paths, `..`, hidden names, back-slashes and whatever else is not plain.
    """
    if not _SAFE_PATH.fullmatch(path):
        raise ReleaseError(
            "The manifest names a file outside the release",
            why=f"{path!r} is not a plain relative path",
            hint="do not use this release; ask its publisher",
        )
    return path


def data_schema(num_negatives: int) -> pa.Schema:
    """Return the schema of `data/`: trainers take every column as an input, so there is nothing else in it."""
    names = ["anchor", "positive", *(f"negative_{index}" for index in range(1, num_negatives + 1))]
    return pa.schema([pa.field(name, pa.string(), nullable=False) for name in names])
