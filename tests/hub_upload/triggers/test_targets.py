"""What a reference stands for, by the real client on the Hub's double."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_double import HubDouble
from hub_store import AddBlob
from small_releases import REPO, hub, make_release
from trigger_runs import Times

from curation.errors import ConfigError, ReleaseError
from curation.release import Release
from hub_upload import publish
from hub_upload.client import connect
from hub_upload.errors import HubError, HubMissingError
from hub_upload.repository import Repository
from hub_upload.triggers.targets import find_target, read_file


@pytest.fixture
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubDouble]:
    with hub(tmp_path / "hub", monkeypatch) as server:
        yield server


@pytest.fixture
def release(double: HubDouble, tmp_path: Path) -> Release:
    """A release that is here and, as v1.0.0, there."""
    made = make_release(tmp_path / "made")
    publish(made.path, REPO, "v1.0.0")
    return made


def test_a_tag_is_pinned_to_its_commit(release: Release, double: HubDouble) -> None:
    found = find_target(f"hf://datasets/{REPO}@v1.0.0")
    commit = double.store.repos["dataset", REPO].tags["v1.0.0"]
    assert (found.digest, found.repository, found.commit) == (release.digest, REPO, commit)
    assert found.reference == f"hf://datasets/{REPO}@{commit}"
    assert find_target(found.reference) == found
    assert find_target(str(release.path)).digest == found.digest
    # The manifest is all that is fetched.
    fetched = {asked.path for asked in double.requests if "/resolve/" in asked.path}
    assert {path.rpartition("/")[2] for path in fetched} == {"manifest.json"}


def test_a_folder_is_absolute(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(release.path.parent)
    found = find_target(release.path.name)
    assert (found.reference, found.repository, found.commit) == (str(release.path), None, None)
    with pytest.raises(ReleaseError, match="not a release"):
        find_target(".")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (f"hf://datasets/{REPO}@v9.9.9", HubMissingError),
        ("hf://datasets/weather/none@v1.0.0", HubMissingError),
        ("hf://datasets/weather", ConfigError),
        ("hf://models/weather/sentences", ConfigError),
        (f"hf://datasets/{REPO}@../x", ConfigError),
    ],
)
def test_references_to_nothing(text: str, error: type[Exception], release: Release) -> None:
    with pytest.raises(error):
        find_target(text, patience=Times().patience())


def test_a_dataset_that_is_no_release(double: HubDouble, tmp_path: Path) -> None:
    client = connect(None)
    client.create_repo("weather/plain", repo_type="dataset")
    with pytest.raises(HubMissingError, match="not a release"):
        find_target("hf://datasets/weather/plain@main")


def test_reading_is_bounded(release: Release, double: HubDouble, tmp_path: Path) -> None:
    repo = double.store.repos["dataset", REPO]
    double.store.commit(repo, [AddBlob("long.txt", b"x" * 100)], "Add", author="ada")
    repository = Repository(REPO, connect(None), Times().patience())
    head = repository.resolve("main")
    assert read_file(repository, "long.txt", head, limit=100) == b"x" * 100
    with pytest.raises(HubError, match="too large"):
        read_file(repository, "long.txt", head, limit=99)
    with pytest.raises(HubMissingError):
        read_file(repository, "none.txt", head, limit=99)
    shutil.rmtree(tmp_path / "made")
