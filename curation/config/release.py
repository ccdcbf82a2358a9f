"""What people say about a release: who made it, and what a data statement needs beyond what can be counted."""

from __future__ import annotations

import datetime
import re
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator, model_validator

from curation.config.base import Section

_ORCID = re.compile(r"(?:https://orcid\.org/)?(\d{4}-\d{4}-\d{4}-\d{3}[\dX])")
_Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
_Text = Annotated[str, Field(max_length=20_000)]


class Author(Section):
    """A person (`family_names`, `given_names`) or a group (`name`) to be named when the dataset is cited."""

    name: _Line | None = None
    """Name of a group, or of a person whose name has no such parts."""
    family_names: _Line | None = None
    """Family names of a person."""
    given_names: _Line | None = None
    """Given names of a person."""
    orcid: str | None = None
    """ORCID of a person, for example `0000-0002-1825-0097`."""
    affiliation: _Line | None = None
    """Where a person works."""

    @field_validator("orcid")
    @classmethod
    def _is_an_orcid(cls, value: str | None) -> str | None:
        match = _ORCID.fullmatch(value) if value is not None else None
        if value is not None and match is None:
            raise ValueError("an ORCID is four times four digits, like 0000-0002-1825-0097")
        return match[1] if match else None

    @model_validator(mode="after")
    def _has_one_kind_of_name(self) -> Author:
        if (self.name is None) == (self.family_names is None and self.given_names is None):
            raise ValueError("an author has either `name`, or `family_names` and `given_names`")
        if self.name is not None and self.affiliation is not None:
            raise ValueError("a group has no affiliation: give a person's family_names and given_names")
        return self


class DataStatement(Section):
    """What only people know, for the card's data statement (Bender and Friedman, 2018); what is empty is left out."""

    curation_rationale: _Text = ""
    """Why these texts were chosen."""
    language_variety: _Text = ""
    """Dialects and registers, beyond the language codes."""
    speaker_demographic: _Text = ""
    """Who wrote or spoke the texts."""
    annotator_demographic: _Text = ""
    """Who judged or translated them."""
    speech_situation: _Text = ""
    """When, where and for whom they were written."""
    text_characteristics: _Text = ""
    """Genre and topics."""
    personal_information: _Text = ""
    """What personal and sensitive information they may hold."""
    known_biases: _Text = ""
    """Whose language is over- or under-represented, and what follows from that."""
    other: _Text = ""
    """Anything else that a user has to know."""


def checked_date(value: str | None) -> str | None:
    """Return a date as it was given.

    Raises:
        ValueError: if it is not a day of the calendar, written YYYY-MM-DD.
    """
    if value is not None and datetime.date.fromisoformat(value).isoformat() != value:
        raise ValueError("a date is written YYYY-MM-DD")
    return value
