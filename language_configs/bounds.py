"""The bounds of the filters, for each role of a text: what a profile, a language or a run may set."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, field_validator, model_serializer

from language_configs.files import read_yaml

Role = Literal["query", "title", "sentence", "passage", "code"]
ROLES: tuple[Role, ...] = get_args(Role)
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Bounds(BaseModel):
    """Bounds of filters. A bound that is not set is inherited; one that is set to `null` switches its filter off."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    min_chars: Annotated[int, Field(ge=1)] | None = None
    """Least number of characters of a text."""
    max_chars: Annotated[int, Field(ge=1)] | None = None
    """Greatest number of characters of a text."""
    max_mojibake_share: Share | None = None
    """Greatest share of characters that show encoding damage (U+FFFD, mis-decoded UTF-8)."""
    max_bad_character_share: Share | None = None
    """Greatest share of characters that no text has: unassigned, private, marks without a base, escapes of escapes."""
    min_letter_share: Share | None = None
    """Least share of letters and marks among the non-blank characters."""
    max_digit_share: Share | None = None
    """Greatest share of digits among the non-blank characters."""
    max_symbol_share: Share | None = None
    """Greatest share of punctuation and symbols among the non-blank characters."""
    max_address_share: Share | None = None
    """Greatest share of characters inside URLs and e-mail addresses."""
    max_markup_share: Share | None = None
    """Greatest share of characters that are markup: HTML, entities, BBCode, Markdown, wiki, LaTeX."""
    max_repetition: Share | None = None
    """Greatest share of text covered by repeats of one phrase; short text is exempt."""
    max_line_repetition: Share | None = None
    """Greatest share of characters in lines that repeat an earlier line; text of few lines is exempt."""
    max_word_chars: Annotated[int, Field(ge=1)] | None = None
    """Greatest number of letters and digits without anything between them; unspaced scripts are exempt."""
    max_foreign_share: Share | None = None
    """Greatest share of letters in scripts, other than Latin, that the language is not written in."""
    max_latin_share: Share | None = None
    """Greatest share of Latin letters in a language that is not written in them; short text is exempt."""
    max_mixed_word_share: Share | None = None
    """Greatest share of words with look-alikes of another script inside (Latin `a` in a Cyrillic word)."""
    same_language: Share | None = None
    """Bitext: `0` rejects pairs with both sides in the same language and script, `null` allows them."""
    max_length_ratio: Annotated[float, Field(gt=1.0, allow_inf_nan=False)] | None = None
    """Bitext: greatest ratio of the sides' lengths as of English text, smoothed for short text."""
    max_copy_similarity: Share | None = None
    """Greatest similarity of query and positive before the positive counts as a copy."""
    max_copied_share: Share | None = None
    """Bitext: greatest share of both sides in long passages that both have; close relatives are exempt."""
    max_markup_difference: Share | None = None
    """Bitext: greatest difference of the sides' shares of markup."""
    min_placeholder_agreement: Share | None = None
    """Bitext: least Jaccard similarity of the sets of placeholders (`%(name)s`, `{0}`, ...) of both sides."""
    min_number_agreement: Share | None = None
    """Bitext: least Dice coefficient of the sets of long numbers (two digits or more) of both sides."""
    min_address_agreement: Share | None = None
    """Bitext: least Dice coefficient of the sets of sites and e-mail addresses that both sides name."""

    def over(self, base: Bounds) -> Bounds:
        """Return `base` with what is set here in its place."""
        return base.model_copy(update=self.set_here())

    def set_here(self) -> dict[str, Any]:
        """Return the bounds that are set, by name."""
        return {name: getattr(self, name) for name in Bounds.model_fields if name in self.model_fields_set}

    @field_validator("*", mode="before")
    @classmethod
    def _null_is_none(cls, value: object) -> object:
        """Accept `null` from the data files, whose loader leaves it a string."""
        return None if value == "null" else value

    @model_serializer(mode="wrap")
    def _without_what_is_not_set(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave unset bounds out, for written down as `null` they would switch filters off."""
        unset = set(Bounds.model_fields) - self.model_fields_set
        return {name: value for name, value in handler(self).items() if name not in unset}


@cache
def profile(name: str) -> Mapping[Role, Bounds]:
    """Return the bounds of a profile for each role, from `profiles/NAME.yml`.

    Raises:
        ValueError: if there is no such profile.
    """
    if name not in profile_names():
        raise ValueError(f"no filter profile {name!r}; there are {', '.join(profile_names())}")
    data = read_yaml(files(__package__) / "profiles" / f"{name}.yml")
    if not isinstance(data, dict):
        raise TypeError(f"profiles/{name}.yml: a mapping from role to bounds is expected")
    if unknown := sorted(data.keys() - {"all", *ROLES}):
        raise ValueError(f"profiles/{name}.yml: {unknown[0]!r} is no role; there are all, {', '.join(ROLES)}")
    common = Bounds.model_validate(data.pop("all", {}))
    return MappingProxyType({role: Bounds.model_validate(data.get(role, {})).over(common) for role in ROLES})


@cache
def profile_names() -> tuple[str, ...]:
    """Return the names of all profiles."""
    folder = files(__package__) / "profiles"
    return tuple(sorted(item.name.removesuffix(".yml") for item in folder.iterdir() if item.name.endswith(".yml")))
