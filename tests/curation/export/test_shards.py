from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.errors import ReleaseError
from curation.export import Options, export_release
from curation.export.shards import negative_columns

SHARD = "full/tha_Thai/train-00000-of-00001.parquet"


@pytest.mark.parametrize(
    ("names", "count"),
    [
        ([], 0),
        (["negative_1", "negative_2"], 2),
        (["negative_2", "negative_1", "negative_ids"], 2),
        (["negative_1", "negative_3"], 1),
        (["negative_0", "negative_01"], 0),
    ],
)
def test_negatives_are_found_by_name(names: list[str], count: int) -> None:
    schema = pa.schema([(name, pa.string()) for name in names])
    assert negative_columns(schema) == [f"negative_{number}" for number in range(1, count + 1)]


def _without(name: str) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.drop_columns([name])


def _with(name: str, column: pa.Array) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        values = pa.concat_arrays([column] * table.num_rows) if len(column) == 1 else column
        return table.set_column(table.schema.get_field_index(name), name, values)

    return change


_BROKEN_UTF8 = pa.Array.from_buffers(pa.binary(), 1, pa.array([b"\xff\xfe"]).buffers()).view(pa.string())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_without("anchor"), "no column 'anchor'"),
        (_without("negative_7"), "differ in their number of negatives"),
        (_with("positive", pa.array([None], pa.string())), "'positive' holds nulls"),
        (_with("source", pa.array([7])), "'source' is int64, not string"),
        (_with("anchor", _BROKEN_UTF8), "(?i)utf.?8"),
        (_with("task", pa.array(["retrieval", "sts"] * 10 + ["sts"])), "mixes task types"),
    ],
)
def test_a_shard_that_lies_is_refused(
    change: Callable[[pa.Table], pa.Table],
    words: str,
    mixed: Path,
    reseal: Callable[[Path], None],
    tmp_path: Path,
) -> None:
    release = tmp_path / "release"
    shutil.copytree(mixed, release)
    pq.write_table(change(pq.read_table(release / SHARD)), release / SHARD)
    reseal(release)
    with pytest.raises(ReleaseError, match=words):
        export_release(release, "tevatron", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage", ["missing", "changed", "no parquet"])
def test_every_shard_that_is_read_is_verified(
    damage: str, mixed: Path, reseal: Callable[[Path], None], tmp_path: Path
) -> None:
    release = tmp_path / "release"
    shutil.copytree(mixed, release)
    data = (release / SHARD).read_bytes()
    if damage == "missing":
        (release / SHARD).unlink()
    elif damage == "changed":
        (release / SHARD).write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    else:
        (release / SHARD).write_bytes(b"no parquet")
        reseal(release)
    with pytest.raises(ReleaseError, match="not what it should be"):
        export_release(release, "tevatron", tmp_path / "out")
    # What is not read is nobody's concern.
    assert export_release(release, "tevatron", tmp_path / "out", Options(languages=("kor_Hang",))).value["datasets"]
