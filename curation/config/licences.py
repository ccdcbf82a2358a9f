"""What a config says about licences, and how that is checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import field_validator, model_validator

from curation.config.base import Section
from curation.config.rules import check_name

Redistribution = Literal["allowed", "recipe"]


class DescribedLicence(Section):
    """What a licence is like that the program has no facts about."""

    like: str | None = None
    """Licence or SPDX expression whose duties and permissions are the same, for example `CC-BY-4.0`."""
    redistribution: Redistribution = "allowed"
    """`recipe` where it forbids passing the texts on."""
    name: str = ""
    """Its full name, for the release's notes."""
    url: str = ""
    """Where it can be read, for the release's notes."""

    @field_validator("like")
    @classmethod
    def _is_in_the_table(cls, value: str | None) -> str | None:
        from curation.licences.expression import licences_of, parse
        from curation.licences.table import licence_table

        if value is None:
            return None
        for licence in licences_of(parse(spdx(value))):
            if licence.name not in licence_table():
                raise ValueError(f"{licence.name} is itself in no table; docs/licences.md has those that are")
        return spdx(value)

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://")):
            raise ValueError("an address begins with https:// or http://")
        return value

    @model_validator(mode="after")
    def _says_something(self) -> DescribedLicence:
        if self.like is None and self.redistribution == "allowed" and not (self.name or self.url):
            raise ValueError("nothing is said about it; for example `like: CC-BY-4.0`, or `redistribution: recipe`")
        return self


def spdx(value: str) -> str:
    """Return an SPDX expression as the SPDX list spells it.

    Raises:
        ValueError: if it is none; the message says what may be meant.
    """
    from curation.licences.expression import canonical

    return canonical(value)


def check_descriptions(described: Mapping[str, DescribedLicence], used: Sequence[str]) -> None:
    """Refuse descriptions of licences that the program knows, and of such that no source is under.

    Raises:
        ValueError: with what may be meant.
    """
    from curation.licences.expression import licences_of, parse
    from curation.licences.table import licence_table

    names = {licence.name for expression in used for licence in licences_of(parse(expression))}
    for name in described:
        if name in licence_table():
            raise ValueError(f"{name} is in the table already, and means what it means there")
        check_name("licence of a source", name, names)
