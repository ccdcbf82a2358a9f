"""The shape of the files: root, scripts, families and languages; and of a language with all that it inherits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from language_configs.bounds import Bounds, Role, Share, profile

NATURAL_CODE = r"[a-z]{3}_[A-Z][a-z]{3}"
PROGRAMMING_CODE = r"[a-z][a-z0-9]*_Zzzz"

System = Literal["flores", "glotlid", "iso639_2", "lid176", "mteb"]
SYSTEMS: tuple[System, ...] = get_args(System)

# YAML's numbers come as strings.
Version = Annotated[Literal[1], BeforeValidator(lambda value: 1 if value == "1" else value)]
Code = Annotated[str, StringConstraints(pattern=f"^({NATURAL_CODE}|{PROGRAMMING_CODE})$")]
Script = Annotated[str, StringConstraints(pattern=r"^[A-Z][a-z]{3}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=80)]
# As `resolve` reads codes: small letters, and `_` before a region or script.
Alias = Annotated[str, StringConstraints(pattern=r"^[^\s_\p{Lu}-][^\s\p{Lu}]*$")]
FamilyKey = Annotated[str, StringConstraints(pattern=r"^[a-z]+(-[a-z]+)*$")]
# YAML has lists only, and strict tuples would refuse them.
Strings = Annotated[tuple[str, ...], Field(strict=False)]
Scripts = Annotated[tuple[Script, ...], Field(strict=False, min_length=1)]
Factor = Annotated[float, Field(gt=0, strict=False, allow_inf_nan=False)]

_STRICT = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)
_LAX = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Calibration(BaseModel):
    """Where the thresholds of an identification model come from."""

    model_config = _LAX

    lines: Annotated[int, Field(ge=1)]
    """Number of lines of trusted text that were measured."""
    sources: Annotated[tuple[str, ...], Field(min_length=1)]
    """What the lines were taken from."""
    date: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    """When they were measured."""
    formula: str
    """How the values follow from the lines, with the version of the program."""
    reason: str = ""
    """Why a threshold rises with the length of the text, where one does."""


class Identification(BaseModel):
    """How far an identification model is to be believed about one language."""

    model_config = _LAX

    log_weight: Annotated[float, Field(ge=-20, le=20, allow_inf_nan=False)] = 0.0
    """Natural logarithm of what the model's probability is multiplied with, to undo its training prior."""
    min_score: Mapping[Annotated[int, Field(ge=0)], Share] = {}
    """Least score at which the language is believed, by the least number of letters from which that holds."""
    calibration: Calibration | None = None
    """Where the values come from; nothing for values set by hand."""


class Level(BaseModel):
    """What a file of any level may set. What it does not set, it inherits from the level above."""

    model_config = _STRICT

    version: Version
    """Version of this shape."""
    spaced: bool = True
    """Whether blanks stand between words."""
    terminals: str = ""
    """The characters that end a sentence."""
    digits: Strings = ()
    """The sets of digits in use, each from zero to nine, the script's own first."""
    profile: str = "standard"
    """Filter profile (`profiles/NAME.yml`), unless the run names another."""
    filters: Mapping[Role | Literal["all"], Bounds] = {}
    """Bounds of the filters that differ from the profile's, by role; `all` is for every role."""
    length_factor: Factor = 1.0
    """Characters of a text for each character of its English translation, as a corpus."""
    identification: Mapping[str, Identification] = {}
    """How far each identification model is to be believed, by its name."""


class RootFile(Level):
    """`root.yml`: what holds where nothing else is said."""


class ScriptFile(Level):
    """`scripts/Xxxx.yml`: what holds for all languages in a script."""

    name: Name | None = None
    """English name; a user's file that adds to ours may leave it out."""
    members: Scripts | None = None
    """The Unicode scripts whose letters occur in it; the script itself where nothing is said."""
    aliases: Annotated[tuple[Script, ...], Field(strict=False)] = ()
    """Other codes of ISO 15924 that text in this script goes by."""


class FamilyFile(Level):
    """`families/NAME.yml`: what holds for all languages of a family or macro-language."""

    name: Name | None = None
    """English name; a user's file that adds to ours may leave it out."""
    within: FamilyKey | None = None
    """The larger family, which is the level above."""


class LanguageFile(Level):
    """`languages/xxx_Xxxx.yml`: one language in one script, or one programming language (`name_Zzzz.yml`).

    The file of the default script has the name and all that does not depend on the script; files of the other scripts
    (which the former lists) have neither and inherit both from it.
    """

    name: Name | None = None
    """English name; it marks the file of the default script."""
    family: FamilyKey | None = None
    """The smallest family or macro-language that has a file."""
    iso639_1: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")] = ""
    """Two-letter code."""
    macrolanguage: Annotated[str, StringConstraints(pattern=r"^[a-z]{3}$")] = ""
    """ISO 639-3 code of the macro-language that ISO counts it to."""
    collective: bool = False
    """Whether the code is one of ISO 639-2 for a group of languages, which ISO 639-3 has not."""
    aliases: Annotated[tuple[Alias, ...], Field(strict=False)] = ()
    """Further codes: macro-languages, collectives, bibliographic, retired and regional ones."""
    scripts: Scripts | None = None
    """All scripts that the language is written in, the default first, where there are several."""
    labels: Mapping[System, Strings] = {}
    """Labels in a code system where they are not what the rule says (see `labels.py`)."""
    extensions: Annotated[tuple[Annotated[str, StringConstraints(pattern=r"^\S+$")], ...], Field(strict=False)] = ()
    """Programming: endings of file names with their dot, or whole names such as `Makefile`."""
    pygments: str = ""
    """Programming: alias of the Pygments lexer."""


class Language(BaseModel):
    """One language in one script, or one programming language, with all that it inherits."""

    model_config = _STRICT

    code: Code
    """ISO 639-3 and ISO 15924, `swh_Latn`; for a programming language its short name and `Zzzz`, `python_Zzzz`."""
    name: Name
    """English name."""
    kind: Literal["natural", "programming"]
    """What people speak, or what machines run."""
    family: str = ""
    """The smallest family or macro-language that has a file, or nothing."""
    iso639_1: Annotated[str, StringConstraints(pattern=r"^([a-z]{2})?$")] = ""
    """Two-letter code, or nothing."""
    macrolanguage: str = ""
    """ISO 639-3 code of the macro-language that ISO counts it to, or nothing."""
    collective: bool = False
    """Whether the code is one of ISO 639-2 for a group of languages, which ISO 639-3 has not."""
    aliases: Strings = ()
    """Further codes: macro-languages, collectives, bibliographic, retired and regional ones."""
    scripts: Scripts
    """All scripts that the language is written in, the default first; the same for each of them."""
    labels: Mapping[System, Strings] = {}
    """What the language in this script is called in each code system that has it, the usual label first."""
    extensions: Strings = ()
    """Programming: endings of file names with their dot, or whole names such as `Makefile`."""
    pygments: str = ""
    """Programming: alias of the Pygments lexer."""

    spaced: bool
    """Whether blanks stand between words."""
    terminals: str = ""
    """The characters that end a sentence."""
    digits: Strings = ()
    """The sets of digits in use, each from zero to nine, the script's own first."""
    profile: str = "standard"
    """Filter profile (`profiles/NAME.yml`), unless the run names another."""
    filters: Mapping[Role, Bounds] = {}
    """Bounds of the filters that differ from the profile's, by role."""
    length_factor: Factor = 1.0
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

    @property
    def iso639_3(self) -> str:
        """Three-letter code of the language, or nothing for a collective or a programming language."""
        return "" if self.collective or self.kind == "programming" else self.base

    @property
    def bcp47(self) -> str:
        """The shortest BCP-47 tag: the script is named unless it is the default; nothing for programming."""
        if self.kind == "programming":
            return ""
        short = self.iso639_1 or self.base
        return short if self.script == self.scripts[0] else f"{short}-{self.script}"

    @property
    def iso639_2(self) -> tuple[str, ...]:
        """Codes of ISO 639-2 under which its text is filed, the terminological before the bibliographic."""
        return self.labels.get("iso639_2", ())

    @property
    def flores(self) -> str:
        """The code in FLORES-200, or nothing."""
        return next(iter(self.labels.get("flores", ())), "")

    @property
    def glotlid(self) -> tuple[str, ...]:
        """Labels under which GlotLID v3 knows the language in this script; empty where it does not."""
        return self.labels.get("glotlid", ())

    @property
    def lid176(self) -> tuple[str, ...]:
        """Labels under which the model lid.176 knows the language in this script; empty where it does not."""
        return self.labels.get("lid176", ())

    @property
    def mteb(self) -> str:
        """The usual code in the tasks of MTEB, or nothing."""
        return next(iter(self.labels.get("mteb", ())), "")

    @model_validator(mode="after")
    def _is_written_in_its_script(self) -> Language:
        if self.script not in self.scripts:
            raise ValueError(f"{self.code}: its script {self.script} is not one of its scripts {list(self.scripts)}")
        if (self.kind == "programming") != (self.script == "Zzzz"):
            raise ValueError(f"{self.code}: the script Zzzz is for programming languages, and they have no other")
        return self
