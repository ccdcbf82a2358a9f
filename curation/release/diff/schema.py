"""What differs between the schemas of two releases: columns, types, nullability, the number of negatives, views."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import get_args

import pyarrow as pa
import pyarrow.parquet as pq

from curation.errors import ReleaseError
from curation.release import layout
from curation.release.reader import Release

_NEGATIVE = re.compile(r"negative_\d+")


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """Something that breaks a program that reads a release by its columns.

    Attributes:
        view: `data` or `full`; empty where the whole release is meant.
        what: the column, `number of negatives`, `order of columns`, `view` or `layout`.
        old: what it was; empty where there was nothing.
        new: what it is, likewise.
    """

    view: str
    what: str
    old: str
    new: str


def schema_changes(earlier: Release, later: Release) -> list[SchemaChange]:
    """Return what differs in the schemas; only footers are read, and none where the manifests say that they agree.

    Raises:
        ReleaseError: if a shard cannot be read.
    """
    old, new = (str(release.manifest.get("schema", "")) for release in (earlier, later))
    changes = [SchemaChange("", "layout", old, new)] if old != new else []
    for view in get_args(layout.View):
        one, other = (_digests(release, view) for release in (earlier, later))
        if set(one) != set(other):
            changes += _of_view(view, _schema(earlier, one), _schema(later, other))
    return changes


def _digests(release: Release, view: layout.View) -> dict[str, str]:
    """Return a shard for each digest of a schema."""
    found: dict[str, str] = {}
    for file in release.files:
        shard = layout.parse_shard(file.path)
        if shard is not None and shard[0] == view:
            found.setdefault(file.schema, file.path)
    return found


def _schema(release: Release, shards: dict[str, str]) -> pa.Schema | None:
    """Return the fields of all shards, those of the first one first."""
    fields: dict[str, pa.Field] = {}
    for path in shards.values():
        try:
            schema = pq.read_schema(release.path / path)
        except (OSError, pa.ArrowException) as error:
            where, hint = str(release.path / path), f"curate verify {release.path}"
            raise ReleaseError(
                "A shard of the release cannot be read", where=where, why=str(error), hint=hint
            ) from error
        for field in schema:
            fields.setdefault(field.name, field)
    return pa.schema(list(fields.values())) if shards else None


def _of_view(view: str, old: pa.Schema | None, new: pa.Schema | None) -> list[SchemaChange]:
    if old is None or new is None:
        here, missing = f"{view}/", ""
        return [SchemaChange(view, "view", here if old is not None else missing, here if new is not None else missing)]
    changes = []
    counts = [sum(1 for name in schema.names if _NEGATIVE.fullmatch(name)) for schema in (old, new)]
    if counts[0] != counts[1]:
        changes.append(SchemaChange(view, "number of negatives", str(counts[0]), str(counts[1])))
    one, other = (
        {field.name: _said(field) for field in schema if not _NEGATIVE.fullmatch(field.name)} for schema in (old, new)
    )
    differing = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
    changes += [SchemaChange(view, name, one.get(name, ""), other.get(name, "")) for name in differing]
    shared = [[name for name in names if name in one and name in other] for names in (one, other)]
    if shared[0] != shared[1]:
        changes.append(SchemaChange(view, "order of columns", ", ".join(shared[0]), ", ".join(shared[1])))
    return changes


def _said(field: pa.Field) -> str:
    return f"{field.type}{'' if field.nullable else ' not null'}"
