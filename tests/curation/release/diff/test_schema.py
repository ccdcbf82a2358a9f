from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from small_release import FULL, row, write_release

from curation.errors import ReleaseError
from curation.release.diff.schema import SchemaChange, schema_changes

ROWS = [row(1), row(2, "tha_Thai")]


def replaced(name: str, field: pa.Field) -> pa.Schema:
    return FULL.set(FULL.get_field_index(name), field)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (FULL, []),
        (FULL.append(pa.field("copy", pa.int32())), [SchemaChange("full", "copy", "", "int32")]),
        (FULL.remove(FULL.get_field_index("score")), [SchemaChange("full", "score", "float", "")]),
        (replaced("score", pa.field("score", pa.float64())), [SchemaChange("full", "score", "float", "double")]),
        (
            replaced("licence", pa.field("licence", pa.string())),
            [SchemaChange("full", "licence", "string not null", "string")],
        ),
        (
            FULL.append(pa.field("negative_2", pa.string())),
            [SchemaChange("full", "number of negatives", "1", "2")],
        ),
        (
            pa.schema([FULL.field("positive"), FULL.field("anchor"), *list(FULL)[2:]]),
            [
                SchemaChange(
                    "full",
                    "order of columns",
                    "anchor, positive, id, source, licence, score, origins, candidates",
                    "positive, anchor, id, source, licence, score, origins, candidates",
                )
            ],
        ),
    ],
)
def test_schema_changes(tmp_path: Path, schema: pa.Schema, expected: list[SchemaChange]) -> None:
    one, other = write_release(tmp_path / "one", ROWS), write_release(tmp_path / "other", ROWS, schema=schema)
    assert schema_changes(one, other) == expected
    mirrored = [SchemaChange(change.view, change.what, change.new, change.old) for change in expected]
    assert schema_changes(other, one) == mirrored


def test_views_and_layout(tmp_path: Path) -> None:
    one, other = write_release(tmp_path / "one", ROWS), write_release(tmp_path / "other", [], schema=FULL)
    assert schema_changes(one, other) == [SchemaChange("full", "view", "full/", "")]
    newer = write_release(tmp_path / "newer", ROWS)
    object.__setattr__(newer, "manifest", newer.manifest | {"schema": "curation-manifest/2"})
    assert schema_changes(one, newer) == [SchemaChange("", "layout", "curation-manifest/1", "curation-manifest/2")]


def test_a_shard_that_cannot_be_read(tmp_path: Path) -> None:
    one = write_release(tmp_path / "one", ROWS)
    other = write_release(tmp_path / "other", ROWS, schema=FULL.append(pa.field("copy", pa.int32())))
    (other.path / other.shards("full", split="train")[0].path).write_bytes(b"nothing")
    with pytest.raises(ReleaseError, match="cannot be read"):
        schema_changes(one, other)
