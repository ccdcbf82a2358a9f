"""What is read from a manifest that a stranger may have written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curation.errors import ReleaseError
from curation.release import Release
from curation.training.export.training_data import TrainingData, training_data

SOURCES = [
    {"name": "django", "instruction": "Find the translation."},
    {"name": "plain", "instruction": ""},
    {"name": "query", "instruction": "पूछें"},
]
MANIFEST: dict[str, Any] = {
    "name": "messages",
    "version": "1.0.0",
    "config": {"sources": SOURCES},
    "sources": {},
    "licence": {"release": "MIT"},
    "files": [],
}


def test_it_is_read() -> None:
    prompts = {
        "django": "Instruct: Find the translation.\nQuery: ",
        # `encode_query` would use one of that name unasked.
        "query_source": "Instruct: पूछें\nQuery: ",
    }
    expected = TrainingData("messages", "1.0.0", "d" * 64, "MIT", (), prompts)
    assert training_data(Release(Path("release"), MANIFEST, "d" * 64)) == expected


@pytest.mark.parametrize("licence", [{}, {"licence": {"release": None}}])
def test_a_release_without_one_licence(licence: dict[str, Any]) -> None:
    manifest = {key: value for key, value in MANIFEST.items() if key != "licence"} | licence
    assert training_data(Release(Path("release"), manifest, "d" * 64)).licence == ""


@pytest.mark.parametrize(
    "change",
    [
        {"name": 3},
        {"version": None},
        {"config": {}},
        {"config": {"sources": None}},
        {"config": {"sources": ["django"]}},
        {"config": {"sources": [{"name": ["a"], "instruction": "b"}]}},
        {"config": {"sources": [{"name": "a", "instruction": 5}]}},
        {"licence": "MIT"},
        {"licence": {"release": ["MIT"]}},
    ],
)
def test_a_manifest_that_is_not_ours_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ReleaseError, match="manifest"):
        training_data(Release(Path("release"), {**MANIFEST, **change}, "d" * 64))
