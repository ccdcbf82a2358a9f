"""CITATION.cff against the rules of the format itself, by the library that its makers recommend."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from test_release import config

from curation.release.citation import line, render_citation

AUTHORS: list[dict[str, Any]] = [
    {"family_names": "Иванова", "given_names": "Мария", "orcid": "https://orcid.org/0000-0002-1825-0097"},
    {"given_names": "ማርያም", "affiliation": "አዲስ አበባ ዩኒቨርሲቲ"},
    {"name": "言語資源の会"},
]


def valid(text: str) -> dict[str, Any]:
    cffconvert = pytest.importorskip("cffconvert")
    cffconvert.Citation(text).validate()
    value: dict[str, Any] = yaml.safe_load(text)
    return value


def test_authors_version_and_date() -> None:
    value = valid(
        render_citation(config(authors=AUTHORS, version="1.2.3", date="2026-11-28", title="Погода"), negatives=2)
    )
    assert (value["title"], value["version"], value["type"]) == ("Погода", "1.2.3", "dataset")
    assert value["authors"] == [
        {"family-names": "Иванова", "given-names": "Мария", "orcid": "https://orcid.org/0000-0002-1825-0097"},
        {"given-names": "ማርያም", "affiliation": "አዲስ አበባ ዩኒቨርሲቲ"},
        {"name": "言語資源の会"},
    ]
    assert str(value["date-released"]) == "2026-11-28"


def test_without_authors_the_dataset_stands_for_them() -> None:
    value = valid(render_citation(config(), negatives=2))
    assert value["authors"] == [{"name": "The makers of weather"}]
    assert "date-released" not in value


@given(st.text(), st.text(), st.text(min_size=1, max_size=20))
def test_hostile_texts_stay_texts(title: str, description: str, name: str) -> None:
    authors = [{"name": f"x{name}"}]
    value = yaml.safe_load(render_citation(config(title=title, description=description, authors=authors), negatives=2))
    assert set(value) == {"cff-version", "message", "type", "title", "version", "authors", "abstract", "keywords"}
    assert value["title"] == (line(title) or "weather")


@pytest.mark.parametrize("title", ["a: b\n---\n- !!python/object:x", "\u202e", "no", "1.0", "'\"`${x}"])
def test_hostile_titles_are_valid(title: str) -> None:
    assert valid(render_citation(config(title=title), negatives=2))["title"] == (line(title) or "weather")
