"""Verdicts in a dataset of their own, on the Hub's double."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_double import HubDouble
from small_releases import REPO, hub
from trigger_runs import DIGEST, verdict_bytes

from curation.errors import ConfigError
from hub_upload.errors import HubMissingError
from hub_upload.triggers.verdict_repository import VerdictRepository

KEY = "1a" * 32


@pytest.fixture
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubDouble]:
    with hub(tmp_path / "hub", monkeypatch) as server:
        yield server


def test_what_is_written_is_read_and_written_once(double: HubDouble) -> None:
    place = VerdictRepository.beside(REPO, "weather/verdicts")
    for _ in range(2):
        place.write(DIGEST, KEY, verdict_bytes("fail"))
    place.write(DIGEST, KEY[::-1], verdict_bytes())
    assert place.read(DIGEST, KEY) == verdict_bytes("fail")
    assert place.read(DIGEST, KEY[::-1]) == verdict_bytes()
    assert [made.repo.name for made in double.commits] == ["weather/verdicts"] * 2
    assert double.store.repos["dataset", "weather/verdicts"].private
    with pytest.raises(HubMissingError):
        place.read("cd" * 32, KEY)


@pytest.mark.parametrize("name", ["weather", "a/b/c", "../verdicts", "weather/ver dicts", "", "weather/вердикты"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(ConfigError):
        VerdictRepository.beside(REPO, name)
