"""The double of storage, by the two clients that speak to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import fsspec
import pytest
from gcs_double import GcsDouble
from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud import storage
from http_double import Reply


@pytest.fixture
def gcs(monkeypatch: pytest.MonkeyPatch) -> Iterator[GcsDouble]:
    # Small pages, so that every listing takes several.
    with GcsDouble("bucket", page=3) as double:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", double.url)
        yield double


@pytest.fixture
def bucket(gcs: GcsDouble) -> Any:
    client = storage.Client.create_anonymous_client()
    client.project = "toy-project"
    return client.bucket("bucket")


@pytest.fixture
def files(gcs: GcsDouble) -> Any:
    return fsspec.filesystem("gs", token="anon", skip_instance_cache=True)


NAMES = ["plain.txt", "données/ቃል.txt", "a b/c+d?e=f&g#h.txt", "深い/所/ファイル"]
DATA = [b"", b"x", b"\r\n--===\r\n\r\n\x00\xff", os.urandom(3_000_000)]


@pytest.mark.parametrize("data", DATA, ids=["nothing", "a byte", "a boundary", "chunks"])
@pytest.mark.parametrize("name", NAMES)
def test_what_one_client_writes_the_other_reads(name: str, data: bytes, bucket: Any, files: Any) -> None:
    bucket.blob(name).upload_from_string(data)
    assert files.cat_file(f"bucket/{name}") == data
    with files.open(f"bucket/{name}.copy", "wb", block_size=2**20) as stream:
        stream.write(data)
    assert bucket.blob(f"{name}.copy").download_as_bytes() == data
    assert bucket.get_blob(name).md5_hash == bucket.get_blob(f"{name}.copy").md5_hash


def test_ranges(bucket: Any, files: Any) -> None:
    bucket.blob("x").upload_from_string(b"0123456789")
    assert bucket.blob("x").download_as_bytes(start=2, end=4) == b"234"
    assert files.cat_file("bucket/x", start=7) == b"789"
    assert files.cat_file("bucket/x", start=-3) == b"789"


def test_listings(bucket: Any, files: Any) -> None:
    for number in range(8):
        bucket.blob(f"run/part-{number % 2}/{number}").upload_from_string(b"x" * number)
    assert [blob.name for blob in bucket.list_blobs(prefix="run/part-1/")] == [f"run/part-1/{n}" for n in (1, 3, 5, 7)]
    found = bucket.list_blobs(prefix="run/", delimiter="/")
    assert [blob.name for blob in found] == []
    assert found.prefixes == {"run/part-0/", "run/part-1/"}
    assert files.ls("bucket/run", detail=False) == ["bucket/run/part-0", "bucket/run/part-1"]
    assert len(files.find("bucket")) == 8
    assert files.glob("bucket/*/part-0/[2-5]") == ["bucket/run/part-0/2", "bucket/run/part-0/4"]
    assert files.isdir("bucket/run/part-0")
    assert not files.exists("bucket/run/part-2")
    assert files.info("bucket/run/part-1/7")["size"] == 7


def test_changes(bucket: Any, files: Any) -> None:
    files.pipe_file("bucket/a/x", b"1")
    files.mv("bucket/a/x", "bucket/b/x")
    files.copy("bucket/b/x", "bucket/b/y")
    bucket.rename_blob(bucket.blob("b/y"), "b/z")
    assert files.find("bucket") == ["bucket/b/x", "bucket/b/z"]
    files.rm("bucket/b", recursive=True)
    bucket.blob("c").upload_from_string(b"1")
    bucket.blob("d").upload_from_string(b"2")
    bucket.blob("e").compose([bucket.blob("c"), bucket.blob("d")])
    assert files.cat_file("bucket/e") == b"12"
    with bucket.client.batch():
        bucket.blob("c").delete()
        bucket.blob("d").delete()
    assert files.find("bucket") == ["bucket/e"]


def test_preconditions(bucket: Any, files: Any) -> None:
    blob = bucket.blob("x")
    blob.upload_from_string(b"1", if_generation_match=0)
    first = blob.generation
    with pytest.raises(PreconditionFailed):
        bucket.blob("x").upload_from_string(b"2", if_generation_match=0)
    with pytest.raises(FileExistsError):
        files.pipe_file("bucket/x", b"2", mode="create")
    bucket.blob("x").upload_from_string(b"2", if_generation_match=first)
    with pytest.raises(PreconditionFailed):
        bucket.blob("x").delete(if_generation_match=first)
    assert files.cat_file("bucket/x") == b"2"
    with pytest.raises(NotFound):
        bucket.blob("x", generation=first).download_as_bytes()


def test_a_file_is_there_when_its_transaction_ends(files: Any) -> None:
    with files.transaction:
        with files.open("bucket/x", "wb") as stream:
            stream.write(b"1")
        assert not files.exists("bucket/x")
    assert files.cat_file("bucket/x") == b"1"


def test_faults_can_be_put_in(gcs: GcsDouble, files: Any) -> None:
    files.pipe_file("bucket/x", b"1")
    left = [503, 503]
    gcs.fault = lambda request: Reply.error(left.pop(), "try again") if left else None
    assert files.cat_file("bucket/x") == b"1"
    assert left == []
