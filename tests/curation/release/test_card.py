"""The card of a release whose names, titles and descriptions come from an enemy."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from test_release import TEXTS, config, make_release, records

from curation.release import layout
from curation.release.card import render_card
from curation.release.reader import Release
from curation.release.verify import verify_release

HOSTILE = "a | b\n\n---\n# <script>alert(1)</script> ![x](http://x) `\u202e\x1b[2J"
SECTIONS = [
    "Loading",
    "Training",
    "Languages",
    "How it was made",
    "Sources and licences",
    "Limits",
    "Data statement",
    "Citation",
]


def card(release: Release, **options: object) -> tuple[dict[str, object], str]:
    files = [file for file in release.files if file.rows is not None]
    shards = pa.table(
        {"path": [f.path for f in files], "bytes": [f.bytes for f in files], "rows": [f.rows for f in files]}
    )
    stats = release.stats
    stats["languages"]["tha_Thai"]["lost"] = {f"filter/{HOSTILE}": 1, "read/empty": 1}
    stats["funnel"][0]["stage"] = HOSTILE
    _, front, body = render_card(config(**options), stats, shards, release.path).split("---\n", 2)
    return yaml.safe_load(front), body


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return make_release(tmp_path_factory.mktemp("card"))


def test_the_sections_are_there_once(release: Release) -> None:
    _, body = card(release)
    assert re.findall(r"^## (.*)$", body, re.MULTILINE) == SECTIONS


def test_hostile_texts_break_nothing(release: Release) -> None:
    said = dict.fromkeys(("curation_rationale", "known_biases", "other", "speech_situation"), HOSTILE)
    _, body = card(release, title=HOSTILE, description=HOSTILE, data_statement=said)
    assert re.findall(r"^## (.*)$", body, re.MULTILINE) == SECTIONS
    assert not re.findall(r"(?<!\\)<", re.sub(r"```.*?```", "", body, flags=re.DOTALL))
    assert not {"\u202e", "\x1b"} & set(body)
    assert not re.findall(r"(?<!\\)!\[", body)
    tables = re.findall(r"(?:^\|.*\n)+", body, re.MULTILINE)
    assert len(tables) == 5
    for table in tables:
        assert len({re.sub(r"\\.", "", line).count("|") for line in table.splitlines()}) == 1


def test_each_language_has_its_line(release: Release) -> None:
    _, body = card(release)
    assert "| amh\\_Ethi | Amharic | 5 | 5 | 4 | 0 | 1 | 0.0% |  |" in body
    assert "(20.0%) |" in body
    assert all(code.replace("_", "\\_") in body for code in TEXTS)


def test_front_matter_says_what_the_hub_knows(release: Release) -> None:
    front, _ = card(release)
    assert front["annotations_creators"] == ["machine-generated"]
    assert front["language_creators"] == ["found"]
    assert front["multilinguality"] == ["translation"]
    assert front["source_datasets"] == ["original"]
    assert front["task_ids"] == []
    information = {entry["config_name"]: entry for entry in front["dataset_info"]}  # type: ignore[attr-defined]
    assert {split["name"]: split["num_examples"] for split in information["all"]["splits"]} == {"train": 44, "test": 11}
    assert set(information) <= {entry["config_name"] for entry in front["configs"]}  # type: ignore[attr-defined]


def test_negatives_are_only_promised_where_there_are_some(release: Release, tmp_path: Path) -> None:
    mining = config().mining.model_copy(update={"enabled": False})
    without = make_release(tmp_path, records(negatives=0), config().model_copy(update={"mining": mining}))
    for each, promised in ((release, True), (without, False)):
        for name in (layout.CARD, layout.CITATION, layout.CROISSANT):
            text = (each.path / name).read_text(encoding="utf-8")
            assert bool(re.search("(?i)hard.negatives|negative_1", text)) == promised, name
    assert verify_release(without.path)[1] == []


def test_the_card_of_the_release_is_that_card(release: Release, tmp_path: Path) -> None:
    assert "## Data statement" in (release.path / layout.CARD).read_text(encoding="utf-8")
