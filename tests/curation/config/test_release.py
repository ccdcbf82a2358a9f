from __future__ import annotations

from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from curation.config import RunConfig, parse_config
from curation.config.release import Author, checked_date
from curation.errors import ConfigError

SOURCES = "name: x\nsources: [{name: s, format: tsv, path: x, licence: MIT, task: sts}]\n"


def config(text: str) -> RunConfig:
    return parse_config(SOURCES + text)


@pytest.mark.parametrize(
    ("author", "orcid"),
    [
        ({"name": "言語資源の会"}, None),
        ({"family_names": "Nkosi", "given_names": "Thandi", "orcid": "0000-0002-1694-233X"}, "0000-0002-1694-233X"),
        ({"given_names": "ማርያም", "orcid": "https://orcid.org/0000-0002-1825-0097"}, "0000-0002-1825-0097"),
    ],
)
def test_authors(author: dict[str, Any], orcid: str | None) -> None:
    assert Author.model_validate(author).orcid == orcid
    whole = Author.model_validate(author)
    assert Author.model_validate(whole.model_dump(mode="json")) == whole


@pytest.mark.parametrize(
    "author",
    [
        {},
        {"orcid": "0000-0002-1825-0097"},
        {"name": "A", "family_names": "B"},
        {"name": "A", "affiliation": "B"},
        {"name": ""},
        {"name": " "},
        {"name": "A", "orcid": "https://example.org/0000-0002-1825-0097"},
        {"name": "A", "orcid": "0000-0002-1825-009x"},
        {"name": "A", "email": "a@b.c"},
    ],
    ids=str,
)
def test_what_is_no_author(author: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Author.model_validate(author)


@pytest.mark.parametrize("date", ["2026-02-30", "20261128", "2026-W48-6", "28.11.2026", "2026-11-28T00:00:00", ""])
def test_what_is_no_date(date: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        checked_date(date)


def test_a_resolved_config_is_read_back() -> None:
    text = "release: {parent: ../old, date: 2026-11-28, version: 1.2.3, authors: [{given_names: Ana}], "
    one = config(text + "data_statement: {other: 'לא'}}\n")
    assert (one.release.date, one.release.parent, one.release.data_statement.other) == ("2026-11-28", "../old", "לא")
    assert parse_config(yaml.safe_dump(one.model_dump(mode="json"), allow_unicode=True)) == one


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("release: {date: 28 November}\n", "release.date is not valid"),
        ("release: {authors: [{family-names: Nkosi}]}\n", "did you mean 'family_names'"),
        ("release: {data_statement: {speech_situatoin: x}}\n", "did you mean 'speech_situation'"),
        ("release: {version: 1.2.9999999999}\n", "release.version is not valid"),
    ],
)
def test_mistakes_are_explained(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        config(text)
    assert words in str(error.value)
