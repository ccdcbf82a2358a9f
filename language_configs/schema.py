"""The shape of a language file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from language_configs.bounds import Bounds, Role, profile

NATURAL_CODE = r"[a-z]{3}_[A-Z][a-z]{3}"
PROGRAMMING_CODE = r"[a-z][a-z0-9]*_Zzzz"

Script = Annotated[str, StringConstraints(pattern=r"^[A-Z][a-z]{3}$")]
# YAML has lists only, and strict tuples would refuse them.
Strings = Annotated[tuple[str, ...], Field(strict=False)]


class Identification(BaseModel):
    """How far an identification model is to be believed about one language."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    log_weight: float = 0.0
    """Natural logarithm of what the model's probability is multiplied with, to undo its training prior."""
    min_score: Mapping[int, Annotated[float, Field(ge=0.0, le=1.0)]] = {}
    """Least score at which the language is believed, by the least number of letters from which that holds."""


class Language(BaseModel):
    """One language in one script, or one programming language."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    code: Annotated[str, StringConstraints(pattern=f"^({NATURAL_CODE}|{PROGRAMMING_CODE})$")]
    """ISO 639-3 and ISO 15924, `swh_Latn`; for a programming language its short name and `Zzzz`, `python_Zzzz`."""
    name: Annotated[str, StringConstraints(min_length=1)]
    """English name."""
    kind: Literal["natural", "programming"]
    """What people speak, or what machines run."""
    iso639_1: Annotated[str, StringConstraints(pattern=r"^([a-z]{2})?$")] = ""
    """Two-letter code, or nothing."""
    lid176: Strings = ()
    """Labels under which the model lid.176 knows the language in this script; empty where it does not."""
    aliases: Strings = ()
    """Further codes: macro-languages, collectives, bibliographic, retired and regional ones."""
    scripts: Annotated[tuple[Script, ...], Field(strict=False, min_length=1)]
    """All scripts that the language is written in, the default first; the same in each of its files."""
    spaced: bool
    """Whether blanks stand between words."""

    profile: str = "standard"
    """Filter profile (`profiles/NAME.yml`), unless the run names another."""
    filters: Mapping[Role, Bounds] = {}
    """Bounds of the filters that differ from the profile's, by role."""
    length_factor: Annotated[float, Field(gt=0, strict=False)] = 1.0
    """Characters of a text for each character of its English translation, as a corpus: 0.3 for Chinese."""
    identification: Mapping[str, Identification] = {}
    """How far each identification model is to be believed, by its name."""

    def bounds(self, role: Role, profile_name: str | None = None) -> Bounds:
        """Return the bounds of the filters for a role, on the profile of that name or the language's own."""
        own = self.filters.get(role, Bounds())
        return own.over(profile(profile_name or self.profile)[role])

    @property
    def base(self) -> str:
        """The code without its script: ISO 639-3 for a natural language."""
        return self.code.rpartition("_")[0]

    @property
    def script(self) -> str:
        """The script of this variant, as in the code."""
        return self.code.rpartition("_")[2]

    @model_validator(mode="after")
    def _is_written_in_its_script(self) -> Language:
        if self.script not in self.scripts:
            raise ValueError(f"{self.code}: its script {self.script} is not one of its scripts {list(self.scripts)}")
        if (self.kind == "programming") != (self.script == "Zzzz"):
            raise ValueError(f"{self.code}: the script Zzzz is for programming languages, and they have no other")
        return self
