"""The bounds of the filters, for each role of a text: what a profile, a language or a run may set."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from language_configs.files import read_yaml

Role = Literal["query", "title", "sentence", "passage", "code"]
ROLES: tuple[Role, ...] = get_args(Role)
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Bounds(BaseModel):
    """Bounds of filters. A bound that is not set is inherited; one that is set to `null` switches its filter off."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    min_chars: int | None = Field(default=None, ge=1)
    """Least number of characters of a text."""
    max_chars: int | None = Field(default=None, ge=1)
    """Greatest number of characters of a text."""
    min_letter_share: Share | None = None
    """Least share of letters and marks among the non-blank characters of natural-language text."""
    max_repetition: Share | None = None
    """Greatest share of text covered by repeats of one phrase; short text is exempt."""
    max_mojibake_share: Share | None = None
    """Greatest share of characters that show encoding damage (U+FFFD, mis-decoded UTF-8)."""
    max_markup_share: Share | None = None
    """Greatest share of characters inside HTML tags or entities; code is exempt."""
    max_length_ratio: Annotated[float, Field(gt=1.0)] | None = None
    """Bitext: greatest ratio of the sides' lengths, smoothed for short text."""
    max_copy_similarity: Share | None = None
    """Greatest similarity of query and positive before the positive counts as a copy."""
    min_placeholder_agreement: Share | None = None
    """Bitext: least Jaccard similarity of the sets of placeholders (`%(name)s`, `{0}`, ...) of both sides."""
    min_number_agreement: Share | None = None
    """Bitext: least Dice coefficient of the sets of long numbers (two digits or more) of both sides."""

    def over(self, base: Bounds) -> Bounds:
        """Return `base` with what is set here in its place."""
        return base.model_copy(update=self.set_here())

    def set_here(self) -> dict[str, Any]:
        """Return the bounds that are set, by name."""
        return {name: getattr(self, name) for name in Bounds.model_fields if name in self.model_fields_set}

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
    common = Bounds.model_validate(data.pop("all", {}))
    return MappingProxyType({role: Bounds.model_validate(data.get(role, {})).over(common) for role in ROLES})


@cache
def profile_names() -> tuple[str, ...]:
    """Return the names of all profiles."""
    folder = files(__package__) / "profiles"
    return tuple(sorted(item.name.removesuffix(".yml") for item in folder.iterdir() if item.name.endswith(".yml")))
