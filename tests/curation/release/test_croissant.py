"""croissant.json as mlcroissant sees it: valid, and its records are those of the release."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from test_release import TEXTS, config, make_release

from curation.release import layout

HOSTILE = '"}\n</script>\u202e\x1b|`'
STATEMENT = {"annotator_demographic": "Переводчики", "known_biases": HOSTILE, "personal_information": "名前"}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Any:
    settings = config(
        date="2026-11-28",
        title=HOSTILE,
        description=HOSTILE,
        data_statement=STATEMENT,
        authors=[{"name": HOSTILE}, {"family_names": "Иванова", "given_names": "Мария"}],
    )
    return make_release(tmp_path_factory.mktemp("croissant"), settings=settings)


def test_mlcroissant_takes_it(release: Any) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    dataset = mlcroissant.Dataset(str(release.path / layout.CROISSANT))
    assert not dataset.metadata.ctx.issues.errors
    assert not dataset.metadata.ctx.issues.warnings
    assert dataset.metadata.name == "weather"
    assert dataset.metadata.data_biases[0].endswith("Sources differ from language to language.")
    assert dataset.metadata.data_limitations
    assert "名前" in dataset.metadata.personal_sensitive_information[0]
    assert len(dataset.metadata.in_language) == len(TEXTS)


def test_mlcroissant_reads_the_records(release: Any) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    dataset = mlcroissant.Dataset(str(release.path / layout.CROISSANT))
    for view in ("data", "full"):
        rows = [row for split in release.splits for row in release.read(view, split=split).to_pylist()]
        records = list(dataset.records(view))
        assert len(records) == len(rows)
        found = {(row[f"{view}/anchor"].decode(), row[f"{view}/positive"].decode()) for row in records}
        assert found == {(row["anchor"], row["positive"]) for row in rows}
        assert {row[f"{view}/split"] for row in itertools.islice(records, 55)} == {b"train", b"test"}


def test_every_shard_has_its_digest(release: Any) -> None:
    value = json.loads((release.path / layout.CROISSANT).read_text(encoding="utf-8"))
    files = {each["contentUrl"]: each["sha256"] for each in value["distribution"] if each["@type"] == "cr:FileObject"}
    assert files == {file.path: file.sha256 for file in release.files if file.rows is not None}
    assert value["license"] == ["https://spdx.org/licenses/CC0-1.0"]
    assert value["datePublished"] == "2026-11-28"
    text = json.dumps(value, ensure_ascii=False)
    assert "\u202e" not in text
    assert "\\u001b" not in text
